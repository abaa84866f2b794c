"""The probe leaves training as it is, is asked when it is due, and counts what it is answered."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from jobs import STEPS, TIMED, CoinGrader, arguments
from sent import tables
from sent.config import Decoding, Method, Training
from sent.config import Probe as Settings
from sent.errors import SentError
from sent.experiment import load
from sent.grading.grader import Grade
from sent.sampling.sampler import Completion
from sent.seeding import seed_of
from sent.training import probe as probing
from sent.training import rollout
from sent.training.rollout import TrainingQuestion
from sent.training.stage import train_stage

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def coin(monkeypatch):
    monkeypatch.setattr("sent.grading.grader.Grader", CoinGrader)


def log(path) -> list[dict]:
    return [{k: v for k, v in row.items() if not k.startswith(TIMED)} for row in tables.rows(path)]


def test_training_has_the_same_bits_with_and_without_it(inputs, coin, tmp_path):
    plain, asked = (
        arguments(inputs, tmp_path / "plain"),
        arguments(inputs, tmp_path / "probed", {"n": 3, "every": 1}),
    )
    train_stage(plain)
    train_stage(asked)
    weights = [(Path(args.output) / "model.safetensors").read_bytes() for args in (plain, asked)]
    assert weights[0] == weights[1]
    assert log(plain.metrics) == log(asked.metrics)
    assert tables.rows(plain.probe_output, tables.PROBE) == []
    rows = tables.rows(asked.probe_output, tables.PROBE)
    assert [row["step"] for row in rows] == [step for step in range(STEPS + 1) for _ in range(5)]
    assert all(0 <= row["n_answers"] <= row["n"] == 3 for row in rows)
    assert 0 < sum(row["n_correct"] for row in rows) < 3 * len(rows)
    assert all(0 < row["token_entropy"] < math.log(300) for row in rows)
    assert len({row["token_entropy"] for row in rows}) > 5 * STEPS - 5  # the policy changes


@pytest.mark.parametrize(
    ("stage", "before", "last", "every", "steps", "due"),
    [
        (1, 0, 5, 2, 5, [0, 2, 4, 5]),
        (1, 0, 4, 2, 4, [0, 2, 4]),
        (1, 0, 7, 3, 4, [0, 3]),  # ends in the midst: no other steps than without stages
        (2, 4, 7, 3, 3, [6, 7]),
        (1, 0, 6, 3, 3, [0, 3]),
        (2, 3, 6, 3, 3, [6]),  # it starts from the policy that stage 1 asked last
    ],
)
def test_steps_count_on_through_the_stages(stage, before, last, every, steps, due):
    settings = Settings(count=1, every=every)
    probe = probing.Probe(settings, [], None, None, 0, stage, before, last)
    assert [before + step for step in range(steps + 1) if probe.is_due(step)] == due
    assert settings.times(before + (before > 0), before + steps, last) == len(due)


def test_the_best_probed_policy_is_kept(inputs, coin, tmp_path):
    """It is that of a training of so many steps, to the bit; training and the log are those of keeping the last."""
    args = arguments(inputs, tmp_path / "best", {"n": 8, "every": 1}, keep="best_probe", checkpoint_every=0)
    train_stage(args)
    rows = tables.rows(args.probe_output, tables.PROBE)
    by_step = {
        step: probing.pass_at_1([row for row in rows if row["step"] == step]) for step in range(1, STEPS + 1)
    }
    best = max(
        by_step, key=by_step.get
    )  # the first of equal ones; the policy that training starts from is none
    kept = json.loads(Path(args.summary).read_text())["kept"]
    assert kept == {"policy": "best_probe", "step": best, "pass_1": by_step[best]}
    assert best < STEPS, "another seed, or this test says nothing"
    shorter = arguments(inputs, tmp_path / "shorter", steps=best)
    train_stage(shorter)
    weights = [(Path(each.output) / "model.safetensors").read_bytes() for each in (args, shorter)]
    assert weights[0] == weights[1]
    assert log(args.metrics)[:best] == log(shorter.metrics)
    assert not Path(args.checkpoints).exists()


def test_a_stage_that_another_follows_hands_its_last_policy_on(inputs, coin, tmp_path):
    rows = [
        {
            "question_id": row["question_id"],
            "stage": 1 + number % 2,
            "position": number // 2,
            "rehearsal": False,
        }
        for number, row in enumerate(tables.rows(inputs / "questions.parquet"))
    ]
    for keep in ("last", "best_probe"):
        args = arguments(inputs, tmp_path / keep, {"n": 8, "every": 1}, keep=keep)
        args.curriculum, args.stages = str(tmp_path / "curriculum.parquet"), 2
        tables.write(args.curriculum, tables.table(tables.CURRICULUM, rows))
        train_stage(args)
        assert json.loads(Path(args.summary).read_text())["kept"] == {"policy": "last"}
    weights = [(tmp_path / k / "policy/model.safetensors").read_bytes() for k in ("last", "best_probe")]
    assert weights[0] == weights[1]


def test_the_best_of_nothing_is_an_error(inputs, coin, tmp_path):
    with pytest.raises(SentError, match=r"training\.keep is 'best_probe', which needs a `probe`"):
        train_stage(arguments(inputs, tmp_path, keep="best_probe"))
    changes = {"training": {"keep": "best_probe"}, "probe": None}
    experiment = yaml.safe_load((ROOT / "config/smoke.yaml").read_text()) | changes
    with pytest.raises(SentError, match=r"smoke: training\.keep is 'best_probe'"):
        load(experiment, "smoke")


class Told:
    """A sampler, grader, updater and tokenizer in one, with responses, answers and entropies that a test sets."""

    accelerator = type("Alone", (), {"process_index": 0, "num_processes": 1})
    policy = None
    context = 100

    def __init__(self, answers, entropies):
        self.answers, self.entropies, self.requests = answers, entropies, []

    def sample(self, requests, decoding):
        self.requests = requests
        return [
            Completion([7] * tokens, [0.0] * tokens, "length" if answer is None else "stop")
            for answer, tokens in self.answers
        ]

    def grade(self, items):
        golds = [gold for gold, _, _ in items]
        return [
            Grade(answer, "correct" if answer == gold else "wrong", False)
            for (answer, _), gold in zip(self.answers, golds, strict=True)
        ]

    def grade_answers(self, pairs):
        return [Grade(a, "correct" if float(g) == float(a) else "wrong", False) for g, a in pairs]

    def score(self, policy, batch):
        assert len(batch.ids) == len(self.entropies)
        return torch.zeros(len(batch.ids)), torch.tensor(self.entropies)


def test_rows_count_by_question(monkeypatch):
    told = Told(
        [("8", 2), ("8.0", 1), ("5", 1), (None, 3), ("1", 1), ("1", 1), ("1", 1), ("1", 1)],
        [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 0.5, 0.5, 0.5, 1.5],
    )
    monkeypatch.setattr(rollout, "response_text", lambda *_: "")
    questions = [TrainingQuestion("a", "8", (1, 2)), TrainingQuestion("b", "2", (3,))]
    settings = Training(decoding=Decoding(max_new_tokens=3))
    collector = rollout.Collector(told, told, told, Method(), settings, seed=3, stage=2)
    probe = probing.Probe(
        Settings(count=2, n=4), questions, collector, told, seed=3, stage=2, before=10, last=40
    )
    first, second = probe.ask(10)
    assert first == {
        "question_id": "a", "stage": 2, "step": 20, "n": 4, "n_correct": 1, "n_no_answer": 1, "n_truncated": 1,
        "n_answers": 2, "semantic_entropy": pytest.approx(math.log(3) - 2 / 3 * math.log(2)), "n_tokens": 7,
        "token_entropy": 4.0,
    }  # fmt: skip
    assert (second["n_correct"], second["n_answers"], second["semantic_entropy"]) == (0, 1, 0)
    assert second["token_entropy"] == np.mean([0.5, 0.5, 0.5, 1.5])
    assert probing.pass_at_1([first, second]) == 1 / 8
    seeds = [request.seed for request in told.requests]
    assert seeds == [seed_of("probe", 3, 20, q, sample) for q in "ab" for sample in range(4)]


def test_without_questions_it_is_an_error(inputs, coin, tmp_path):
    args = arguments(inputs, tmp_path, {"n": 1})
    args.probe = str(tmp_path / "none.parquet")
    tables.write(args.probe, tables.table(tables.QUESTIONS, []))
    with pytest.raises(SentError, match=r"none\.parquet: holds no question"):
        train_stage(args)


@pytest.mark.parametrize("given", [{}, {"count": 3, "source": {"path": "x"}}])
def test_it_has_one_origin(given):
    with pytest.raises(ValueError, match=r"give one of count and source, found (both|neither)"):
        Settings(**given)
