"""Which questions are trained on, in what order, for how many steps, at what learning rate. No torch here."""

import math
from collections.abc import Iterable

import numpy as np

from sent.config import Adaptive, Training
from sent.errors import SentError
from sent.seeding import generator_of


def total_steps(settings: Training, questions: int) -> int:
    """Return the rollout steps of all stages together: the same for methods with and without a curriculum."""
    if settings.steps is not None:
        return settings.steps
    return math.ceil(settings.epochs * questions / settings.prompts_per_step)


def stage_steps(total: int, sizes: list[int]) -> list[int]:
    """Share ``total`` steps out over stages in proportion to their numbers of questions.

    The shares add up to ``total``; a stage gets at least one step if there are enough.
    """
    if total < len(sizes):
        raise SentError(f"training: {total} steps for {len(sizes)} stages; give at least one step a stage")
    ends = [round(total * sum(sizes[: k + 1]) / sum(sizes)) for k in range(len(sizes))]
    for k in range(len(sizes)):
        ends[k] = max(ends[k], k + 1)
    for k in reversed(range(len(sizes))):
        ends[k] = min(ends[k], total - (len(sizes) - 1 - k))
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


def learning_rate_factor(settings: Training, update: int, before: int, total: int) -> float:
    """Return what the learning rate is multiplied by at one update, in [0, 1].

    ``update`` counts from 0 in its stage, ``before`` are the updates of earlier stages, ``total`` those of all stages:
    the rate falls over the whole training, so that methods with and without a curriculum fall alike, while each stage,
    whose optimizer starts anew, warms up. Decay as in transformers' schedules: 1 - p or (1 + cos(pi p)) / 2 with p, the share
    of the updates after the first warm-up that are done.
    """
    warmup = settings.warmup_updates
    rise = min(1.0, (update + 1) / (warmup + 1))
    done = min(1.0, max(0, before + update - warmup) / max(1, total - warmup))
    if settings.lr_schedule == "linear":
        return rise * (1 - done)
    if settings.lr_schedule == "cosine":
        return rise * (1 + math.cos(math.pi * done)) / 2
    return rise


class QuestionStream:
    """The endless stream of question ids that steps take their prompts from.

    Each pass over the questions is one epoch, shuffled by (seed, stage, epoch), the first one, too; where ``shuffle``
    is off, each keeps the order that it is given, which for a curriculum is the table's. A step that reaches the end
    of an epoch goes on in the next: every batch is full.
    """

    def __init__(self, ids: list[str], seed: int, stage: int, shuffle: bool = True):
        if not ids:
            raise SentError(
                f"training: stage {stage} of the curriculum holds no question; change its boundaries or filters"
            )
        self.ids = ids
        self.name = ("order of training questions", seed, stage)
        self.shuffle = shuffle
        self._epoch, self._order = -1, np.arange(len(ids))

    def take(self, cursor: int, count: int) -> list[tuple[str, int]]:
        """Return (question id, occurrence) of places ``cursor`` to ``cursor + count`` of the stream.

        ``occurrence`` tells apart the copies of a question that one call returns (0, 1, ...).
        """
        seen: dict[str, int] = {}
        taken = []
        for question in (self.ids[place] for place in self._places(cursor, count)):
            taken.append((question, seen.get(question, 0)))
            seen[question] = seen.get(question, 0) + 1
        return taken

    @property
    def state(self) -> dict | None:
        """What a checkpoint must hold of the stream beside its cursor: nothing."""
        return None

    @state.setter
    def state(self, state: dict) -> None:
        raise NotImplementedError("a stream that follows its seed alone has no state")

    def advance(self, cursor: int, reward: float) -> None:
        """Learn that a step ended at ``cursor`` with this mean reward. The order here does not depend on it."""

    def _places(self, cursor: int, count: int) -> list[int]:
        """Return where in ``ids`` the next questions are."""
        n = len(self.ids)
        return [self._permutation(place // n)[place % n] for place in range(cursor, cursor + count)]

    def _permutation(self, epoch: int) -> np.ndarray:
        if epoch != self._epoch:
            ordered = np.arange(len(self.ids))
            self._epoch = epoch
            self._order = generator_of(*self.name, epoch).permutation(ordered) if self.shuffle else ordered
        return self._order


class AdaptiveStream(QuestionStream):
    """A stream whose steps take the questions nearest to a target of difficulty, each once an epoch.

    The target follows the rewards: T <- clip(T + rate tanh(sensitivity (mean reward - aim)), 0, 1) (AdaRFT, Shi et al.
    2025, algorithm 1, on a scale of 1 instead of 100). ``difficulties`` ``[n]`` are in [0, 1]. Among equally near ones the
    shuffled order of the epoch decides, and what an epoch has left goes before the next epoch.
    """

    def __init__(self, ids: list[str], difficulties: list[float], seed: int, stage: int, settings: Adaptive):
        super().__init__(ids, seed, stage)
        self.difficulties = np.array(difficulties)
        self.settings = settings
        self.state = {"target": settings.start, "cursor": 0, "epoch": 0, "asked": []}

    @property
    def state(self) -> dict:
        """Target of the next step, the cursor at which it begins, and the places of ``ids`` that its epoch has asked."""
        return self._state

    @state.setter
    def state(self, state: dict) -> None:
        self._state = state
        self._queue: list[tuple[int, int]] = []
        self._queued = state["epoch"]
        self._extend(without=state["asked"])

    def _places(self, cursor: int, count: int) -> list[int]:
        """As for every stream, of the present step alone: ``cursor`` is not before its first place."""
        first = cursor - self._state["cursor"]
        while len(self._queue) < first + count:
            self._extend()
        return [place for _, place in self._queue[first : first + count]]

    def advance(self, cursor: int, reward: float) -> None:
        """Move the target by the mean reward of the step that ended at ``cursor``."""
        s, state = self.settings, self._state
        done = self._queue[: cursor - state["cursor"]]
        epoch = max([state["epoch"], *(epoch for epoch, _ in done)])
        before = state["asked"] if epoch == state["epoch"] else []
        target = state["target"] + s.rate * math.tanh(s.sensitivity * (reward - s.aim))
        self.state = {
            "target": min(1.0, max(0.0, target)),
            "cursor": cursor,
            "epoch": epoch,
            "asked": [*before, *(place for of, place in done if of == epoch)],
        }

    def _extend(self, without: Iterable[int] = ()) -> None:
        """Queue the next epoch's questions as (epoch, place), the nearest to the target first."""
        shuffled = self._permutation(self._queued)
        distances = np.abs(self.difficulties[shuffled] - self._state["target"])
        nearest = shuffled[np.argsort(distances, kind="stable")].tolist()
        asked = set(without)
        self._queue += [(self._queued, place) for place in nearest if place not in asked]
        self._queued += 1
