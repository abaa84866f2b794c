"""The training loop: rollout, score, update; log, checkpoint, stop when asked to."""

import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from sent.config import Method, Training
from sent.errors import SentError
from sent.log import logger, progress
from sent.training import kept_rollouts, recipe
from sent.training.batch import Batch, ScoredBatch
from sent.training.best_policy import BestPolicy
from sent.training.checkpoint import Checkpoints
from sent.training.entropy_bonus import entropy_bonus
from sent.training.probe import Probe, pass_at_1
from sent.training.process_group import patient_barrier
from sent.training.rollout import Collector, Group, TrainingQuestion, collect_step
from sent.training.rollout_engines import Rollouts
from sent.training.schedule import QuestionStream
from sent.training.snapshot import Snapshot
from sent.training.step_log import StepLog
from sent.training.step_metrics import memory_mb, rollout_metrics
from sent.training.tracking import Tracking
from sent.training.update import UpdateId, Updater
from sent.training.warnings import is_spike, warn


class Preempted(BaseException):
    """SIGTERM arrived at a moment when nothing is half done."""


class Scores(NamedTuple):
    """Figures of a rollout, over its tokens on all processes."""

    gap: float
    """Mean absolute difference of sampler's and trainer's log-probabilities, nats."""
    far_share: float
    """Share of tokens that one of them holds more than twice as likely as the other."""
    entropy: float
    """Mean of full-vocabulary entropies, nats."""


