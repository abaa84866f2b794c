"""The embedded tokenizer keeps texts whole and loads like any other."""

from sent.data import arithmetic
from sent.models import tokenizer as embedded
from sent.seeding import generator_of


def test_texts_survive_a_round_trip_through_a_saved_tokenizer(tmp_path):
    from transformers import AutoTokenizer

    embedded.arithmetic_tokenizer().save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    rng = generator_of("round trip")
    for _ in range(300):
        _, _, problem = arithmetic.draw(rng, list(arithmetic.FAMILIES), [1, 2, 3], "benchmark")
        text = embedded.prompt(problem.question) + arithmetic.solution(rng, problem, 0.5, 0.5)
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.decode(ids) == text
        assert tokenizer.pad_token_id not in ids
    assert (tokenizer.pad_token, tokenizer.eos_token) == (embedded.PAD, embedded.END)


def test_words_and_numbers_below_100_are_single_tokens():
    assert embedded.pieces("First 12 + 7 = 19. So \\boxed{$19$}") == [
        "First", " 12", " +", " 7", " =", " 19", ".", " So", " \\boxed{", "$", "19", "$", "}",
    ]  # fmt: skip
    assert embedded.pieces("117.0") == ["11", "7", ".0"]
