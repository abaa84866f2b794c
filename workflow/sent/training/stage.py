"""One training stage from files to files: builds the parts, runs the loop, writes the results."""

import argparse
import json
import os
import time
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed

from sent import tables
from sent.config import SAMPLERS, Adaptive, Grading, Method, Model, Probe, Training, parse
from sent.errors import SentError
from sent.log import logger
from sent.models.architecture import context_of
from sent.sampling.prompts import render
from sent.training import packing, process_group, recipe, rollout_engines, tracking
from sent.training import policy as policies
from sent.training import probe as probing
from sent.training.adapters import adapted
from sent.training.best_policy import BestPolicy
from sent.training.checkpoint import Checkpoints, check_unused, hash_files, key_of, save_policy
from sent.training.loop import TrainingLoop
from sent.training.offloaded_adamw import OffloadedAdamW
from sent.training.parallelism import Replicated, parallelism_of
from sent.training.recipe import updates_per_step
from sent.training.rollout import Collector, TrainingQuestion
from sent.training.schedule import (
    AdaptiveStream,
    QuestionStream,
    learning_rate_factor,
    stage_steps,
    total_steps,
)
from sent.training.step_metrics import step_table
from sent.training.update import Updater

LENGTH = ("steps", "epochs")
"""Settings that only say how long training goes on: no step depends on them, so that more can be added later. Where the
learning rate falls towards the end, every step does, by the number of updates, which is in the checkpoint's key then."""


def train_stage(args: argparse.Namespace) -> None:
    """Train as the command line says (see :mod:`sent.training.command`)."""
    from sent.grading.grader import Grader

    start = time.monotonic()
    model = parse(Model, args.model, "--model")
    method = parse(Method, args.method, "--method")
    settings = recipe.training_of(method, parse(Training, args.settings, "--settings"))
    grading = parse(Grading, args.grading, "--grading")
    probe = parse(Probe, args.probe_settings, "--probe-settings") if args.probe else None
    recipe.check(method, "--method", args.allow_own_code)
    recipe.check_training(args.method_name, method, settings)
    recipe.check_keep(settings, probe is not None)
    check_unused(args.output, "the trained policy")
    place = Path(args.metrics).parent
    accelerator = make_accelerator(model, settings, place)
    parallelism = parallelism_of(accelerator)
    ids, sizes, rows = read_questions(args.questions, args.curriculum, args.stage, args.stages)
    shares = stage_steps(total_steps(settings, len(rows)), sizes)
    steps = shares[args.stage - 1]
    before, total = (updates_per_step(settings) * sum(part) for part in (shares[: args.stage - 1], shares))

    dtype = getattr(torch, model.dtype)
    loaded, tokenizer = policies.load(args.policy, model, torch.float32)
    questions = render_questions(rows, ids, tokenizer, model, settings, loaded.config)
    ids = [i for i in ids if i in questions]
    asked = read_probe(args.probe, tokenizer, model, settings, loaded.config) if probe else []
    if settings.packing:
        packing.attend_packed(accelerator, loaded.config._attn_implementation)
    policy = make_policy(loaded, settings)
    if accelerator.is_main_process:
        policies.check_head(policy)  # before the weights are split over devices
    reference = None
    if recipe.needs_reference(method):
        folder = args.reference if method.reference == "initial" else args.policy
        frozen, _ = policies.load(folder, model, torch.float32)
        untrained = policies.Policy(frozen, settings.decoding.temperature).eval()
        reference = parallelism.prepare_frozen(untrained, "reference" in settings.offload)
    optimizer = make_optimizer(policy, settings)
    policy, optimizer = parallelism.prepare(policy, optimizer, settings.max_grad_norm)
    if settings.packing:
        packing.check_packing(policy, accelerator.device)
        parallelism.put_back(policy)
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda n: learning_rate_factor(settings, n, before, total)
    )

    key = key_of(
        {
            "settings": [s.science() for s in (model, method, grading)],
            "training": {k: v for k, v in settings.science().items() if k not in LENGTH},
            "updates": None if settings.lr_schedule == "constant" else [before, total],
            "data": [
                hash_files(p)
                for p in (args.policy, args.reference, args.questions, args.curriculum, args.probe)
                if p
            ],
            "probe": probe and probe.science(),
            # The best of more steps may be another one, whose weights are gone.
            "best": None if settings.keep == "last" else [before, total],
            "stage": [args.stage, args.stages, args.seed],
            "processes": accelerator.num_processes,
        }
    )
    code = recipe.code(method)
    checkpoints = Checkpoints(args.checkpoints, key, code, any_code=settings.resume == "settings")
    logger.info(
        "training by %s, stage %s of %s: %s questions, %s steps of %s x %s responses, %s updates a step, %s process(es)",
        args.method_name, args.stage, args.stages, len(ids), steps, settings.prompts_per_step,
        settings.responses_per_prompt, updates_per_step(settings), accelerator.num_processes,
    )  # fmt: skip
    sampler, rollouts = make_sampler(args.policy, model, settings, accelerator, policy, tokenizer)
    name = args.run_name or f"{args.method_name}/seed{args.seed}"
    config = {"method": method.model_dump(mode="json"), "training": settings.model_dump(mode="json")}
    silence = process_group.one_error(accelerator, settings.process_timeout_minutes)
    with Grader(grading) as grader, silence:
        updater = Updater(accelerator, policy, optimizer, scheduler, method, settings)
        collector = Collector(sampler, grader, tokenizer, method, settings, args.seed, args.stage)
        best = None
        if settings.keep == "best_probe" and args.stage == args.stages:
            now = partial(final_weights, parallelism, policy, dtype)
            best = BestPolicy(checkpoints.folder, now, accelerator.is_main_process)
        loop = TrainingLoop(
            accelerator,
            updater,
            collector,
            reference,
            questions,
            stream_of(args.curriculum, ids, args.seed, args.stage),
            checkpoints,
            args.seed,
            args.stage,
            rollouts,
            tracking.Tracking(accelerator, settings, name, args.stage, config, place),
            probe
            and probing.Probe(
                probe,
                asked,
                collector,
                updater,
                args.seed,
                args.stage,
                sum(shares[: args.stage - 1]),
                sum(shares),
            ),
            best,
        )
        history = loop.run(steps)
        weights = best.read() if best else final_weights(parallelism, policy, dtype)

    if accelerator.is_main_process:
        summary = {
            "method": args.method_name,
            "stage": args.stage,
            "stages": args.stages,
            "seed": args.seed,
            "steps": len(history),
            "steps_planned": steps,
            "kept": {"policy": "best_probe", **loop.state["best"]} if best else {"policy": "last"},
            "questions": len(ids),
            "updates": sum(row["updates"] for row in history),
            "tokens": sum(row["step_tokens"] for row in history),
            "seconds": time.monotonic() - start,
            "processes": accelerator.num_processes,
            "device": str(accelerator.device),
            "code": checkpoints.codes,
            "settings": settings.model_dump(mode="json"),
            "method_settings": method.model_dump(mode="json"),
        }
        core = parallelism.language_model(policy)
        summary["files"] = save_policy(
            args.output, core, weights, tokenizer, {k: v for k, v in summary.items() if k != "settings"}
        )
        tables.write(args.metrics, step_table([{"stage": args.stage, **row} for row in history]))
        tables.write(args.rollouts, tables.table(tables.ROLLOUTS, loop.log.rollouts()))
        tables.write(args.probe_output, tables.table(tables.PROBE, loop.state["probe"]), tables.PROBE)
        with tables.atomic(args.summary) as path:
            path.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
        if best:
            best.remove()
        if not settings.keep_checkpoints:
            checkpoints.remove()
        logger.info(
            "reward %.3f -> %.3f; policy in %s", history[0]["reward"], history[-1]["reward"], args.output
        )
    loop.tracking.end()


