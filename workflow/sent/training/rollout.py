"""Rollouts: draw responses to a step's questions and grade them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from accelerate import Accelerator
from accelerate.utils import gather_object

from sent.config import Method, Training
from sent.grading.clusters import clusters
from sent.grading.grader import AnyGold, Grade, Grader
from sent.sampling.prompts import response_text
from sent.sampling.sampler import Completion, Request, Sampler
from sent.seeding import seed_of
from sent.training import recipe
from sent.training.outcomes import Outcomes, advantage_of, reward_of


@dataclass
class TrainingQuestion:
    """A training question, ready to be asked."""

    id: str
    answer: AnyGold
    prompt_ids: tuple[int, ...]
    text: str = ""
    """As it was asked, without the prompt around it."""


@dataclass
class Group:
    """The responses to one question in one step. Lists run over the G responses."""

    place: int
    """Number of the group in its step, the same for any number of processes."""
    question: TrainingQuestion
    completions: list[Completion]
    texts: list[str]
    rewards: list[float]
    verdicts: list[str]
    advantages: np.ndarray
    """float32 ``[G]``: what each response earned, as the method says."""

    @property
    def keys(self) -> list[int]:
        """Numbers of the responses in the step, the same for any number of processes."""
        count = len(self.completions)
        return list(range(self.place * count, (self.place + 1) * count))

    @property
    def is_flat(self) -> bool:
        """Whether all advantages are 0, so that the group teaches nothing."""
        return not self.advantages.any()


class Collector:
    """Draws and grades rollouts."""

    def __init__(
        self,
        sampler: Sampler,
        grader: Grader,
        tokenizer: Any,
        method: Method,
        settings: Training,
        seed: int,
        stage: int,
    ):
        self.sampler, self.grader, self.tokenizer = sampler, grader, tokenizer
        self.settings = settings
        self.reward, self.advantages = reward_of(method.reward), advantage_of(method.advantage)
        self.needs_clusters = recipe.needs_clusters(method)
        self.name = ("rollout", seed, stage)

    def collect(self, step: int, places: list[tuple[int, TrainingQuestion, int]]) -> list[Group]:
        """Return groups for ``places``: (place in the step, question, occurrence of it in the step)."""
        count = self.settings.responses_per_prompt
        requests = [
            Request(question.id, sample, question.prompt_ids, seed_of(*self.name, step, question.id, sample))
            for _, question, occurrence in places
            for sample in range(occurrence * count, (occurrence + 1) * count)
        ]
        golds = [question.answer for _, question, _ in places for _ in range(count)]
        completions, texts, grades = self.draw(requests, golds)
        owns = [slice(i * count, (i + 1) * count) for i in range(len(places))]
        answers = [[grade.extracted for grade in grades[own]] for own in owns]
        labels = clusters(answers, self.grader) if self.needs_clusters else [None] * len(places)
        return [
            self._group(step, at, completions[own], texts[own], grades[own], of_answers)
            for at, own, of_answers in zip(places, owns, labels, strict=True)
        ]

    def draw(
        self, requests: list[Request], golds: list[AnyGold]
    ) -> tuple[list[Completion], list[str], list[Grade]]:
        """Return the current policy's responses to requests, their texts, and their grades by one gold answer each."""
        decoding = self.settings.decoding
        completions = self.sampler.sample(requests, decoding)
        texts = [
            response_text(self.tokenizer, request.prompt_ids, completion, decoding.stop)
            for request, completion in zip(requests, completions, strict=True)
        ]
        finishes = [completion.finish_reason for completion in completions]
        return completions, texts, self.grader.grade(list(zip(golds, texts, finishes, strict=True)))

    def _group(
        self,
        step: int,
        at: tuple[int, TrainingQuestion, int],
        completions: list[Completion],
        texts: list[str],
        grades: list[Grade],
        labels: Any,
    ) -> Group:
        place, question, occurrence = at
        verdicts = [grade.verdict for grade in grades]
        lengths = [len(completion.token_ids) for completion in completions]
        rewards = [
            self.reward(verdict, text, question, number) - self._overlong(length)
            for number, (verdict, text, length) in enumerate(
                zip(verdicts, texts, lengths, strict=True), occurrence * len(texts)
            )
        ]
        outcomes = Outcomes(
            rewards=np.array(rewards, dtype=np.float64),
            correct=np.array([verdict == "correct" for verdict in verdicts]),
            lengths=np.array(lengths),
            logprobs=np.array([sum(completion.logprobs) for completion in completions], dtype=np.float64),
            seed=seed_of("outcomes", *self.name, step, question.id, occurrence),
            clusters=None if labels is None else np.array(labels),
        )
        return Group(place, question, completions, texts, rewards, verdicts, self.advantages(outcomes))

    def _overlong(self, tokens: int) -> float:
        """Soft punishment of length: 0 up to the buffer, rising to 1 at the limit (DAPO, Yu et al. 2025, eq. 13)."""
        limit = self.settings.decoding.max_new_tokens
        buffer = self.settings.overlong_share * limit
        if buffer == 0:
            return 0.0
        start = limit - buffer
        return min(1.0, max(0.0, (tokens - start) / buffer))


def share_out(items: list, rank: int, processes: int) -> list:
    """Return the items of one process: every ``processes``-th, starting with its rank."""
    return items[rank::processes]


def collect_step(
    collector: Collector, stream: Any, questions: dict, cursor: int, step: int, accelerator: Accelerator
) -> tuple[list[Group], int]:
    """Draw one step's rollouts on all processes; return this process's groups and the places of the stream used.

    With dynamic sampling, groups whose advantages are all 0 give way to groups of further questions, for the
    configured number of rounds; what is still missing then is filled with the flat groups drawn first.
    """
    settings = collector.settings
    wanted = settings.prompts_per_step
    kept: list[Group] = []
    flat: list[Group] = []
    used = varied = 0
    for _ in range(settings.dynamic_sampling_rounds + 1):
        missing = wanted - varied
        places = [
            (used + i, questions[question], occurrence)
            for i, (question, occurrence) in enumerate(stream.take(cursor + used, missing))
        ]
        used += missing
        mine = share_out(places, accelerator.process_index, accelerator.num_processes)
        groups = collector.collect(step, mine)
        kept += [group for group in groups if not group.is_flat]
        flat += [group for group in groups if group.is_flat]
        if settings.dynamic_sampling_rounds == 0:
            break
        varied = len(gather_object([group.place for group in kept]))
        if varied >= wanted:
            break
    if settings.dynamic_sampling_rounds == 0:
        return sorted(kept + flat, key=lambda g: g.place), used
    fill = sorted(gather_object([group.place for group in flat]))[: max(0, wanted - varied)]
    chosen = [*kept, *(group for group in flat if group.place in fill)]
    return sorted(chosen, key=lambda g: g.place), used
