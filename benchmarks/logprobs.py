"""Peak memory and time of log-probabilities and entropies at a real vocabulary, beside the plain computation.

    python benchmarks/logprobs.py [--device cuda] [--hidden 1536] [--dtype bfloat16]

Both ways do one forward and one backward pass, each in a process of its own, in turns. Memory is what the
passes add to inputs and parameters at the peak. The last lines are a Markdown table. ``--width`` sets how many entries
of the vocabulary a block has, in place of what the device gets.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time


def plain(hidden, weight, targets):
    """Return log-probabilities and entropies ``[N]`` by way of all logits ``[N, V]`` in float32."""
    logps = (hidden @ weight.T).float().log_softmax(dim=-1)
    return logps.gather(1, targets[:, None])[:, 0], -(logps.exp() * logps).sum(dim=-1)


def measure(way: str, options: argparse.Namespace) -> dict[str, float]:
    """Return peak memory in MB and seconds of one forward and backward pass in this process."""
    import torch
    from sent.training import logprobs

    cuda = options.device == "cuda"
    dtype = getattr(torch, options.dtype)
    generator = torch.Generator(options.device).manual_seed(0)

    def random(rows):
        numbers = torch.randn(rows, options.hidden, generator=generator, device=options.device, dtype=dtype)
        return numbers.mul_(options.hidden**-0.25).requires_grad_()

    def synchronise():
        if cuda:
            torch.cuda.synchronize()

    def step(hidden, weight, targets):
        logp, entropy = compute(hidden, weight, targets)
        (logp.sum() + 0.001 * entropy.sum()).backward()
        synchronise()

    if options.width:
        logprobs.block_width = lambda *_: options.width
    compute = plain if way == "plain" else logprobs.token_logprobs
    hidden, weight = random(options.tokens), random(options.vocabulary)
    targets = torch.randint(options.vocabulary, (options.tokens,), generator=generator, device=options.device)
    # Libraries start up on a small problem of the same kind.
    step(hidden[:16].detach().requires_grad_(), weight[:8192].detach().requires_grad_(), targets[:16] % 8192)
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated() if cuda else peak_of_process()
    start = time.perf_counter()
    step(hidden, weight, targets)
    seconds = time.perf_counter() - start
    after = torch.cuda.max_memory_allocated() if cuda else peak_of_process()
    if cuda:  # the first pass pays for the allocator; time the ones after it
        start = time.perf_counter()
        for _ in range(10):
            hidden.grad = weight.grad = None
            step(hidden, weight, targets)
        seconds = (time.perf_counter() - start) / 10
    return {"MB": (after - before) / 1e6, "seconds": seconds}


def peak_of_process() -> int:
    """Return the largest resident size that this process has had, in bytes (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Run both ways in turns and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--vocabulary", type=int, default=151936)
    parser.add_argument("--tokens", type=int, default=2048)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--width", type=int, help="vocabulary entries of a block")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--way", choices=["plain", "blocks"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        print(json.dumps(measure(options.way, options)))
        return
    results = {"plain": [], "blocks": []}
    for _ in range(options.rounds):
        for way, measured in results.items():
            command = [sys.executable, __file__, *sys.argv[1:], "--way", way]
            measured.append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
    middle = {
        way: {key: statistics.median(one[key] for one in measured) for key in ("MB", "seconds")}
        for way, measured in results.items()
    }
    sizes = f"V = {options.vocabulary}, T = {options.tokens}, D = {options.hidden}"
    print(f"{sizes}, {options.dtype}, {options.device}; medians of {options.rounds} rounds")
    print("\n| | plain | blocks | blocks / plain |\n|---|---|---|---|")
    for key, name, digits in (("MB", "peak memory, MB", 0), ("seconds", "time, s", 3)):
        first, second = middle["plain"][key], middle["blocks"][key]
        print(f"| {name} | {first:.{digits}f} | {second:.{digits}f} | {second / first:.3f} |")
    gradient = options.vocabulary * options.hidden * (2 if options.dtype == "bfloat16" else 4) / 1e6
    print(f"\nThe head's own gradient, which both ways must return, is {gradient:.0f} MB of each peak.")


if __name__ == "__main__":
    main()
