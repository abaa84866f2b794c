"""From a question to a prompt, and from tokens to the text that is graded."""

import copy
import datetime
import json
import signal

import pytest
from sent.config import Model, parse
from sent.errors import SentError
from sent.experiment import load
from sent.grading.extract import extract_answer
from sent.sampling import prompts
from sent.sampling.prompts import render, response_text
from sent.sampling.sampler import Completion
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

TEMPLATE = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


@pytest.fixture
def tokenizer():
    """A tokenizer of characters that decodes to what it was given."""
    letters = [chr(i) for i in range(32, 127)] + ["\n", "π"]
    words = {letter: i for i, letter in enumerate(["<pad>", "</s>", *letters])}
    raw = Tokenizer(models.WordLevel(words, unk_token="<pad>"))
    raw.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    raw.decoder = decoders.Fuse()
    made = PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", eos_token="</s>")
    made.chat_template = TEMPLATE
    return made


def text_of(tokenizer, model: Model, question: str = "1+1?") -> str:
    return tokenizer.decode(render(tokenizer, model, question))


def completion(tokenizer, text: str, reason: str = "stop") -> Completion:
    return Completion(tokenizer(text)["input_ids"], [], reason)


def test_plain_prompts_take_the_question_literally(tokenizer):
    assert (
        text_of(tokenizer, Model(chat=False, prompt="so {question} = {0} ?"), "{x} 1") == "so {x} 1 = {0} ?"
    )


def test_a_prompt_without_a_place_for_the_question_is_refused():
    with pytest.raises(SentError, match=r"'prompt': expected \{question\} in it.*found 'Solve it.'"):
        parse(Model, {"prompt": "Solve it."}, "m")


def test_system_and_examples_come_before_the_question(tokenizer):
    entry = {
        "prompt": "Q: {question}\nA:",
        "system": "Be brief.",
        "few_shot": [{"question": "2+2?", "response": " 4"}],
    }
    plain = parse(Model, entry | {"chat": False}, "m")
    assert text_of(tokenizer, plain) == "Be brief.\n\nQ: 2+2?\nA: 4\n\nQ: 1+1?\nA:"
    chat = parse(Model, entry, "m")
    assert (
        text_of(tokenizer, chat)
        == "<system>Be brief.<user>Q: 2+2?\nA:<assistant> 4<user>Q: 1+1?\nA:<assistant>"
    )


@pytest.mark.parametrize("name", ["shots.jsonl", "shots.json", "shots.yaml"])
def test_examples_may_stand_in_a_file(tokenizer, tmp_path, name):
    examples = [{"question": "2+2?", "response": "4"}, {"question": "π?", "response": "3"}]
    lines = "\n".join(json.dumps(e) for e in examples)
    (tmp_path / name).write_text(lines if name.endswith("l") and "json" in name else json.dumps(examples))
    model = Model(chat=False, prompt="{question}=", few_shot=str(tmp_path / name))
    assert text_of(tokenizer, model) == "2+2?=4\n\nπ?=3\n\n1+1?="


@pytest.mark.parametrize(
    ("content", "said"),
    [("{", "cannot be read"), ("a: 1", "expected a list of examples, found dict"), ("- {question: a}", "example 1: 'response'")],
)  # fmt: skip
def test_a_bad_file_of_examples_is_one_line(tokenizer, tmp_path, content, said):
    path = tmp_path / "shots.yaml"
    model = Model(chat=False, few_shot=str(path))
    with pytest.raises(SentError, match=r"shots\.yaml: no such file; name a JSONL"):
        render(tokenizer, model, "a")
    path.write_text(content)
    with pytest.raises(SentError, match=rf"shots\.yaml.*{said}"):
        render(tokenizer, model, "a")


def test_an_experiment_holds_the_examples_themselves(tmp_path):
    """So that a change of their file repeats the jobs that read it."""
    path = tmp_path / "shots.jsonl"
    path.write_text('{"question": "a", "response": "b"}\n')
    (tmp_path / "quiz.jsonl").write_text('{"question": "a", "answer": "1"}\n')
    config = {
        "experiment": "x", "models": ["mine"], "methods": ["base"], "benchmarks": ["quiz"],
        "registry": {
            "models": {"mine": {"path": str(tmp_path), "few_shot": str(path)}},
            "benchmarks": {"quiz": {"source": {"path": str(tmp_path / "quiz.jsonl")}}},
        },
    }  # fmt: skip
    (example,) = load(config, "config").models["mine"].few_shot
    assert (example.question, example.response) == ("a", "b")


