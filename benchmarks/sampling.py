"""Sampling speed: the transformers backend beside plain `generate`, on the same prompts in the same run.

    python benchmarks/sampling.py [POLICY ...] [--questions 48] [--n 8] [--batch 384] [--threads 1]

POLICY are folders of embedded models such as results/nano/models/nano-small; they get generated questions.
Without one, random models of the same three sizes get random prompts and write longer responses. Both ways
sample at temperature 1, take turns, and get as many rows at once; `generate` gets prompts sorted by length
and padded on the left. The table shows medians.
"""

import argparse
import random
import statistics
import time
from pathlib import Path

import torch
from sent.config import Decoding, Generator, Model
from sent.data.arithmetic import generate as generate_questions
from sent.models.loading import load_tokenizer
from sent.sampling.prompts import render
from sent.sampling.sampler import requests_for
from sent.sampling.transformers_sampler import TransformersSampler
from transformers import AutoModelForCausalLM, Qwen3Config, Qwen3ForCausalLM

SIZES = {
    "random 0.1M": {"num_hidden_layers": 2, "hidden_size": 64, "num_attention_heads": 2},
    "random 0.4M": {"num_hidden_layers": 3, "hidden_size": 96, "num_attention_heads": 3},
    "random 1M": {"num_hidden_layers": 3, "hidden_size": 160, "num_attention_heads": 4},
}
VOCABULARY, PAD, END = 128, 0, 1
NEW_TOKENS = 64


class EndToken:
    """As much of a tokenizer as the sampler asks for."""

    def __init__(self, eos_token_id: int):
        self.eos_token_id, self.name_or_path = eos_token_id, "benchmark"


def main() -> None:
    """Print a table of tokens a second."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("policies", nargs="*", type=Path, metavar="POLICY")
    parser.add_argument("--questions", type=int, default=48)
    parser.add_argument("--n", type=int, default=8, help="responses a question")
    parser.add_argument("--batch", type=int, default=384, help="sequences at once")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(
        "| model | tokens a response | `generate`, tokens/s | ours, tokens/s | ratio |\n|---|---|---|---|---|"
    )
    for path in options.policies:
        model = AutoModelForCausalLM.from_pretrained(path).eval()
        print(row(path.name, model, arithmetic(path, options.questions), options), flush=True)
    for name, size in SIZES.items() if not options.policies else ():
        print(row(name, random_model(size), random_prompts(options.questions), options), flush=True)


def arithmetic(policy: Path, count: int) -> dict[str, tuple[int, ...]]:
    """Prompts of generated questions, as the embedded models know them."""
    model = Model(chat=False, prompt="{question}\n")
    tokenizer = load_tokenizer(policy, model)
    questions = generate_questions(Generator(families=["chain", "story", "equation"], count=count))
    return {row["question_id"]: render(tokenizer, model, row["question"]) for row in questions}


def random_prompts(count: int) -> dict[str, tuple[int, ...]]:
    """Prompts of 8 to 22 random tokens."""
    generator = random.Random(0)
    return {
        f"q{i}": tuple(generator.choices(range(2, VOCABULARY), k=generator.randint(8, 22)))
        for i in range(count)
    }


def random_model(size: dict) -> Qwen3ForCausalLM:
    """A Qwen3-shaped model with random weights that ends its responses after some twenty tokens."""
    torch.manual_seed(0)
    config = Qwen3Config(
        **size,
        head_dim=size["hidden_size"] // size["num_attention_heads"],
        num_key_value_heads=size["num_attention_heads"],
        intermediate_size=3 * size["hidden_size"],
        vocab_size=VOCABULARY,
        max_position_embeddings=128,
        eos_token_id=END,
        pad_token_id=PAD,
        initializer_range=0.02,
        tie_word_embeddings=False,
    )
    model = Qwen3ForCausalLM(config).eval()
    # Alike logits but for the end token's: its share becomes about one in twenty.
    model.lm_head.weight.data[END] *= 8
    return model


def row(name: str, model, prompts: dict[str, tuple[int, ...]], options: argparse.Namespace) -> str:
    """Measure one model; return its line of the table."""
    requests = requests_for(prompts, options.n, "benchmark")
    decoding = Decoding(max_new_tokens=NEW_TOKENS)
    longest = max(map(len, prompts.values()))
    end = model.generation_config.eos_token_id
    sampler = TransformersSampler(model, EndToken(end), options.batch * (longest + NEW_TOKENS))
    ways = {
        "generate": lambda: generate(model, requests, options.batch, end),
        "ours": lambda: [len(completion.token_ids) for completion in sampler.sample(requests, decoding)],
    }
    speeds = {way: [] for way in ways}
    lengths = {}
    for repeat in range(options.repeats + 1):
        for way, sample in ways.items():
            start = time.perf_counter()
            lengths[way] = sample()
            if repeat:  # the first is a warm-up
                speeds[way].append(sum(lengths[way]) / (time.perf_counter() - start))
    plain, ours = (statistics.median(speeds[way]) for way in ("generate", "ours"))
    mean = statistics.mean(lengths["ours"])
    return f"| {name} | {mean:.1f} | {plain:,.0f} | {ours:,.0f} | {ours / plain:.1f} |"


@torch.no_grad()
def generate(model, requests: list, batch: int, end: int) -> list[int]:
    """Sample by `generate`, longest prompts first; return the lengths of the responses."""
    lengths = []
    prompts = sorted((request.prompt_ids for request in requests), key=len, reverse=True)
    for start in range(0, len(prompts), batch):
        part = prompts[start : start + batch]
        longest = len(part[0])
        found = model.generate(
            torch.tensor([[PAD] * (longest - len(prompt)) + list(prompt) for prompt in part]),
            attention_mask=torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in part]),
            do_sample=True,
            temperature=1.0,
            top_k=0,
            top_p=1.0,
            max_new_tokens=NEW_TOKENS,
            pad_token_id=PAD,
            eos_token_id=end,
        )[:, longest:]
        lengths += [(row.index(end) + 1 if end in row else len(row)) for row in found.tolist()]
    return lengths


if __name__ == "__main__":
    main()
