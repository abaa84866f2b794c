"""Rollouts: who draws what, how rewards are shaped, how flat groups are replaced."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from sent.config import Method, Model, Training
from sent.errors import SentError
from sent.grading.grader import Grade
from sent.sampling.sampler import Completion
from sent.training.batch import Batch
from sent.training.rollout import Collector, Group, TrainingQuestion, collect_step, share_out
from sent.training.rollout_engines import by_vllm
from sent.training.schedule import QuestionStream

ALONE = SimpleNamespace(process_index=0, num_processes=1)
QUESTIONS = {name: TrainingQuestion(name, name, (1, 2)) for name in "abcdef"}


class Echo:
    """A sampler whose responses name the request: question, sample and seed."""

    def sample(self, requests, decoding):
        self.requests = requests
        return [Completion([r.sample] * (3 + r.sample), [-1.0] * (3 + r.sample), "stop") for r in requests]


class Decoder:
    def decode(self, tokens, skip_special_tokens=False):
        return str(tokens[0])


class OddOnes:
    """Grades: for the questions in ``varied`` odd samples are correct, for the others all are wrong."""

    def __init__(self, varied):
        self.varied = varied

    def grade(self, items):
        good = [gold in self.varied and int(text) % 2 for gold, text, _ in items]
        return [Grade(None, "correct" if ok else "wrong", False) for ok in good]


def collector(varied="abcdef", method: dict | None = None, **changes) -> Collector:
    settings = Training(
        **{"prompts_per_step": 3, "minibatch_prompts": 1, "responses_per_prompt": 2} | changes
    )
    return Collector(Echo(), OddOnes(varied), Decoder(), Method(**method or {}), settings, seed=7, stage=1)


def test_seeds_follow_seed_stage_step_question_and_sample():
    drawing = collector()
    drawing.collect(4, [(0, QUESTIONS["a"], 0), (1, QUESTIONS["a"], 1)])
    first = [(r.question_id, r.sample, r.seed) for r in drawing.sampler.requests]
    assert [sample for _, sample, _ in first] == [0, 1, 2, 3]
    assert len({seed for _, _, seed in first}) == 4
    drawing.collect(4, [(5, QUESTIONS["a"], 0)])
    assert [(r.question_id, r.sample, r.seed) for r in drawing.sampler.requests] == first[:2]
    drawing.collect(5, [(5, QUESTIONS["a"], 0)])
    assert drawing.sampler.requests[0].seed != first[0][2]


def test_keys_follow_the_place_of_a_group():
    groups = collector("a").collect(1, [(2, QUESTIONS["a"], 0), (4, QUESTIONS["b"], 0)])
    assert [group.keys for group in groups] == [[4, 5], [8, 9]]
    for group, advantages in zip(groups, ([0, 1], [2, 3]), strict=True):
        group.advantages = np.array(advantages, dtype=np.float32)
    batch = Batch.of(groups)
    assert batch.keys.tolist() == [4, 5, 8, 9] and batch.lengths.tolist() == [3, 4, 3, 4]
    assert batch.ids.tolist() == [0] * 3 + [1] * 4 + [0] * 3 + [1] * 4
    some = batch.select([2, 1])
    assert (some.keys.tolist(), some.advantages.tolist(), some.offsets.tolist()) == (
        [8, 5],
        [2, 1],
        [0, 3, 7],
    )
    assert some.ids.tolist() == [0] * 3 + [1] * 4 and some.questions == ["b", "a"]
    assert len(Batch.of([]).ids) == 0


def test_responses_near_the_length_limit_lose_reward():
    drawing = collector("a", overlong_share=2 / 3, decoding={"max_new_tokens": 6})
    (group,) = drawing.collect(1, [(0, QUESTIONS["a"], 0)])
    assert group.rewards == [pytest.approx(-0.25), pytest.approx(1 - 0.5)]


def test_a_step_takes_the_next_questions_of_the_stream():
    stream = QuestionStream(list("abcdef"), 0, 1, shuffle=False)
    rollout, used = collect_step(collector(), stream, QUESTIONS, 2, 1, ALONE)
    assert [group.question.id for group in rollout] == ["c", "d", "e"]
    assert used == 3


def test_flat_groups_give_way_to_further_questions():
    stream = QuestionStream(list("abcdef"), 0, 1, shuffle=False)
    drawing = collector("acef", dynamic_sampling_rounds=3)
    rollout, used = collect_step(drawing, stream, QUESTIONS, 0, 1, ALONE)
    assert [group.question.id for group in rollout] == ["a", "c", "e"]
    assert used == 5
    assert [group.place for group in rollout] == [0, 2, 4]


@pytest.mark.parametrize(
    ("advantage", "taken", "used"),
    [
        ("group_normalised", "ac", 3),
        ({"signed": {"right": 0, "wrong": 1}}, "ab", 2),  # all wrong is not flat
        ({"signed": {"right": 1, "wrong": 0}}, "ac", 3),
        (
            "cluster_share",
            "bd",
            4,
        ),  # only in b and d do any two agree
    ],
)
def test_flat_are_groups_whose_advantages_are_zero(advantage, taken, used):
    class Answers(OddOnes):
        """Samples 0 and 1 answer alike in ``b`` and ``d``, where nobody is right, and nobody else does."""

        def grade(self, items):
            answers = [text if gold in "ac" or int(text) > 1 else "same" for gold, text, _ in items]
            return [
                replace(grade, extracted=a) for grade, a in zip(super().grade(items), answers, strict=True)
            ]

        def grade_answers(self, pairs):
            return [Grade(b, "correct" if a == b else "wrong", False) for a, b in pairs]

    drawing = collector(
        "ac", {"advantage": advantage}, dynamic_sampling_rounds=3, prompts_per_step=2, responses_per_prompt=3
    )
    drawing.grader = Answers("ac")
    stream = QuestionStream(list("abcdef"), 0, 1, shuffle=False)
    rollout, places = collect_step(drawing, stream, QUESTIONS, 0, 1, ALONE)
    assert ("".join(group.question.id for group in rollout), places) == (taken, used)
    shares = [
        share_out([(i, QUESTIONS[name], 0) for i, name in enumerate("abcd")], rank, 2) for rank in (0, 1)
    ]
    spread = [group for share in shares for group in drawing.collect(1, share)]
    together = drawing.collect(1, [place for share in shares for place in share])
    assert [g.advantages.tolist() for g in spread] == [g.advantages.tolist() for g in together]


def test_after_the_last_round_flat_groups_fill_the_step():
    stream = QuestionStream(list("abcdef"), 0, 1, shuffle=False)
    rollout, used = collect_step(collector("f", dynamic_sampling_rounds=1), stream, QUESTIONS, 0, 1, ALONE)
    assert [group.question.id for group in rollout] == ["a", "b", "f"]
    assert used == 6
    assert isinstance(rollout[0], Group) and rollout[0].is_flat


def test_processes_share_a_step_without_overlap():
    shares = [share_out(list(range(7)), rank, 3) for rank in range(3)]
    assert shares == [[0, 3, 6], [1, 4], [2, 5]]


def test_an_engine_in_a_process_that_weights_do_not_reach_is_refused(monkeypatch):
    monkeypatch.setenv("VLLM_ENABLE_V1_MULTIPROCESSING", "1")
    with pytest.raises(SentError, match="VLLM_ENABLE_V1_MULTIPROCESSING: training hands its weights"):
        by_vllm("policy", Model(), Training(), ALONE, None, None)