def test_no_end_token_stands_behind_a_prompt(tokenizer):
    backend = tokenizer.backend_tokenizer
    backend.post_processor = processors.TemplateProcessing(
        single="<pad> $A </s>", special_tokens=[("<pad>", 0), ("</s>", 1)]
    )
    model = Model(chat=False, prompt="{question}")
    assert tokenizer("ab")["input_ids"][-1] == 1
    assert render(tokenizer, model, "ab") == tuple(tokenizer("ab")["input_ids"][:-1])
    assert render(tokenizer, model, "ab")[0] == 0


def test_variables_reach_the_template(tokenizer):
    tokenizer.chat_template = (
        TEMPLATE + "{% if enable_thinking is defined and not enable_thinking %}no{% endif %}"
    )
    assert text_of(tokenizer, Model(prompt="{question}")).endswith("<assistant>")
    model = Model(prompt="{question}", chat_template_kwargs={"enable_thinking": False})
    assert text_of(tokenizer, model).endswith("<assistant>no")
    with pytest.raises(SentError, match="'chat_template_kwargs': tools: set by the renderer"):
        parse(Model, {"chat_template_kwargs": {"tools": []}}, "m")


def test_today_s_date_is_pinned_or_refused(tokenizer):
    tokenizer.chat_template = "{{ strftime_now('%d %b %Y') }}" + TEMPLATE
    with pytest.raises(SentError, match=r"writes today's date.*set `date` in the model's registry entry"):
        render(tokenizer, Model(), "a")
    model = parse(Model, {"date": "2024-07-26", "prompt": "{question}"}, "m")
    assert model.date == datetime.date(2024, 7, 26)
    assert text_of(tokenizer, model).startswith("26 Jul 2024<user>")


def test_a_missing_or_failing_template_is_one_line(tokenizer):
    bare = copy.deepcopy(tokenizer)
    bare.chat_template = None
    with pytest.raises(SentError, match=r"no chat template.*chat: false"):
        render(bare, Model(), "a")
    for template, said in (
        ("{{ raise_exception('no system turn') }}", "no system turn"),
        ("{% if %}", "Expected an expression"),
    ):
        tokenizer.chat_template = template
        with pytest.raises(SentError, match=f"its chat template fails on a prompt .*{said}") as error:
            render(tokenizer, Model(), "a")
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ messages.append(1) }}",
        "{{ raise_exception.__globals__['sys'] }}",
        "{% include '/etc/passwd' %}",
        "{% for i in range(99999999) %}{{ i }}{% endfor %}",
    ],
)
def test_a_hostile_template_stays_in_its_sandbox(tokenizer, template):
    tokenizer.chat_template = template
    with pytest.raises(SentError, match="its chat template fails on a prompt") as error:
        render(tokenizer, Model(), "a")
    assert "\n" not in str(error.value) and "root:" not in str(error.value)


def test_a_template_that_does_not_end_is_stopped(tokenizer, monkeypatch):
    monkeypatch.setattr(prompts, "TEMPLATE_SECONDS", 0.2)
    loop = "{% for i in range(99999) %}"
    tokenizer.chat_template = loop * 3 + "{% endfor %}" * 3
    before = signal.getsignal(signal.SIGVTALRM)
    with pytest.raises(SentError, match=r"did not end in 0.2 s"):
        render(tokenizer, Model(), "a")
    assert signal.getsignal(signal.SIGVTALRM) == before
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_thinking_that_the_prompt_opened_is_known_to_the_grader(tokenizer):
    tokenizer.chat_template = TEMPLATE + "{% if add_generation_prompt %}<think>\n{% endif %}"
    prompt = render(tokenizer, Model(), "1+1?")
    cut = response_text(tokenizer, prompt, completion(tokenizer, r"maybe \boxed{2}", "length"))
    assert cut == "<think>\nmaybe \\boxed{2}"
    assert extract_answer(cut) is None
    done = response_text(tokenizer, prompt, completion(tokenizer, "hm</think>\\boxed{2}"))
    assert extract_answer(done) == "2"
    served = Completion([], [], "stop", "hm</think>\\boxed{2}")
    assert response_text(tokenizer, prompt, served) == done
    closed = (*prompt, *tokenizer("\n</think>\n")["input_ids"])
    assert response_text(tokenizer, closed, completion(tokenizer, r"\boxed{2}")) == r"\boxed{2}"


@pytest.mark.parametrize(
    ("text", "stop", "expected"),
    [
        ("4\n\nQ: 5", ["\n\n"], "4"),
        ("4 END Q", ["Q", " END"], "4"),
        ("no stop", ["\n"], "no stop"),
        ("Q", ["Q"], ""),
    ],
)
def test_the_text_ends_before_the_first_stop_string(tokenizer, text, stop, expected):
    assert response_text(tokenizer, (2, 3), completion(tokenizer, text), stop) == expected
    assert response_text(tokenizer, (2, 3), Completion([], [], "stop", text), stop) == expected
