"""Extraction and grading of texts drawn at random: nothing raises, nothing takes long, and what is symmetric stays so."""

from hostile import COUNT, Clock, answer, bent, drawn, long, response, shown
from sent.config import Grading
from sent.config.grading import PHRASES
from sent.grading.answers import Policy, in_words, normal_form, same_answer
from sent.grading.clusters import clusters
from sent.grading.extract import extract_answer, unbox
from sent.grading.grader import Gold, Grader
from sent.grading.string_match import string_match


def pair(rng) -> tuple[str, str]:
    """A gold answer and an answer: unlike, alike or equal."""
    gold = answer(rng)
    return gold, rng.choice([answer(rng), bent(rng, gold), f" {gold} ", gold])


def test_random_inputs_of_extraction():
    clock = Clock()
    for text in drawn(response, "extraction"):
        with clock.limit(text):
            found = extract_answer(text, PHRASES)
            unbox(text)
        assert found is None or 0 < len(found) <= len(text), shown(text)
    clock.report("extraction")


def test_random_inputs_of_grading():
    policy, clock = Policy(), Clock()
    with Grader(Grading()) as grader:
        for gold, other in drawn(pair, "grading"):
            with clock.limit((gold, other)):
                verdict, reason = grader._decided_here(Gold(gold), other)
                string_match(gold, other)
                in_words(other)
                forms = normal_form(gold), normal_form(other)
            assert verdict in ("correct", "wrong", None) and reason
            if forms[0] and forms[0] == forms[1]:  # docs/semantic_entropy.md: equal answers are one
                assert same_answer(gold, other, policy) is same_answer(other, gold, policy), shown(
                    (gold, other)
                )
        for text in drawn(long, "long answers", max(3, COUNT // 100)):
            with clock.limit(text):
                grader._decided_here(Gold("3"), text)
                grader._decided_here(Gold(text), text + "1")
                normal_form(text)
    clock.report("grading")


def test_random_inputs_of_the_workers():
    """What only math-verify can tell is told, or cut off; the processes stay usable."""
    count = max(20, COUNT // 20)
    pairs = [(gold, other) for gold, other in drawn(pair, "workers", count) if gold.strip()]
    with Grader(Grading(timeout_seconds=1, workers=2)) as grader:
        grades = grader.grade_answers(pairs)
        assert {grade.verdict for grade in grades} <= {"correct", "wrong", "timeout", "error", "no_answer"}
        assert grader.grade_answers([("\\sum_{k=1}^{4} k", "10")])[0].verdict == "correct"
    print(f"\n| worker processes | {len(pairs):,} | {sum(g.reason == 'math-verify' for g in grades)} asked |")


def test_random_inputs_of_clusters():
    """Each answer is in one cluster, and whoever stands first, two answers are together or apart."""
    clock = Clock()
    with Grader(Grading()) as grader:
        grader._ask_workers = lambda pairs: ["timeout"] * len(pairs)
        for gold, other in drawn(pair, "clusters", COUNT // 4):
            with clock.limit((gold, other)):
                here, there = clusters([[gold, other, gold], [other, gold, other]], grader)
            assert here[0] == here[2] and there[0] == there[2]
            assert (here[0] == here[1]) is (there[0] == there[1]), shown((gold, other))
    clock.report("clusters of evaluated answers")
