"""Estimate what an experiment will need before it is run: memory of each model on a GPU, time, GPU-hours and disk by rule.

The formulas and their sources are in docs/plan.md. Where a run has left files, its lengths are used, and its measured
seconds and memory are printed beside the estimates.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from sent.errors import SentError, nearest
from sent.experiment import ResolvedExperiment, read
from sent.plan.jobs import LIKE, NEVER, RAN, JobEstimate, Jobs, Workload
from sent.plan.measured import corrected, measured
from sent.plan.memory import TrainingMemory, kept_activations, logit_blocks, plain_logits
from sent.plan.remedies import problems, remedy_of, with_adapters
from sent.plan.schedule import list_schedule, tasks_of
from sent.plan.sizes import GIB, GPUS, Device


def print_estimate(args: argparse.Namespace) -> None:
    """Print the estimate that the command line asks for (see :mod:`sent.plan.command`)."""
    if args.gpu not in GPUS:
        raise SentError(f"--gpu: no GPU is called '{args.gpu}'{nearest(args.gpu, GPUS)}")
    if not 0 < args.length_share <= 1:
        raise SentError(f"--length-share: expected a share above 0 and up to 1, found {args.length_share}")
    if args.gpus is not None and args.gpus < 1:
        raise SentError(f"--gpus: expected a number of GPUs from 1 on, found {args.gpus}")
    found = estimate(read(args.configfile), GPUS[args.gpu], args.results, args.length_share, args.gpus)
    print(json.dumps(found, indent=1) if args.json else page(found))


def estimate(
    experiment: ResolvedExperiment, gpu: Device, results: Path, share: float, gpus: int | None = None
) -> dict[str, Any]:
    """Return the estimate: `gpu`, `models` (memory and verdict), `rules`, `total`, `wall_clock` and `measured`.

    ``share`` is the mean length of a response as a share of its limit, where no file of a run below ``results`` tells;
    ``gpus`` the size of the cluster, by default as many as the largest job asks for.
    Raises :class:`SentError` if a model's sizes or a number of questions is not known, or if a job asks for more GPUs.
    """
    workload = Workload(experiment, results, share)
    builder = Jobs(experiment, workload, gpu)
    estimates = list(builder.all())
    jobs = corrected(workload.folder, estimates)
    rules, clock = _rules(jobs), _wall_clock(experiment, jobs, gpus)
    return {
        "experiment": experiment.name,
        "gpu": {"name": gpu.name, "memory": gpu.memory, "flops": gpu.flops, "bandwidth": gpu.bandwidth},
        "length_share": share,
        "questions": {"train": workload.train_questions(), "benchmarks": workload.benchmark_questions()},
        "models": {name: _model(builder, name) for name in builder.shapes},
        "rules": rules,
        "total": {
            "seconds": sum(job.seconds for job in jobs),
            "gpu_hours": sum(job.gpu_hours for job in jobs),
            "tokens": sum(job.tokens for job in jobs),
            "disk": sum(job.disk for job in jobs),
            "checkpoints": max((job.checkpoints for job in jobs), default=0),
        },
        "wall_clock": clock | {"problem": _unaffordable(clock["seconds"], rules)},
        "measured": _measured(workload.folder, estimates),
    }


def _wall_clock(experiment: ResolvedExperiment, jobs: list[JobEstimate], gpus: int | None) -> dict[str, Any]:
    """Seconds from the first job's start to the last one's end, and those of the longest chain of jobs."""
    tasks = tasks_of(experiment, jobs)
    largest = max((job.gpus for job in jobs), default=0)
    count = gpus or largest
    seconds = list_schedule(tasks, count).end
    asked = sum(job.gpus * job.seconds for job in jobs)
    return {
        "gpus": count,
        "seconds": seconds,
        "chain_seconds": list_schedule(tasks, sum(job.gpus for job in jobs)).end,
        "busy": asked / (count * seconds) if count else None,
    }


def _unaffordable(seconds: float, rules: list[dict[str, Any]]) -> str | None:
    """Say what takes so long, where nobody waits for the end."""
    if seconds <= YEAR:
        return None
    most = max(rules, key=lambda row: row["seconds"])
    share = most["seconds"] / sum(row["seconds"] for row in rules)
    return (
        f"by the clock it takes {_time(seconds)}, more than a year; {share:.0%} of all work is {most['rule']} of "
        f"{most['model']}: give it fewer steps, questions, responses or tokens, or more GPUs"
    )


def _model(builder: Jobs, name: str) -> dict[str, Any]:
    """Memory of a model's training, by the most demanding of the methods, and whether it fits."""
    shape, entry = builder.shapes[name], builder.experiment.models[name]
    facts = {"parameters": shape.parameters}
    if not builder.experiment.trained:
        return facts
    trainers = {method: builder.trainer(name, method) for method in builder.experiment.trained}
    method = max(trainers, key=lambda method: trainers[method].peak().total)
    trainer = trainers[method]
    tokens = trainer.batch_tokens()[1]
    wrong = problems(trainer)
    remedy = remedy_of(trainer) if wrong else None
    adapters = with_adapters(trainer) if wrong else None
    return facts | {
        "gpus": entry.resources.gpus,
        "strategy": trainer.strategy,
        "method": method,
        "phases": {phase.name: phase.parts for phase in trainer.phases()},
        "peak": {"phase": trainer.peak().name, "bytes": trainer.peak().total, "room": trainer.room()},
        "activations": _activations(trainer),
        "log_probabilities": {
            "blocks": logit_blocks(shape, tokens, trainer.precision, trainer.device.is_gpu, backward=True),
            "plain": plain_logits(shape, tokens),
        },
        "cache": {
            "bytes_per_token": shape.cache_bytes(trainer.width),
            "in_rollouts": trainer.engine_cache() if trainer.has_engine else None,
        },
        "host": trainer.host() if trainer.device.is_gpu else None,
        "fits": not wrong,
        "problems": wrong,
        "fits_with": remedy.changes if remedy and remedy.fits else None,
        "fits_as_adapters_with": adapters.changes if adapters else None,
    }


