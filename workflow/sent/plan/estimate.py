"""The whole estimate of an experiment as plain numbers: bytes, seconds and counts."""

from pathlib import Path
from typing import Any

from sent.experiment import ResolvedExperiment
from sent.plan import activations, fitting
from sent.plan.devices import Device
from sent.plan.jobs import Jobs
from sent.plan.measured import measured
from sent.plan.memory import Trainer
from sent.plan.preparing import Job
from sent.plan.workload import Workload


def estimate(experiment: ResolvedExperiment, gpu: Device, results: Path, share: float) -> dict[str, Any]:
    """Return the estimate: `gpu`, `models` (memory and verdict), `rules`, `total` and `measured`.

    ``share`` is the mean length of a response as a share of its limit, where no file of a run below ``results`` tells.
    Raises :class:`SentError` if a model's sizes or a number of questions is not known.
    """
    workload = Workload(experiment, results, share)
    builder = Jobs(experiment, workload, gpu)
    jobs = list(builder.all())
    return {
        "experiment": experiment.name,
        "gpu": {"name": gpu.name, "memory": gpu.memory, "flops": gpu.flops, "bandwidth": gpu.bandwidth},
        "length_share": share,
        "questions": {"train": workload.train_questions(), "benchmarks": workload.benchmark_questions()},
        "models": {name: _model(builder, name) for name in builder.shapes},
        "rules": _rules(jobs),
        "total": {
            "seconds": sum(job.seconds for job in jobs),
            "gpu_hours": sum(job.gpu_hours for job in jobs),
            "tokens": sum(job.tokens for job in jobs),
            "disk": sum(job.disk for job in jobs),
            "checkpoints": sum(job.later_removed for job in jobs),
        },
        "measured": _measured(workload.folder, jobs),
    }


def _model(builder: Jobs, name: str) -> dict[str, Any]:
    """Memory of a model's training, by the most demanding of the methods, and whether it fits."""
    shape, entry = builder.shapes[name], builder.experiment.models[name]
    facts = {"parameters": shape.parameters}
    if not builder.experiment.trained:
        return facts
    trainers = {method: builder.trainer(name, method) for method in builder.experiment.trained}
    method = max(trainers, key=lambda method: trainers[method].peak().total)
    trainer, settings = trainers[method], builder.experiment.by_model[name].training
    tokens = trainer.batch_tokens()[1]
    wrong = fitting.problems(trainer)
    remedy = fitting.remedy(trainer) if wrong else None
    adapters = fitting.with_adapters(trainer) if wrong else None
    return facts | {
        "gpus": entry.resources.gpus,
        "strategy": trainer.strategy,
        "method": method,
        "phases": {phase.name: phase.parts for phase in trainer.phases()},
        "peak": {"phase": trainer.peak().name, "bytes": trainer.peak().total, "room": trainer.room()},
        "activations": _activations(trainer),
        "log_probabilities": {
            "blocks": activations.logit_blocks(shape, tokens, trainer.precision, backward=True),
            "plain": activations.plain_logits(shape, tokens),
        },
        "cache": {
            "bytes_per_token": shape.cache_bytes(trainer.width),
            "in_rollouts": trainer.engine_cache() if settings.backend == "vllm" else None,
        },
        "host": trainer.host() if trainer.device.is_gpu else None,
        "fits": not wrong,
        "problems": wrong,
        "fits_with": remedy.changes if remedy and remedy.fits else None,
        "fits_as_adapters_with": adapters.changes if adapters else None,
    }


def _activations(trainer: Trainer) -> dict[str, float]:
    """Bytes of a micro-batch's activations, with and without gradient checkpointing."""
    tokens = trainer.batch_tokens()[1]
    return {
        name: tokens * activations.kept(trainer.shape, trainer.precision, checkpointing)
        for name, checkpointing in (("plain", False), ("checkpointing", True))
    }


def _rules(jobs: list[Job]) -> list[dict[str, Any]]:
    """Sums of the jobs of each rule and model, in the order in which they run."""
    groups: dict[tuple[str, str], list[Job]] = {}
    for job in jobs:
        groups.setdefault((job.rule, job.model), []).append(job)
    return [
        {
            "rule": rule,
            "model": model,
            "jobs": len(group),
            "gpus": max(job.gpus for job in group),
            "tokens": sum(job.tokens for job in group),
            "seconds": sum(job.seconds for job in group),
            "longest_seconds": max(job.seconds for job in group),
            "gpu_hours": sum(job.gpu_hours for job in group),
            "disk": sum(job.disk for job in group),
        }
        for (rule, model), group in groups.items()
    ]


def _measured(folder: Path, jobs: list[Job]) -> list[dict[str, Any]]:
    """Estimates beside measurements of the jobs that have run, as means over the jobs of a rule and model."""
    groups: dict[tuple[str, str], list] = {}
    for job in jobs:
        if (found := measured(folder, job)) is not None:
            groups.setdefault((job.rule, job.model), []).append((job, found))
    rows = []
    for (rule, model), pairs in groups.items():
        memory = [(job.memory, found.memory) for job, found in pairs if found.memory is not None]
        rows.append(
            {
                "rule": rule,
                "model": model,
                "jobs": len(pairs),
                "seconds": [
                    sum(job.seconds for job, _ in pairs) / len(pairs),
                    sum(f.seconds for _, f in pairs) / len(pairs),
                ],
                "memory": [max(one) for one in zip(*memory, strict=True)] if memory else None,
            }
        )
    return rows
