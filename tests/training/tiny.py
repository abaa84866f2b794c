"""A tiny random policy with a tokenizer, and mini-batches of random sequences, for tests of the loop."""

import numpy as np
import torch
from sent.models import tokenizer as embedded
from sent.training.batch import ScoredBatch, offsets_of
from transformers import Qwen3Config, Qwen3ForCausalLM


def language_model(
    vocabulary: int = 32, tied: bool = True, seed: int = 0, head_dim: int = 8
) -> Qwen3ForCausalLM:
    """Return a random float64 model."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Qwen3ForCausalLM(
            Qwen3Config(
                vocab_size=vocabulary, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
                num_key_value_heads=1, head_dim=head_dim, max_position_embeddings=64, tie_word_embeddings=tied,
                initializer_range=0.25, pad_token_id=0, eos_token_id=1, bos_token_id=None,
            )
        )  # fmt: skip
    return model.double()


def batch(sequences: int = 12, vocabulary: int = 32, seed: int = 0) -> ScoredBatch:
    """Return random prompts and responses with random old and reference log-probabilities."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 12, size=sequences)
    count = lengths.sum()
    return ScoredBatch(
        prompts=[
            tuple(rng.integers(2, vocabulary, size=rng.integers(1, 6)).tolist()) for _ in range(sequences)
        ],
        questions=[f"q{i // 2}" for i in range(sequences)],
        keys=np.arange(sequences),
        advantages=rng.normal(size=sequences),
        offsets=offsets_of(lengths),
        ids=torch.from_numpy(rng.integers(2, vocabulary, size=count)),
        sampler_logp=torch.from_numpy(-rng.gamma(2, 1.5, size=count)),
        logp_old=torch.from_numpy(-rng.gamma(2, 1.5, size=count)),
        entropy_old=torch.from_numpy(rng.gamma(2, 1, size=count)),
        logp_ref=torch.from_numpy(-rng.gamma(2, 1.5, size=count)),
    )


def flat_groups() -> ScoredBatch:
    """Return :func:`batch` with every second response, so all of one of two processes, without an advantage."""
    found = batch()
    found.advantages[found.keys % 2 == 1] = 0
    return found


def save_embedded(folder, seed: int = 0, tied: bool = True, head_dim: int = 8) -> None:
    """Save an untrained embedded model with its tokenizer: it samples, and is graded, like a trained one."""
    tokenizer = embedded.arithmetic_tokenizer()
    language_model(len(tokenizer), tied, seed, head_dim).float().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
