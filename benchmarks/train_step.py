"""The update phase of training beside TRL's GRPOTrainer: tokens/s, share of the peak arithmetic rate, peak memory.

    python benchmarks/train_step.py [--device cuda|cpu] [--shape nano|small|large] [--checkpointing] [--rounds 3]
    python benchmarks/train_step.py --effects ...        what each saving of ours does, in place of TRL

Both sides get the same randomly initialised model (on a GPU of Qwen2.5-1.5B's shape, with responses of 2,048 tokens; on
a CPU a small one; `nano` is the smallest embedded one with rollouts of the nano study's size), the same rollout, two optimizer
updates on it and micro-batches of as many sequences. Each runs in a process of its own, in turns. What is timed is an update,
from the stored rollout to the new weights: forward and backward passes of all micro-batches, what the method needs to know
of the mini-batch, clipping, AdamW. Generating, grading and scoring are not in it. Both train by GRPO without a reference, in
float32 weights with bfloat16 products (float32 on a CPU), with the attention of PyTorch. TRL also computes entropies for its
log, which ours computes while scoring. The first rollout is a warm-up.

``--shortest 0.2`` draws the responses' lengths evenly from a fifth of the longest up; ``--flat 0.4`` leaves two fifths of
the groups without an advantage. ``--effects`` adds our savings one by one: batches cut where padding costs more than a pass,
no pass for responses that pull at nothing, and AdamW in one kernel. Then, beside all of these, each option alone: half and all of
the layers recomputed, and on a GPU AdamW's state in main memory, and passes without padding.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from sent.config import Architecture, Method, Training
from sent.plan.sizes import GPUS, Shape

SIDES = ("TRL", "ours")
EFFECTS = ("none", "+ little padding", "+ what pulls alone", "+ fused AdamW")
"""Savings of ours, each with those before it."""
OPTIONS = {
    "half recomputed": {"gradient_checkpointing": 0.5},
    "all recomputed": {"gradient_checkpointing": True},
    "optimizer waits": {"offload": ["optimizer"]},
    "packed": {"packing": True},
}
"""Settings, each with all savings and without the others."""
COUNTED = ("places passed an update", "padding among them")
ON_GPUS = ("optimizer waits", "packed")
UPDATES = 2
"""Optimizer updates on a rollout."""

LARGE = Architecture(
    layers=28, hidden=1536, intermediate=8960, heads=12, kv_heads=2, vocabulary=151936, context=32768, tied=True,
    qkv_bias=True,
)  # fmt: skip
"""Qwen2.5-1.5B, from its config.json."""

NANO = Architecture(
    layers=2, hidden=64, intermediate=192, heads=2, kv_heads=1, vocabulary=278, context=256, tied=True
)
"""Of the size of nano-small, config/models.yaml."""

SMALL = Architecture(
    layers=4, hidden=256, intermediate=1024, heads=4, kv_heads=2, vocabulary=32768, context=1024, tied=True, qkv_bias=True
)  # fmt: skip

SHAPES = {"nano": NANO, "small": SMALL, "large": LARGE}

DEFAULTS = {
    "large": {"prompts": 4, "group": 8, "prompt_tokens": 128, "response_tokens": 2048, "micro_batch": 4, "rounds": 3},
    "small": {"prompts": 4, "group": 4, "prompt_tokens": 16, "response_tokens": 128, "micro_batch": 4, "rounds": 2},
    "nano": {"prompts": 24, "group": 8, "prompt_tokens": 12, "response_tokens": 48, "micro_batch": 96, "rounds": 10},
}  # fmt: skip
"""Sizes by shape: prompts and responses each of a rollout, their tokens, sequences of a micro-batch, timed rollouts."""


def build(shape: Architecture):
    """Return a model of that shape with random float32 weights, the same on both sides."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    return Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=shape.vocabulary, hidden_size=shape.hidden, intermediate_size=shape.intermediate,
            num_hidden_layers=shape.layers, num_attention_heads=shape.heads, num_key_value_heads=shape.kv_heads,
            max_position_embeddings=shape.context, tie_word_embeddings=shape.tied, attn_implementation="sdpa",
            pad_token_id=0, bos_token_id=None, eos_token_id=1,
        )
    )  # fmt: skip


