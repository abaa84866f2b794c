"""What a response is worth: the shipped rewards, functions of one's own, and what is said of their mistakes."""

import sys

import pytest
from jobs import CoinGrader, arguments
from sent import tables
from sent.config import Method, Part, parse
from sent.errors import SentError
from sent.training import recipe, rewards
from sent.training.command import run
from sent.training.outcomes import reward_of
from sent.training.rollout import TrainingQuestion
from test_rollout import QUESTIONS, collector

ASKED = TrainingQuestion("q7", "42", (1, 2), "What is 6 times 7?")


@pytest.mark.parametrize(("name", "right", "other"), [("correct", 1, 0), ("plus_minus", 1, -1)])
def test_the_shipped_rewards(name, right, other):
    reward = reward_of(Part(name))
    assert reward("correct", "42", ASKED, 0) == right
    assert {reward(verdict, "42", ASKED, 0) for verdict in ("wrong", "no_answer", "truncated", "error")} == {
        other
    }


def test_rewards_reach_groups_before_what_length_costs():
    drawing = collector("a", {"reward": "plus_minus"}, overlong_share=2 / 3, decoding={"max_new_tokens": 6})
    (group,) = drawing.collect(1, [(0, QUESTIONS["a"], 0)])
    assert group.rewards == [pytest.approx(-1.25), pytest.approx(1 - 0.5)]


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Write a module of one's own into the working directory, under a package."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "__init__.py").touch()
    file = tmp_path / "mine" / "rewards.py"

    def write(text: str) -> None:
        for name in ("mine", "mine.rewards"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        file.unlink(missing_ok=True)
        file.write_text(text)

    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return write


SHORT = '''def short(verdict, response, question, *, limit: int = 3):
    """Right, and no longer than the gold answer and ``limit`` signs."""
    return verdict == "correct" and len(response) <= len(question.answer) + limit
'''


def test_a_reward_of_ones_own_sees_verdict_response_and_question(own):
    own(SHORT)
    reward = reward_of(Part("mine.rewards:short"))
    assert [
        reward(*seen, ASKED, 0) for seen in (("correct", "42"), ("correct", "It is 42"), ("wrong", "4"))
    ] == [1, 0, 0]
    wide = reward_of(Part({"mine.rewards:short": {"limit": 9}}))
    assert wide("correct", "It is 42", ASKED, 0) == 1
    with pytest.raises(SentError, match=r"constants of reward 'mine\.rewards:short': unknown key 'limt'"):
        reward_of(Part({"mine.rewards:short": {"limt": 9}}))


def test_code_of_ones_own_needs_the_users_word(own):
    own("raise SystemExit('it ran')")
    method = parse(Method, {"reward": "mine.rewards:short"}, "methods.m")
    with pytest.raises(
        SentError, match=r"methods\.m: 'mine\.rewards:short' is code from outside .*`allow_own_code: true`"
    ):
        recipe.check(method, "methods.m")
    own(SHORT)
    recipe.check(method, "methods.m", allow_own_code=True)


def test_the_content_of_ones_own_file_counts_as_code(own):
    method = Method(reward="mine.rewards:short")
    own(SHORT)
    before = recipe.code(method)
    own(SHORT.replace("Right", "Correct"))
    assert recipe.code(method) == before != recipe.code(Method())
    own(SHORT.replace("+ limit", "- limit"))
    assert recipe.code(method) != before
    assert recipe.code(Method(reward="plus_minus")) != recipe.code(Method())


def test_a_job_trains_by_a_reward_of_ones_own(inputs, own, tmp_path, monkeypatch):
    monkeypatch.setattr("sent.grading.grader.Grader", CoinGrader)
    own("def even(verdict, response, question):\n    return (len(response) + len(question.text)) % 2 / 4\n")
    args = arguments(inputs, tmp_path / "job", steps=1, keep_rollouts=8)
    args.method = '{"reward": "mine.rewards:even"}'
    with pytest.raises(SentError, match=r"--method: 'mine\.rewards:even' is code from outside the package"):
        run(args)
    args.allow_own_code = True
    run(args)
    kept = tables.rows(args.rollouts)
    assert {row["reward"] for row in kept} == {0, 0.25}
    for row in kept:
        assert row["reward"] == (len(row["response"]) + len(row["question"])) % 2 / 4


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return 1 / 0", "failed for response 5 to question 'q7': ZeroDivisionError: division by zero"),
        ("return float('nan')", "must return a finite number; found nan for response 5 to question 'q7'"),
        ("return float('inf')", "must return a finite number; found inf"),
        ("return '1'", "must return a finite number; found '1'"),
        ("return None", "must return a finite number; found None"),
        ("import numpy; return numpy.ones(2)", "found array([1., 1.])"),
    ],
)
@pytest.mark.parametrize("kind", ["file", "path"])
def test_mistakes_of_a_reward_name_function_question_and_response(
    own, tmp_path, monkeypatch, kind, body, message
):
    text = f"def own(verdict, response, question):\n    {body}\n"
    own(text)
    (tmp_path / "own.py").write_text(text)
    monkeypatch.setattr(rewards, "__path__", [*rewards.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "sent.training.rewards.own", raising=False)
    reward = reward_of(Part({"file": "own", "path": "mine.rewards:own"}[kind]))
    with pytest.raises(SentError) as error:
        reward("correct", "42", ASKED, 5)
    where = {"file": "rewards/own.py: function 'own' ", "path": "reward 'mine.rewards:own' "}[kind]
    assert str(error.value).startswith(where) and message in str(error.value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("corect", "", "unknown reward 'corect'; did you mean 'correct'?"),
        ("mine.reward:short", "", "no module 'mine.reward' in the working directory"),
        ("mien:short", "", "no module 'mien' in the working directory"),
        (":short", "", "no module '' in the working directory"),
        ("math:floor", "", "no module 'math'"),  # no file to follow
        ("mine.rewards:shrt", SHORT, "rewards.py: expected a function called 'shrt', found none"),
        ("mine.rewards:short", "import nothing_of_that_name", "rewards.py: cannot be imported: ModuleNotFoundError"),
        ("mine.rewards:short", "def short(", "rewards.py: cannot be imported: SyntaxError"),
        ("mine.rewards:short", "def short(v, r, q, *, a): ...", "argument 'a' has no annotation"),
    ],
)  # fmt: skip
def test_rewards_that_are_not_there_are_named(own, name, text, message):
    own(text)
    with pytest.raises(SentError) as error:
        recipe.check(parse(Method, {"reward": name}, "mine"), "mine", allow_own_code=True)
    assert str(error.value).startswith("mine: ") and message in str(error.value)
