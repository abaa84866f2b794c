"""Generated premise and hypothesis pairs, and the tokens that they are read as."""

import re
from collections import Counter

import numpy as np
import pytest
from sent.models import nli_pairs, nli_tokenizer
from sent.models.nli_pairs import LABELS, NUMBERS, Pair, pairs, problems, statement
from sent.seeding import generator_of

ANSWER = re.compile(r"^(?P<question>.*?) ?The answer is (?P<answer>.*)\.$")
WRITTEN = re.compile(r"\D*?(-?\d+(?:\.\d+)?)\D*")


@pytest.fixture(scope="module")
def asked():
    return problems(generator_of("test"), 300)


@pytest.fixture(scope="module")
def drawn(asked) -> list[Pair]:
    return pairs(np.random.default_rng(0), asked, 3000)


def parts(text: str) -> tuple[str, float | None]:
    """Question and value of a statement; a text that states no answer has no value."""
    found = ANSWER.match(text)
    if not found:
        return text, None
    return found["question"], float(WRITTEN.fullmatch(found["answer"])[1])


def test_labels_are_balanced(drawn):
    counts = Counter(pair.label for pair in drawn)
    assert set(counts) == {0, 1, 2}
    assert all(abs(count - 1000) < 120 for count in counts.values())


def test_labels_say_what_the_texts_are_to_each_other(drawn):
    for pair in drawn:
        (question, value), (other_question, other) = parts(pair.premise), parts(pair.hypothesis)
        about_one_question = "entailment" if value == other else "contradiction"
        expected = about_one_question if question == other_question else "neutral"
        assert LABELS[pair.label] == expected, pair


def test_equal_values_come_in_different_dress(drawn):
    equal = [pair for pair in drawn if LABELS[pair.label] == "entailment"]
    assert sum(pair.premise != pair.hypothesis for pair in equal) > len(equal) / 2
    assert any("$" in pair.premise for pair in equal)
    assert any(".0." in pair.premise for pair in equal)


def test_brief_pairs_have_no_question(asked):
    for pair in pairs(np.random.default_rng(1), asked, 200, brief=True):
        assert pair.premise.startswith("The answer is")
        assert (LABELS[pair.label] == "neutral") == (not pair.hypothesis.startswith("The answer is"))


def test_pairs_are_a_function_of_their_generator(asked):
    assert pairs(generator_of("a"), asked, 20) == pairs(generator_of("a"), asked, 20)
    assert pairs(generator_of("a"), asked, 20) != pairs(generator_of("b"), asked, 20)


def test_statement_is_the_default_template_of_semantic_entropy():
    from sent.config import SemanticEntropy

    filled = SemanticEntropy().template.replace("{question}", "Q?").replace("{answer}", "7")
    assert statement("Q?", "7") == filled


def test_every_whole_number_is_one_token_and_longer_ones_are_digits():
    tokenizer = nli_tokenizer.pair_tokenizer(["is - ."], 128)
    for number in NUMBERS:
        assert tokenizer.tokenize(f"is {number}.") == ["is", str(number), "."]
    assert tokenizer.tokenize("12345 2000") == [*"12345", *"2000"]
    assert tokenizer.tokenize("12 - 5") == ["12", "-", "5"]
    assert tokenizer.tokenize("is -5.") == ["is", "-5", "."]
    assert tokenizer.tokenize("$117.00$") == ["[UNK]", "117", ".00", "[UNK]"]
    assert tokenizer.tokenize("is 3.0. is 3.5. is 3. is 3.25.") == [
        *("is", "3", ".0", ".", "is", "3", ".5", ".", "is", "3", ".", "is", "3", ".", "2", "5", ".")
    ]
    assert tokenizer.tokenize("007") == ["0", "0", "7"]


def test_no_pair_holds_an_unknown_token(asked, drawn):
    from sent.models.nli import vocabulary_texts

    tokenizer = nli_tokenizer.pair_tokenizer(vocabulary_texts(asked), 128)
    unknown = tokenizer.unk_token_id
    for pair in drawn:
        ids = tokenizer(pair.premise, pair.hypothesis)["input_ids"]
        assert unknown not in ids, pair
        assert len(ids) <= 80


def test_a_pair_has_two_token_types():
    tokenizer = nli_tokenizer.pair_tokenizer(["a b"], 128)
    encoded = tokenizer("a", "b b")
    assert tokenizer.convert_ids_to_tokens(encoded["input_ids"]) == ["[CLS]", "a", "[SEP]", "b", "b", "[SEP]"]
    assert encoded["token_type_ids"] == [0, 0, 0, 1, 1, 1]


def test_all_forms_keep_their_value():
    for form in nli_pairs.FORMS:
        assert parts(statement("Q?", form.format(-17)))[1] == -17