def rollout(options: argparse.Namespace, vocabulary: int):
    """Return random prompts ``[S, P]``, responses ``[S, R]`` (int64, none of them an end or a pad), their lengths and advantages
    ``[S]``.
    """
    import torch

    generator = torch.Generator().manual_seed(0)
    count = options.prompts * options.group
    sizes = (options.prompt_tokens, options.response_tokens)
    prompts, responses = (torch.randint(2, vocabulary, (count, n), generator=generator) for n in sizes)
    advantages = torch.randn(count, generator=generator)
    shortest = max(1, round(options.shortest * options.response_tokens))
    lengths = torch.randint(shortest, options.response_tokens + 1, (count,), generator=generator)
    flat = torch.randperm(options.prompts, generator=generator)[: round(options.flat * options.prompts)]
    advantages.view(options.prompts, options.group)[flat] = 0
    return prompts, responses, lengths, advantages


def measure_ours(options: argparse.Namespace, meter: "Meter") -> None:
    """Update by :class:`sent.training.update.Updater`."""
    import numpy as np
    import torch
    from accelerate import Accelerator
    from sent.training import packing
    from sent.training import update as updating
    from sent.training.batch import Batch, offsets_of
    from sent.training.stage import make_optimizer, make_policy
    from sent.training.update import UpdateId, Updater

    has = EFFECTS[1 : 1 + EFFECTS.index(options.side)] if options.side in EFFECTS else EFFECTS
    if EFFECTS[1] not in has:
        updating.PASS_TOKENS = 1 << 40
    if EFFECTS[2] not in has:
        updating.pulling = lambda method, batch, *_: np.ones(len(batch), dtype=bool)

    shape = options.shape
    accelerator = Accelerator(
        cpu=options.device == "cpu", mixed_precision="bf16" if options.device == "cuda" else "no"
    )
    length = options.prompt_tokens + options.response_tokens
    settings = Training(
        prompts_per_step=options.prompts, responses_per_prompt=options.group,
        minibatch_prompts=options.prompts // UPDATES, micro_batch_tokens=options.micro_batch * length,
        scoring_batch_tokens=options.micro_batch * length, lr=1e-6,
        **{"gradient_checkpointing": options.checkpointing, **OPTIONS.get(options.side, {})},
    )  # fmt: skip
    if settings.packing:
        packing.attend_packed(accelerator, "sdpa")
    policy = make_policy(build(shape), settings)
    optimizer = make_optimizer(policy, settings)
    if EFFECTS[3] not in has:
        optimizer = torch.optim.AdamW(policy.parameters(), lr=settings.lr, weight_decay=0.0)
    policy, optimizer = accelerator.prepare(policy, optimizer)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 1.0)
    updater = Updater(accelerator, policy, optimizer, scheduler, Method(), settings)
    prompts, responses, lengths, advantages = rollout(options, shape.vocabulary)
    count = len(prompts)
    batch = Batch(
        prompts=[tuple(row) for row in prompts.tolist()],
        questions=[f"q{i // options.group}" for i in range(count)],
        keys=np.arange(count),
        advantages=advantages.numpy(),
        offsets=offsets_of(lengths),
        ids=torch.cat([row[:n] for row, n in zip(responses, lengths, strict=True)]),
        sampler_logp=torch.zeros(int(lengths.sum())),
    )
    logp, entropy = updater.score(policy, batch)
    batch = replace(batch, logp_old=logp, entropy_old=entropy)
    updater._batches = meter.counting(updater._batches)
    size = count // UPDATES
    for step in range(options.rounds + 1):
        for update in range(UPDATES):
            part = batch.select(list(range(update * size, (update + 1) * size)))
            meter.begin()
            figures = updater.update(part, UpdateId(seed=0, stage=1, step=step, update=update))
            meter.end()
            meter.norm = meter.norm or figures["grad_norm"]