def make_accelerator(model: Model, settings: Training, folder: Path) -> Accelerator:
    """Return the accelerator: processes and devices come from `accelerate launch`. Trackers write to ``folder``."""
    check_devices(int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    tracking.check_installed(settings)
    half = torch.cuda.is_available() and model.dtype == "bfloat16"
    accelerator = Accelerator(
        mixed_precision="bf16" if half else "no",
        log_with=settings.trackers or None,
        project_dir=folder,
        kwargs_handlers=[process_group.group_options(settings.process_timeout_minutes)],
    )
    set_seed(0)  # libraries may draw; our own numbers all come from sent.seeding
    return accelerator


def check_devices(processes: int) -> None:
    """Refuse more processes on this machine than it has GPUs, where it has GPUs at all."""
    if torch.cuda.is_available() and processes > torch.cuda.device_count():
        raise SentError(
            f"training: {processes} processes on this machine, which has {torch.cuda.device_count()} GPUs; "
            "ask for as many as there are (resources.gpus of the model)"
        )


def read_questions(
    questions: str, curriculum: str | None, stage: int, stages: int
) -> tuple[list[str], list[int], dict[str, dict]]:
    """Return the question ids of the stage in order, the numbers of questions of all stages, and all questions by id.

    Raises :class:`SentError` if the curriculum names a question that is not there or lacks a stage.
    """
    rows = {row["question_id"]: row for row in tables.rows(questions, tables.QUESTIONS)}
    if not rows:
        raise SentError(f"{questions}: holds no question")
    if curriculum is None:
        return list(rows), [len(rows)], rows
    every = tables.rows(curriculum, tables.CURRICULUM)
    placed = [row for row in every if row["stage"] is not None]
    for row in placed:
        if row["question_id"] not in rows:
            raise SentError(
                f"{curriculum}: question '{row['question_id']}' is not in {questions}; run the stages before training again"
            )
    known = {row["question_id"] for row in every}
    if lacking := [question for question in rows if question not in known]:
        raise SentError(
            f"{curriculum}: expected a row for each of {len(rows)} questions, {len(lacking)} have none, the first is "
            f"'{lacking[0]}'; run the stage `curriculum` again"
        )
    sizes = [sum(row["stage"] == k for row in placed) for k in range(1, stages + 1)]
    if 0 in sizes or len({row["stage"] for row in placed}) != stages:
        found = sorted({row["stage"] for row in placed})
        raise SentError(f"{curriculum}: expected questions in each of {stages} stages, found stages {found}")
    own = sorted((row for row in placed if row["stage"] == stage), key=lambda row: row["position"])
    return [row["question_id"] for row in own], sizes, rows


def read_probe(
    path: str, tokenizer: Any, model: Model, settings: Training, config: Any
) -> list[TrainingQuestion]:
    """Return the probe's questions in the order of their file. Raises :class:`SentError` if it holds none."""
    rows = {row["question_id"]: row for row in tables.rows(path, tables.QUESTIONS)}
    if not rows:
        raise SentError(f"{path}: holds no question; give the experiment's `probe` some, or leave it out")
    return list(render_questions(rows, list(rows), tokenizer, model, settings, config).values())


def stream_of(curriculum: str | None, ids: list[str], seed: int, stage: int) -> QuestionStream:
    """Return the stream of a stage's questions: shuffled in each epoch, unless the curriculum's settings say otherwise."""
    settings = tables.fact(curriculum, "settings", {}) if curriculum else {}
    if curriculum is None or settings.get("adaptive") is None:
        return QuestionStream(ids, seed, stage, settings.get("shuffle", True))
    scores = {row["question_id"]: row["score"] for row in tables.rows(curriculum, tables.CURRICULUM)}
    # A question without an answer in any sample has no score: how hard it is nobody knows.
    difficulties = [1.0 if scores[i] is None else scores[i] for i in ids]
    return AdaptiveStream(ids, difficulties, seed, stage, Adaptive(**settings["adaptive"]))


def render_questions(
    rows: dict, ids: list[str], tokenizer: Any, model: Model, settings: Training, config: Any
) -> dict[str, TrainingQuestion]:
    """Render the prompts of a stage's questions; leave out, and count, those that are too long."""
    from sent.grading.grader import Gold

    rendered = {
        i: TrainingQuestion(
            i,
            Gold(rows[i]["answer"], rows[i]["tolerance"]),
            render(tokenizer, model, rows[i]["question"]),
            rows[i]["question"],
        )
        for i in dict.fromkeys(ids)
    }
    kept = {i: q for i, q in rendered.items() if len(q.prompt_ids) <= settings.max_prompt_tokens}
    if len(kept) < len(rendered):
        logger.warning(
            "%s of %s questions left out: their prompts are longer than max_prompt_tokens (%s)",
            len(rendered) - len(kept), len(rendered), settings.max_prompt_tokens,
        )  # fmt: skip
    if not kept:
        raise SentError(
            f"training: every prompt is longer than max_prompt_tokens ({settings.max_prompt_tokens})"
        )
    longest = max(kept.values(), key=lambda q: len(q.prompt_ids))
    context = context_of(config.get_text_config(decoder=True))
    needed = len(longest.prompt_ids) + settings.decoding.max_new_tokens
    if context is not None and needed > context:
        raise SentError(
            f"training: question '{longest.id}' has a prompt of {len(longest.prompt_ids)} tokens, which with max_new_tokens "
            f"({settings.decoding.max_new_tokens}) makes {needed}, beyond the model's context of {context}; lower "
            "max_new_tokens or max_prompt_tokens"
        )
    return kept


def make_policy(loaded: Any, settings: Training) -> policies.Policy:
    """Wrap the loaded model for training, with adapters and checkpointing where asked for."""
    if settings.gradient_checkpointing:
        policies.recompute_activations(loaded, settings.gradient_checkpointing)
    if settings.lora is not None:
        loaded = adapted(loaded, settings.lora)
    return policies.Policy(loaded, settings.decoding.temperature).train()


def make_optimizer(policy: policies.Policy, settings: Training) -> torch.optim.AdamW:
    """Return AdamW of what is trained, in the one kernel that CPUs and GPUs have for all of a step."""
    trained = [p for p in policy.parameters() if p.requires_grad]
    kind = OffloadedAdamW if "optimizer" in settings.offload else torch.optim.AdamW
    return kind(
        trained, lr=settings.lr, betas=settings.adam_betas, weight_decay=settings.weight_decay, fused=True
    )


def make_sampler(
    folder: str, model: Model, settings: Training, accelerator: Accelerator, policy: Any, tokenizer: Any
) -> tuple[Any, rollout_engines.Rollouts]:
    """Return the rollout sampler, and the context in which it has the policy's current weights."""
    by_backend = SAMPLERS[settings.backend].rollouts_by
    assert by_backend is not None, "settings of training name no other"
    return getattr(rollout_engines, by_backend)(folder, model, settings, accelerator, policy, tokenizer)


def final_weights(parallelism: Replicated, policy: Any, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Return the trained weights, shared ones once; nothing on processes other than the main one."""
    once = {
        name.replace(".base_layer", "") for name, _ in parallelism.language_model(policy).named_parameters()
    }
    kept = once if parallelism.accelerator.is_main_process else ()
    return {name: value.to("cpu") for name, value in parallelism.weights(policy, dtype) if name in kept}
