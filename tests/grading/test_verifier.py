"""reasoning-gym's verifiers in a process of their own: scores, and what happens to one that hangs or cannot read."""

import os
import signal
import time
from types import SimpleNamespace

import pytest
from sent.errors import SentError
from sent.grading.verifier import FAMILIES, Verifier
from sent.training.rewards.reasoning_gym import reasoning_gym as reward

package = pytest.importorskip("reasoning_gym", reason="needs the package reasoning-gym (extra `reasoning`)")


@pytest.fixture(scope="module")
def verifier():
    verifier = Verifier(timeout_seconds=20)
    yield verifier
    verifier.close()


def test_scores_by_hand(verifier):
    assert verifier.score("chain_sum", "1,012.0", "1012") == 1.0  # decimals of one value
    assert verifier.score("chain_sum", "1013", "1012") < 0.1
    assert verifier.score("spell_backward", "olleh", "olleh") == 1.0
    assert verifier.score("spell_backward", "olxeh", "olleh") == pytest.approx(0.8)  # four letters of five
    half = verifier.score(
        "knights_knaves", "Ann is a knight, and Ben is a knave", "Ann is a knight, and Ben is a knight."
    )
    assert half == pytest.approx(0.3 + 0.7 / 2)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_every_family_that_is_allowed_gives_its_gold_answer_all_points(verifier, family):
    entry = package.create_dataset(family, seed=1, size=1)[0]
    assert verifier.score(family, str(entry["answer"]), str(entry["answer"])) == 1.0
    assert verifier.score(family, "__import__('os').getcwd()", str(entry["answer"])) < 0.5


def test_families_whose_verifiers_evaluate_answers_are_refused(verifier):
    with pytest.raises(SentError, match="verifier of 'countdown' evaluates answers"):
        verifier.score("countdown", "1+1", "2")


def test_a_process_that_hangs_or_ends_costs_its_answer_alone(verifier):
    assert verifier.score("chain_sum", "2", "2") == 1.0
    process, before = verifier._process, verifier.timeout_seconds
    os.kill(process.pid, signal.SIGSTOP)
    verifier.timeout_seconds, start = 0.2, time.monotonic()
    assert verifier.score("chain_sum", "2", "2") == 0.0
    assert time.monotonic() - start < 5 and process.poll() is not None
    verifier.timeout_seconds = before
    assert verifier.score("chain_sum", "2", "2") == 1.0  # in a new one
    verifier._process.kill()
    verifier._process.wait()
    assert verifier.score("chain_sum", "2", "2") == 0.0
    assert verifier.score("chain_sum", "2", "2") == 1.0


def test_the_reward_reads_the_boxed_answer_of_a_question_that_the_package_made():
    question = SimpleNamespace(id="spell_backward-0-7", answer="olleh")
    assert reward("wrong", r"So it is \boxed{olxeh}.", question) == pytest.approx(0.8)
    assert reward("no_answer", "It is olleh.", question) == 0.0
    with pytest.raises(SentError, match="question 'q1' was not made by reasoning-gym"):
        reward("correct", r"\boxed{1}", SimpleNamespace(id="q1", answer="1"))