def _activations(trainer: TrainingMemory) -> dict[str, float]:
    """Bytes of a micro-batch's activations, without gradient checkpointing and with that of all layers."""
    tokens = trainer.batch_tokens()[1]
    return {
        name: tokens * kept_activations(trainer.shape, trainer.precision, checkpointing)
        for name, checkpointing in (("plain", False), ("checkpointing", True))
    }


def _rules(jobs: list[JobEstimate]) -> list[dict[str, Any]]:
    """Sums of the jobs of each rule and model, in the order in which they run."""
    groups: dict[tuple[str, str], list[JobEstimate]] = {}
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
            "basis": {
                basis: count
                for basis in (RAN, LIKE, NEVER)
                if (count := sum(j.basis == basis for j in group))
            },
        }
        for (rule, model), group in groups.items()
    ]


def _measured(folder: Path, jobs: list[JobEstimate]) -> list[dict[str, Any]]:
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


YEAR = 365 * 86400.0
"""Seconds; what takes longer cannot be afforded."""

PARTS = (
    "weights", "gradients", "optimizer", "reference", "sampler's copy", "gathered", "activations", "logits", "vLLM",
    "handed to vLLM", "cache and logits",
    "summing and stepping",
)  # fmt: skip


def page(found: dict[str, Any]) -> str:
    """Return the tables of an estimate, see :func:`estimate`."""
    gpu, count = found["gpu"], found["questions"]
    sections = [
        f"{found['experiment']}: {count['train']:,} training and {count['benchmarks']:,} benchmark questions\n"
        f"GPU {gpu['name']}: {gpu['memory'] / GIB:.1f} GiB, {gpu['flops'] / 1e12:.0f} TFLOP/s bfloat16, "
        f"{gpu['bandwidth'] / 1e12:.2f} TB/s\n"
        f"Responses that nothing measured yet: {found['length_share']:.0%} of their limit long (--length-share)",
        _models_text(found["models"]),
        *(_memory_text(name, model) for name, model in found["models"].items() if "phases" in model),
        _rules_text(found["rules"], found["total"]),
        _wall_clock_text(found["wall_clock"], gpu["name"]),
    ]
    if problem := found["wall_clock"]["problem"]:
        sections[-1] += f"\n  CANNOT BE AFFORDED: {problem}"
    if found["measured"]:
        sections.append(_measured_text(found["measured"]))
    sections.append("How this is counted, and how far it was checked: docs/plan.md")
    return "\n\n".join(filter(None, sections))


def _table(rows: list[list], headers: list[str]) -> str:
    from tabulate import tabulate

    assert all(len(row) == len(headers) for row in rows), "tabulate 0.9 takes no shorter ones"
    names = [
        header in ("rule", "model", "part", "training on", "verdict", "seconds from") for header in headers
    ]
    align = ["left" if is_name else "right" for is_name in names]
    return tabulate(rows, headers, tablefmt="rounded_outline", disable_numparse=True, colalign=align)


def _models_text(models: dict[str, Any]) -> str:
    rows = []
    for name, model in models.items():
        count = model["parameters"]
        row = [name, f"{count / 1e9:.3f}B" if count > 1e8 else f"{count:,}"]
        if "peak" in model:
            peak = model["peak"]
            where = f"{model['gpus']} x GPU, {model['strategy']}" if model["gpus"] else "CPU"
            fits = "fits" if model["fits"] else "DOES NOT FIT"
            row += [where, f"{peak['bytes'] / GIB:.1f} ({peak['phase']})", f"{peak['room'] / GIB:.1f}", fits]
        rows.append(row)
    headers = ["model", "parameters", "training on", "peak, GiB", "of", "verdict"]
    return _table(rows, headers[: max(map(len, rows))]) if rows else ""