def measure_trl(options: argparse.Namespace, meter: "Meter") -> None:
    """Update by TRL's GRPOTrainer, whose rollout is given instead of generated."""
    import tempfile

    import torch
    from datasets import Dataset
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer
    from trl.trainer import grpo_trainer

    words = Tokenizer(models.WordLevel({"<pad>": 0, "<end>": 1, "a": 2}, unk_token="<pad>"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<end>")
    prompts, responses, lengths, advantages = rollout(options, options.shape.vocabulary)
    mask = (torch.arange(options.response_tokens) < lengths[:, None]).long()
    count = len(prompts)
    # Both sides' first update then has the same sequences.
    grpo_trainer.shuffle_sequence_dict = lambda batch: batch

    class Given(GRPOTrainer):
        given = None

        def _generate_and_score_completions(self, inputs):
            if self.given is None:
                device = self.accelerator.device
                ids = torch.cat([prompts, responses], dim=1).to(device)
                read = torch.cat([torch.ones_like(prompts), mask], dim=1).to(device)
                with torch.no_grad():
                    old, *_ = self._get_per_token_logps_and_entropies(
                        self.model, ids, read, options.response_tokens, options.micro_batch
                    )
                self.given = {
                    "prompt_ids": prompts.to(device), "prompt_mask": torch.ones_like(prompts).to(device),
                    "completion_ids": responses.to(device), "completion_mask": mask.to(device),
                    "advantages": advantages.to(device), "old_per_token_logps": old,
                    "num_items_in_batch": (lengths.sum() // UPDATES).to(device),
                }  # fmt: skip
                meter.begin()  # scoring is not timed
            return dict(self.given)

    class Clock(TrainerCallback):
        def on_step_begin(self, *_, **__):
            meter.begin()

        def on_step_end(self, *_, **__):
            meter.end()

        def on_log(self, args, state, control, logs=None, **kwargs):
            meter.norm = logs.get("grad_norm", meter.norm)

    with tempfile.TemporaryDirectory() as folder:
        steps = count // options.micro_batch
        config = GRPOConfig(
            output_dir=folder, per_device_train_batch_size=options.micro_batch, num_generations=options.group,
            gradient_accumulation_steps=steps // UPDATES, steps_per_generation=steps, num_iterations=1, beta=0.0,
            loss_type="grpo", learning_rate=1e-6, weight_decay=0.0, max_grad_norm=1.0, lr_scheduler_type="constant",
            max_completion_length=options.response_tokens, max_steps=UPDATES * (options.rounds + 1),
            gradient_checkpointing=options.checkpointing, bf16=options.device == "cuda", use_cpu=options.device == "cpu",
            logging_steps=10**6, logging_first_step=True, save_strategy="no", report_to="none", disable_tqdm=True,
            dataloader_pin_memory=False,
        )  # fmt: skip
        trainer = Given(
            model=build(options.shape), reward_funcs=lambda completions, **_: [0.0] * len(completions), args=config,
            train_dataset=Dataset.from_dict({"prompt": ["a"] * count}), processing_class=tokenizer, callbacks=[Clock()],
        )  # fmt: skip
        trainer.train()


class Meter:
    """Times updates and watches the memory of this process."""

    def __init__(self, device: str):
        import torch

        self.torch, self.cuda = torch, device == "cuda"
        self.seconds: list[float] = []
        self.processor_seconds: list[float] = []
        self.norm = 0.0
        """Gradient norm of the first update, which shows that both sides learn the same."""
        self.before = self._resident()
        self.positions = self.tokens = 0
        """Places of passes with gradients, and those of them that hold a token; both of all updates, the first, too."""

    def begin(self) -> None:
        """Start, or start again, the clock of an update."""
        self._wait()
        self.start, self.start_of_processor = time.perf_counter(), time.process_time()

    def end(self) -> None:
        """Stop the clock."""
        self._wait()
        self.seconds.append(time.perf_counter() - self.start)
        self.processor_seconds.append(time.process_time() - self.start_of_processor)

    def counting(self, batches: Callable) -> Callable:
        """Return what yields the batches of an update, their places counted."""

        def counted(batch, budget):
            for rows, sequences in batches(batch, budget):
                self.positions += sequences.ids.numel()
                self.tokens += sum(len(batch.prompts[row]) + int(batch.lengths[row]) for row in rows)
                yield rows, sequences

        return counted

    def peak(self) -> int:
        """Return the bytes that model, optimizer and passes took at most: of the GPU, or of this process."""
        if self.cuda:
            return self.torch.cuda.max_memory_allocated()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - self.before

    def _wait(self) -> None:
        if self.cuda:
            self.torch.cuda.synchronize()

    def _resident(self) -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def peak_rate(device: str, name: str) -> tuple[float, str]:
    """Return operations a second at most and where the number is from: a data sheet, or a large matrix product, measured."""
    import torch

    known = {
        "H100": "h100-80gb",
        "H200": "h200-141gb",
        "A100": "a100-80gb",
        "L40S": "l40s-48gb",
        "L4": "l4-24gb",
    }
    for word, gpu in known.items():
        if device == "cuda" and word in name.split():
            return GPUS[gpu].flops, f"data sheet of {gpu}"
    size, dtype = (8192, torch.bfloat16) if device == "cuda" else (1536, torch.float32)
    a = torch.randn(size, size, device=device, dtype=dtype)
    seconds = []
    for _ in range(6):
        start = time.perf_counter()
        a @ a
        if device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds), f"a product of {size} x {size} matrices, measured"


def flops_of_update(options: argparse.Namespace) -> float:
    """Return the operations of a model that recomputes nothing: forward and twice as many backward; logits of responses only."""
    tokens = tokens_of_update(options)
    length = tokens / (options.prompts * options.group // UPDATES)
    share = 1 - options.prompt_tokens / length
    return 3 * tokens * Shape(options.shape).forward_flops(length / 2, share)


def tokens_of_update(options: argparse.Namespace) -> float:
    """Return the tokens of a mini-batch, the mean of both: what teaches nothing counts, padding does not."""
    lengths = rollout(options, options.shape.vocabulary)[2]
    return (options.prompt_tokens * len(lengths) + int(lengths.sum())) / UPDATES


def run_side(side: str, options: argparse.Namespace) -> None:
    """Measure one side in this process; print a line of JSON."""
    meter = Meter(options.device)
    measure: Callable = measure_trl if side == "TRL" else measure_ours
    measure(options, meter)
    figures = {"seconds": meter.seconds[UPDATES:], "processor": meter.processor_seconds[UPDATES:]}
    count = max(1, len(meter.seconds))
    figures |= {"positions": meter.positions / count, "tokens": meter.tokens / count}
    print(json.dumps({**figures, "bytes": meter.peak(), "norm": meter.norm}))


def main() -> None:
    """Run both sides in turns and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", choices=["cuda", "cpu"], help="default: a GPU if there is one")
    parser.add_argument("--shape", choices=SHAPES, help="default: large on a GPU, small on a CPU")
    parser.add_argument(
        "--effects", action="store_true", help="show what our savings do, one by one, in place of TRL"
    )
    parser.add_argument(
        "--shortest", type=float, default=1.0, help="shortest response, as a share of the longest"
    )
    parser.add_argument("--flat", type=float, default=0.0, help="share of the groups without an advantage")
    parser.add_argument("--prompts", type=int, help="prompts of a rollout, an even number")
    parser.add_argument("--group", type=int, help="responses to each")
    parser.add_argument("--prompt-tokens", type=int)
    parser.add_argument("--response-tokens", type=int)
    parser.add_argument("--micro-batch", type=int, help="sequences of one pass with gradients")
    parser.add_argument("--checkpointing", action="store_true", help="gradient checkpointing on both sides")
    parser.add_argument("--rounds", type=int, help="rollouts timed in a process")
    parser.add_argument("--turns", type=int, default=2, help="processes of each side")
    parser.add_argument("--side", choices=[*SIDES, *EFFECTS, *OPTIONS], help=argparse.SUPPRESS)
    options = parser.parse_args()
    import torch

    options.device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    shape = options.shape or ("large" if options.device == "cuda" else "small")
    for name, value in DEFAULTS[shape].items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    options.shape = SHAPES[shape]
    if options.prompts % UPDATES or options.prompts * options.group // UPDATES % options.micro_batch:
        parser.error("a mini-batch (half of the prompts) must be a whole number of micro-batches")
    if options.side:
        run_side(options.side, options)
        return
    possible = [name for name in OPTIONS if options.device == "cuda" or name not in ON_GPUS]
    sides = [*EFFECTS, *possible] if options.effects else SIDES
    results = {side: [] for side in sides}
    for _ in range(options.turns):
        for side in sides:
            command = [sys.executable, __file__, *sys.argv[1:], "--side", side]
            found = subprocess.run(command, capture_output=True, text=True)
            if found.returncode:
                sys.exit(f"{side} failed:\n{found.stderr[-4000:]}")
            results[side].append(SimpleNamespace(**json.loads(found.stdout.splitlines()[-1])))
    print(table(options, results))


def table(options: argparse.Namespace, results: dict[str, list]) -> str:
    """Return the comparison as Markdown: medians over all timed updates, the largest memory."""
    import torch

    card = (
        torch.cuda.get_device_name()
        if options.device == "cuda"
        else f"CPU, {torch.get_num_threads()} threads"
    )
    rate, source = peak_rate(options.device, card)
    sequences, tokens = options.prompts * options.group // UPDATES, tokens_of_update(options)
    seconds, processor = (
        {
            side: statistics.median(s for one in runs for s in getattr(one, key))
            for side, runs in results.items()
        }
        for key in ("seconds", "processor")
    )
    flops = flops_of_update(options)
    counted = all(one.positions for runs in results.values() for one in runs)  # TRL's are not
    rows = [
        ("seconds an update", "{:.3f}", seconds.get),
        ("processor seconds an update", "{:.3f}", processor.get),
        ("tokens/s", "{:,.0f}", lambda side: tokens / seconds[side]),
        ("tokens/s of processor", "{:,.0f}", lambda side: tokens / processor[side]),
        ("share of the peak rate", "{:.1%}", lambda side: flops / seconds[side] / rate),
        ("peak memory, MB", "{:,.0f}", lambda side: max(one.bytes for one in results[side]) / 1e6),
        ("places passed an update", "{:,.0f}", lambda side: results[side][0].positions),
        (
            "padding among them",
            "{:.1%}",
            lambda side: 1 - results[side][0].tokens / results[side][0].positions,
        ),
        ("gradient norm, first update", "{:.6f}", lambda side: results[side][0].norm),
    ]
    lines = [
        f"{Shape(options.shape).parameters / 1e6:,.1f}M parameters; an update: {sequences} sequences of {options.prompt_tokens}"
        f" + up to {options.response_tokens} tokens, {tokens:,.0f} in all, {options.micro_batch} in a micro-batch; {card}; "
        f"{options.rounds * UPDATES * options.turns} updates timed on each side",
        f"peak rate: {rate / 1e12:.3g} TFLOP/s ({source})",
        "",
        f"| | {' | '.join(results)} | last / first |",
        "|---" * (len(results) + 2) + "|",
    ]
    for name, form, value in rows if counted else [row for row in rows if row[0] not in COUNTED]:
        values = [value(side) for side in results]
        shown = " | ".join(form.format(number) for number in values)
        lines.append(f"| {name} | {shown} | {values[-1] / values[0]:.3f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