class TrainingLoop:
    """Runs the steps of one stage.

    ``state`` is what a checkpoint holds beside the tensors; ``rollouts()`` is a context in which the sampler has
    the policy's current weights.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        updater: Updater,
        collector: Collector,
        reference: Any,
        questions: dict[str, TrainingQuestion],
        stream: QuestionStream,
        checkpoints: Checkpoints,
        seed: int,
        stage: int,
        rollouts: Rollouts,
        tracking: Tracking,
        probe: Probe | None = None,
        best: BestPolicy | None = None,
    ):
        self.accelerator, self.updater, self.collector = accelerator, updater, collector
        self.reference, self.questions, self.stream = reference, questions, stream
        self.checkpoints, self.seed, self.stage, self.rollouts = checkpoints, seed, stage, rollouts
        self.probe, self.best = probe, best
        self.settings: Training = updater.settings
        self.method: Method = updater.method
        self.state: dict[str, Any] = {
            "step": 0,
            "cursor": 0,
            "rows": [],
            "probe": [],
            "best": None,
            "entropy_level": 0.0,
        }
        self.state["stream"] = stream.state
        self.log, self.tracking = StepLog(checkpoints.folder), tracking
        self._patient = patient_barrier(accelerator, self.settings.process_timeout_minutes)
        self._warned: set[str] = set()
        self.snapshot = Snapshot(updater.parallelism, updater.policy, updater.optimizer)
        self.seconds: dict[str, float] = {}
        self._stop_asked = self._interruptible = False

    def run(self, steps: int) -> list[dict]:
        """Train until ``steps`` steps are done, from the newest checkpoint if there is one; return the log's rows.

        Raises :class:`SystemExit` with status 143 after a SIGTERM, the state saved.
        """
        self._resume(steps)
        self.tracking.start(self.checkpoints, self.state["step"])
        previous = signal.signal(signal.SIGTERM, self._on_sigterm)
        bar = progress(
            total=steps,
            desc="training",
            unit="step",
            disable=not self.accelerator.is_main_process,
            initial=self.state["step"],
        )
        try:
            with bar:
                self._ask_probe()
                while self.state["step"] < steps:
                    row = self._step(self.state["step"] + 1)
                    bar.update()
                    self._ask_probe()
                    bar.set_postfix(self._latest(row))
                    if bar.disable and self.accelerator.is_main_process:  # a log, which `status` reads
                        self._tell(row, steps)
                    due = self.settings.checkpoint_every and row["step"] % self.settings.checkpoint_every == 0
                    stop = self._agreed_to_stop()
                    last = row["step"] == steps
                    if stop or (self.settings.keep_checkpoints if last else due):
                        self._save()
                    if stop:
                        self._exit()
        except Preempted:
            self._save()
            self._exit()
        finally:
            signal.signal(signal.SIGTERM, previous)
        if self.state["step"] != steps or len(self.state["rows"]) != steps:
            raise SentError(
                f"training: {self.state['step']} steps done and {len(self.state['rows'])} logged of {steps} planned"
            )
        return self.state["rows"]

    def _latest(self, row: dict) -> dict[str, str]:
        """What the progress bar says of the latest step."""
        probed = self._latest_probed()
        return {
            "reward": f"{row['reward']:.3f}",
            "entropy": f"{row.get('entropy', 0):.3f}",
            **({"probe": f"{pass_at_1(probed):.3f}"} if probed else {}),
            "tokens/s": f"{row['tokens_per_second']:.0f}",
        }

    def _tell(self, row: dict, steps: int) -> None:
        """Log the latest step, and about how long the others take."""
        last = [done["seconds"] for done in self.state["rows"][-10:]]
        left = timedelta(seconds=round((steps - row["step"]) * sum(last) / len(last)))
        figures = ", ".join(f"{name} {value}" for name, value in self._latest(row).items())
        logger.info("step %s of %s: %s, about %s left", row["step"], steps, figures, left)

    def _latest_probed(self) -> list[dict]:
        """Rows of the latest step at which the probe was asked."""
        rows = self.state["probe"]
        return [row for row in rows if row["step"] == rows[-1]["step"]]

    def _ask_probe(self) -> None:
        """Ask the probe's questions of the policy as it is now, where they are due and no checkpoint has the answers."""
        step = self.state["step"]
        if self.probe is None or not self.probe.is_due(step):
            return
        if self.state["probe"] and self._latest_probed()[0]["step"] == self.probe.before + step:
            return
        start = time.monotonic()
        with self._interruptible_here(), self.rollouts():
            rows = self.probe.ask(step)
        self.state = self.state | {"probe": [*self.state["probe"], *rows]}
        figures = {
            "pass_1": pass_at_1(rows),
            "semantic_entropy": sum(row["semantic_entropy"] for row in rows) / len(rows),
        }
        if step > 0:
            self._keep_if_best({"step": rows[0]["step"], "pass_1": figures["pass_1"]})
        if not self.accelerator.is_main_process:
            return
        self.tracking.log({"step": step} | {f"probe_{key}": value for key, value in figures.items()})
        logger.info(
            "probe after step %s: pass@1 %.3f, semantic entropy %.3f, %.1f s",
            rows[0]["step"], *figures.values(), time.monotonic() - start,
        )  # fmt: skip

    def _keep_if_best(self, found: dict) -> None:
        known = self.state["best"]
        if self.best is not None and (known is None or found["pass_1"] > known["pass_1"]):
            self.best.keep()
            self._patient()
            self.state = self.state | {"best": found}

    def _step(self, step: int) -> dict:
        """Do one step; the state changes only at its end."""
        start = time.monotonic()
        self.seconds = {}
        with self._timed("rollout"), self._interruptible_here(), self.rollouts():
            groups, used = collect_step(
                self.collector, self.stream, self.questions, self.state["cursor"], step, self.accelerator
            )
        with self._timed("score"):
            batch, scores = self._scored(groups)
            self._check_gap(scores.gap, step)
        if self._agreed_to_stop():  # the longest part is over, and no weight has changed yet
            raise Preempted
        with self._timed("update"):
            coefficient, level = entropy_bonus(
                self.method.entropy, self.state["entropy_level"], scores.entropy
            )
            updates = self._updates(batch, step, coefficient)
        row = {"step": step} | rollout_metrics(groups, self.settings, self.accelerator)
        skipped = sum(figures.pop("skipped", 0) for figures in updates)
        for key in sorted({key for figures in updates for key in figures}):
            values = [figures[key] for figures in updates if key in figures]
            row[key] = sum(values) / len(values)
        seconds = time.monotonic() - start
        row |= {
            "sampler_gap": scores.gap,
            "importance_far_share": scores.far_share,
            "updates": len(updates) - skipped,
            "updates_skipped": skipped,
            "learning_rate": float(self.updater.scheduler.get_last_lr()[0]),
            "tokens_per_second": row["step_tokens"] / seconds,
            "seconds": seconds,
            "memory_mb": max(gather_object([memory_mb(self.accelerator.device)])),
        }
        if recipe.needs_entropy_gradient(self.method):
            row["entropy_coefficient"] = coefficient
        row |= {f"seconds_{phase}": value for phase, value in self.seconds.items()}
        if self.stream.state is not None:
            row["difficulty_target"] = self.stream.state["target"]
        self.stream.advance(self.state["cursor"] + used, row["reward"])
        self.state = self.state | {
            "step": step,
            "cursor": self.state["cursor"] + used,
            "rows": [*self.state["rows"], row],
            "entropy_level": level,
            "stream": self.stream.state,
        }
        kept = kept_rollouts.choose(groups, self.settings.keep_rollouts, self.seed, self.stage, step)
        if self.accelerator.is_main_process:
            self.log.append(
                row, [row | {"question": self.questions[row["question_id"]].text} for row in kept]
            )
            warn(self.state["rows"], self._warned)
            self.tracking.log(row)
        return row

    def _scored(self, groups: list[Group]) -> tuple[ScoredBatch, Scores]:
        """Pass the rollout through policy and reference; return it with what they say, and figures over all processes."""
        batch = Batch.of(groups)
        logp, entropy = self.updater.score(self.updater.policy, batch)
        logp_ref = None
        if recipe.needs_reference(self.method):
            (logp_ref,) = self.updater.score(self.reference, batch, need_entropy=False)
        difference = (batch.sampler_logp - logp).abs()
        far = int((difference > math.log(2)).sum())
        sums = (*(float(x.sum(dtype=torch.float64)) for x in (difference, entropy)), far, len(logp))
        gap, nats, far, count = map(sum, zip(*gather_object([sums]), strict=True))
        scored = ScoredBatch(**vars(batch), logp_old=logp, entropy_old=entropy, logp_ref=logp_ref)
        return scored, Scores(*(value / max(1, count) for value in (gap, far, nats)))

    def _check_gap(self, gap: float, step: int) -> None:
        if not gap <= self.settings.logprob_tolerance:
            raise SentError(
                f"training: at step {step} the sampler's log-probabilities differ from the trainer's by {gap:.4f} nats a token "
                f"on average, more than logprob_tolerance ({self.settings.logprob_tolerance}): the rollouts do not come from "
                "the current weights (stale weights or prefix cache?). Nothing was learnt from them; the last checkpoint is kept"
            )

    def _updates(self, batch: ScoredBatch, step: int, entropy_coefficient: float) -> list[dict]:
        """Update on each mini-batch: blocks of groups, in the order of their places."""
        size = self.settings.minibatch_prompts
        own = batch.keys // self.settings.responses_per_prompt
        places = sorted(set(gather_object(own.tolist())))
        figures = []
        for update, first in enumerate(range(0, len(places), size)):
            rows = np.flatnonzero(np.isin(own, places[first : first + size])).tolist()
            which = UpdateId(self.seed, self.stage, step, update)
            figures.append(self.updater.update(batch.select(rows), which, entropy_coefficient))
            if is_spike(figures[-1].get("grad_norm"), self.state["rows"]):
                self.updater.tell_spike(batch.select(rows), figures[-1]["grad_norm"], which)
        return figures

    # ------------------------------------------------------------ stopping and going on

    def _save(self) -> None:
        state = self.state | {"updates": self.updater.scheduler.last_epoch}
        is_main = self.accelerator.is_main_process
        folder = self.checkpoints.save(self.state["step"], state, self._write, is_main, self._gathered)
        logger.info("checkpoint %s", folder)

    def _write(self, folder: Path) -> list[str]:
        """Write this process's files of a checkpoint; return their names."""
        written = self.snapshot.write(folder)
        return written if self.best is None else [*written, *self.best.save(folder)]

    def _gathered(self, own: list) -> list:
        """Join the lists of all processes, when the slowest has written or read its files."""
        self._patient()
        return gather_object(own)

    def _resume(self, steps: int) -> None:
        is_main, files = self.accelerator.is_main_process, self.snapshot.files.values()
        found = self.checkpoints.newest(steps, files, self.snapshot.read, is_main, self._gathered)
        if is_main:
            self.log.start(found[1]["step"] if found else 0, found[0].parent if found else None)
        if self.best is not None:
            self.best.resume(found[0] if found else None)
        if found is None:
            return
        folder, state, restore = found
        restore()
        self.updater.go_on_after(state["updates"])
        # A job that was to end earlier has asked its last policy, too.
        probe, rows = self.probe, state.get("probe", [])
        asked = [] if probe is None else [row for row in rows if probe.is_due(row["step"] - probe.before)]
        self.state = {key: state.get(key, first) for key, first in self.state.items()} | {"probe": asked}
        if self.state["stream"] is not None:
            self.stream.state = self.state["stream"]
        logger.info("going on from %s, %s of %s steps done", folder, state["step"], steps)

    def _on_sigterm(self, *_: Any) -> None:
        self._stop_asked = True
        if self._interruptible:
            raise Preempted

    @contextmanager
    def _interruptible_here(self) -> Iterator[None]:
        """Let SIGTERM end the block at once. Only alone: several processes must stop at the same place."""
        self._interruptible = self.accelerator.num_processes == 1
        try:
            if self._stop_asked and self._interruptible:
                raise Preempted
            yield
        finally:
            self._interruptible = False

    def _agreed_to_stop(self) -> bool:
        return any(gather_object([self._stop_asked]))

    def _exit(self) -> None:
        logger.warning(
            "asked to stop (SIGTERM): saved after step %s; the same command goes on from there",
            self.state["step"],
        )
        raise SystemExit(143)

    @contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        start = time.monotonic()
        yield
        self.seconds[phase] = self.seconds.get(phase, 0.0) + time.monotonic() - start