def _memory_text(name: str, model: dict[str, Any]) -> str:
    phases = model["phases"]
    rows = [
        [part, *(f"{parts[part] / GIB:.2f}" if part in parts else "" for parts in phases.values())]
        for part in PARTS
        if any(part in parts for parts in phases.values())
    ]
    rows.append(["sum", *(f"{sum(parts.values()) / GIB:.2f}" for parts in phases.values())])
    kept, logits, cache = model["activations"], model["log_probabilities"], model["cache"]
    lines = [
        f"{name}, training by {model['method']}: GiB on each {'GPU' if model['gpus'] else 'process'}",
        _table(rows, ["part", *phases]),
        f"activations of a micro-batch: {kept['plain'] / GIB:.1f} GiB, with gradient checkpointing "
        f"{kept['checkpointing'] / GIB:.1f}; log-probabilities in blocks {logits['blocks'] / GIB:.2f}, by way of all logits "
        f"{logits['plain'] / GIB:.1f}",
        f"key-value cache: {cache['bytes_per_token'] / 1024:.1f} KiB a token",
    ]
    if cache["in_rollouts"] is not None:
        lines[-1] += f"; vLLM has {cache['in_rollouts'] / GIB:.1f} GiB for it in rollouts"
    if model["host"] is not None:
        lines[-1] += f"; the machine's memory: {model['host'] / GIB:.0f} GiB"
    lines += [f"  does not fit: {problem}" for problem in model["problems"]]
    ways = {"fits_with": "it fits with", "fits_as_adapters_with": "as low-rank adapters it fits with"}
    for key, what in ways.items():
        if changes := model[key]:
            listed = ", ".join(f"{name}: {_yaml(value)}" for name, value in changes.items())
            lines.append(f"  {what} {listed}")
    if model["problems"] and not model["fits_with"]:
        lines.append(
            "  batches, what waits in main memory, vLLM's share and up to 32 GPUs do not make it fit; try another GPU"
        )
    if model["fits_with"]:
        lines.append("  (the hours below are those of the training that fits)")
    return "\n".join(lines)


def _rules_text(rules: list[dict[str, Any]], total: dict[str, float]) -> str:
    rows = [
        [
            row["rule"], row["model"], row["jobs"], row["gpus"] or "", _count(row["tokens"]), _time(row["longest_seconds"]),
            f"{row['gpu_hours']:,.1f}" if row["gpus"] else "", f"{row['disk'] / 1e9:,.1f}", _basis(row["basis"]),
        ]
        for row in rules
    ]  # fmt: skip
    jobs, hours, disk = sum(row["jobs"] for row in rules), total["gpu_hours"], total["disk"] / 1e9
    last = [
        "total",
        "",
        jobs,
        "",
        _count(total["tokens"]),
        _time(total["seconds"]),
        f"{hours:,.1f}",
        f"{disk:,.1f}",
        "",
    ]
    rows.append(last)
    headers = [
        "rule",
        "model",
        "jobs",
        "GPUs each",
        "tokens",
        "longest job",
        "GPU-hours",
        "disk, GB",
        "seconds from",
    ]
    return (
        f"{_table(rows, headers)}\nthe time in the last line is that of all jobs one after the other; "
        f"beside that, a training job holds up to {total['checkpoints'] / 1e9:,.1f} GB of checkpoints until it ends"
    )


def _basis(counts: dict[str, int]) -> str:
    """Where the seconds of a rule's jobs come from."""
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{count} {basis}" for basis, count in counts.items())


def _wall_clock_text(found: dict[str, Any], gpu: str) -> str:
    count = found["gpus"]
    chain = f"the longest chain of jobs takes {_time(found['chain_seconds'])}, on however many"
    if not count:
        return f"By the clock: no job uses a GPU; {chain} cores"
    return (
        f"By the clock, on {count} GPU{'s' if count > 1 else ''} ({gpu}): {_time(found['seconds'])}, with the GPUs "
        f"{found['busy']:.0%} busy; {chain}.\n"
        "Assumed: a job starts as soon as its files are there and its GPUs are free, the longest way to the end first; jobs\n"
        "without GPUs find cores enough; no queue, no download, nothing else on the machines."
    )


def _measured_text(rows: list[dict[str, Any]]) -> str:
    cells = []
    for row in rows:
        estimated, found = row["seconds"]
        seconds = [f"{estimated:.1f}", f"{found:.1f}", f"{estimated / max(found, 1e-9):.2f}"]
        memory = [f"{size / 2**20:,.0f}" for size in row["memory"] or ()] or ["", ""]
        cells.append([row["rule"], row["model"], row["jobs"], *seconds, *memory])
    headers = [
        "rule",
        "model",
        "jobs run",
        "s, estimated",
        "s, measured",
        "ratio",
        "peak MiB, estimated",
        "measured",
    ]
    title = "Estimated beside measured (seconds: mean of the jobs that ran; memory: the largest)"
    return f"{title}\n{_table(cells, headers)}"


def _count(number: float) -> str:
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:,.1f}{unit}"
    return f"{number:.0f}" if number else ""


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:,.1f} h" if seconds < YEAR else f"{seconds / YEAR:,.1f} years"


def _yaml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(value)}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
