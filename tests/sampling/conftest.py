"""A tiny random Qwen3 model with a word-level tokenizer, and questions in its words."""

import random

import pytest

WORDS = ["<pad>", "<eos>", "<unk>", *"0123456789+-*=?.", "\\boxed{", "}", "so", "what", "is"]


@pytest.fixture(scope="session")
def tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>"
    )


@pytest.fixture(scope="session")
def make_model():
    """Return the function that makes a model of a seed and of changed settings."""
    return _model


def _model(seed: int = 0, **changes):
    """A random model whose responses are 1 to about 40 tokens long."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    settings = {
        "vocab_size": len(WORDS),
        "hidden_size": 48,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "max_position_embeddings": 128,
        "eos_token_id": 1,
        "pad_token_id": 0,
        "initializer_range": 0.2,
        "tie_word_embeddings": True,
    }
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Qwen3ForCausalLM(Qwen3Config(**{**settings, **changes})).eval()


@pytest.fixture(scope="session")
def model():
    return _model()


@pytest.fixture(scope="session")
def policy(tmp_path_factory, model, tokenizer):
    """The model and its tokenizer as a folder."""
    folder = tmp_path_factory.mktemp("policy")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def prompts():
    """40 prompts of 1 to 30 tokens by question id."""
    rng = random.Random(0)
    return {f"q{i}": tuple(rng.choices(range(3, len(WORDS)), k=rng.randint(1, 30))) for i in range(40)}


@pytest.fixture
def questions(tmp_path):
    """A questions file of 10 questions."""
    from sent import tables

    rows = [
        {"question_id": f"q{i}", "question": f"what is {i} + {i} ?", "answer": str(2 * i)} for i in range(10)
    ]
    path = tmp_path / "questions.parquet"
    tables.write(path, tables.table(tables.QUESTIONS, rows), tables.QUESTIONS)
    return path
