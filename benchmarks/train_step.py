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
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace

from sent.config import Architecture
from sent.plan.sizes import GPUS, Shape
from train_step_sides import EFFECTS, OPTIONS, SIDES, UPDATES, Meter, measure_ours, measure_trl, rollout

COUNTED = ("places passed an update", "padding among them")
ON_GPUS = ("optimizer waits", "packed")
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
        for side in list(results):
            command = [sys.executable, __file__, *sys.argv[1:], "--side", side]
            found = subprocess.run(command, capture_output=True, text=True)
            if found.returncode:
                print(
                    f"{side}: failed, and is left out:\n{found.stderr[-4000:]}", file=sys.stderr, flush=True
                )
                del results[side]
                continue
            one = SimpleNamespace(**json.loads(found.stdout.splitlines()[-1]))
            seconds, megabytes = statistics.median(one.seconds), one.bytes / 1e6
            print(f"{side}: {seconds:.3f} s an update, {megabytes:,.0f} MB", file=sys.stderr, flush=True)
            results[side].append(one)
    if not results:
        sys.exit("no side could be measured")
    print(table(options, results))
    if len(results) < len(sides):
        sys.exit(1)


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
