"""The estimate as text for a terminal."""

from typing import Any

from sent.plan.devices import GIB

PARTS = (
    "weights", "gradients", "optimizer", "reference", "sampler's copy", "gathered", "activations", "logits", "vLLM",
    "handed to vLLM", "cache and logits",
    "summing and stepping",
)  # fmt: skip


def page(found: dict[str, Any]) -> str:
    """Return the tables of an estimate, see :func:`sent.plan.estimate.estimate`."""
    gpu, count = found["gpu"], found["questions"]
    sections = [
        f"{found['experiment']}: {count['train']:,} training and {count['benchmarks']:,} benchmark questions\n"
        f"GPU {gpu['name']}: {gpu['memory'] / GIB:.1f} GiB, {gpu['flops'] / 1e12:.0f} TFLOP/s bfloat16, "
        f"{gpu['bandwidth'] / 1e12:.2f} TB/s\n"
        f"Responses that nothing measured yet: {found['length_share']:.0%} of their limit long (--length-share)",
        _models(found["models"]),
        *(_memory(name, model) for name, model in found["models"].items() if "phases" in model),
        _rules(found["rules"], found["total"]),
    ]
    if found["measured"]:
        sections.append(_measured(found["measured"]))
    sections.append("How this is counted, and how far it was checked: docs/plan.md")
    return "\n\n".join(filter(None, sections))


def _table(rows: list[list], headers: list[str]) -> str:
    from tabulate import tabulate

    names = [header in ("rule", "model", "part", "training on", "verdict") for header in headers]
    align = ["left" if is_name else "right" for is_name in names]
    return tabulate(rows, headers, tablefmt="rounded_outline", disable_numparse=True, colalign=align)


def _models(models: dict[str, Any]) -> str:
    rows = []
    for name, model in models.items():
        count = model["parameters"]
        row = [name, f"{count / 1e9:.3f}B" if count > 1e8 else f"{count:,}"]
        if "peak" in model:
            peak = model["peak"]
            where = f"{model['gpus']} x GPU, {model['strategy']}" if model["gpus"] else "CPU"
            fits = "fits" if model["fits"] else "DOES NOT FIT"
            row += [where, f"{peak['bytes'] / GIB:.1f} ({peak['phase']})", f"{peak['room'] / GIB:.1f}", fits]
        rows.append(row)
    headers = ["model", "parameters", "training on", "peak, GiB", "of", "verdict"]
    return _table(rows, headers[: max(map(len, rows))]) if rows else ""


def _memory(name: str, model: dict[str, Any]) -> str:
    phases = model["phases"]
    rows = [
        [part, *(f"{parts[part] / GIB:.2f}" if part in parts else "" for parts in phases.values())]
        for part in PARTS
        if any(part in parts for parts in phases.values())
    ]
    rows.append(["sum", *(f"{sum(parts.values()) / GIB:.2f}" for parts in phases.values())])
    kept, logits, cache = model["activations"], model["log_probabilities"], model["cache"]
    lines = [
        f"{name}, training by {model['method']}: GiB on each {'GPU' if model['gpus'] else 'process'}",
        _table(rows, ["part", *phases]),
        f"activations of a micro-batch: {kept['plain'] / GIB:.1f} GiB, with gradient checkpointing "
        f"{kept['checkpointing'] / GIB:.1f}; log-probabilities in blocks {logits['blocks'] / GIB:.2f}, by way of all logits "
        f"{logits['plain'] / GIB:.1f}",
        f"key-value cache: {cache['bytes_per_token'] / 1024:.1f} KiB a token",
    ]
    if cache["in_rollouts"] is not None:
        lines[-1] += f"; vLLM has {cache['in_rollouts'] / GIB:.1f} GiB for it in rollouts"
    if model["host"] is not None:
        lines[-1] += f"; the machine's memory: {model['host'] / GIB:.0f} GiB"
    lines += [f"  does not fit: {problem}" for problem in model["problems"]]
    ways = {"fits_with": "it fits with", "fits_as_adapters_with": "as low-rank adapters it fits with"}
    for key, what in ways.items():
        if changes := model[key]:
            listed = ", ".join(f"{name}: {_yaml(value)}" for name, value in changes.items())
            lines.append(f"  {what} {listed}")
    if model["problems"] and not model["fits_with"]:
        lines.append("  batches, vLLM's share and up to 32 GPUs do not make it fit; try another GPU")
    if model["fits_with"]:
        lines.append("  (the hours below are those of the training that fits)")
    return "\n".join(lines)


def _rules(rules: list[dict[str, Any]], total: dict[str, float]) -> str:
    rows = [
        [
            row["rule"], row["model"], row["jobs"], row["gpus"] or "", _count(row["tokens"]), _time(row["longest_seconds"]),
            f"{row['gpu_hours']:,.1f}" if row["gpus"] else "", f"{row['disk'] / 1e9:,.1f}",
        ]
        for row in rules
    ]  # fmt: skip
    jobs, hours, disk = sum(row["jobs"] for row in rules), total["gpu_hours"], total["disk"] / 1e9
    last = [
        "total",
        "",
        jobs,
        "",
        _count(total["tokens"]),
        _time(total["seconds"]),
        f"{hours:,.1f}",
        f"{disk:,.1f}",
    ]
    rows.append(last)
    headers = ["rule", "model", "jobs", "GPUs each", "tokens", "longest job", "GPU-hours", "disk, GB"]
    return (
        f"{_table(rows, headers)}\nthe time in the last line is that of all jobs one after the other; "
        f"{total['checkpoints'] / 1e9:,.1f} GB of the disk are checkpoints, which `snakemake prune_checkpoints` removes"
    )


def _measured(rows: list[dict[str, Any]]) -> str:
    cells = []
    for row in rows:
        estimated, found = row["seconds"]
        seconds = [f"{estimated:.1f}", f"{found:.1f}", f"{estimated / max(found, 1e-9):.2f}"]
        memory = [f"{size / 2**20:,.0f}" for size in row["memory"] or ()]
        cells.append([row["rule"], row["model"], row["jobs"], *seconds, *memory])
    headers = [
        "rule",
        "model",
        "jobs run",
        "s, estimated",
        "s, measured",
        "ratio",
        "peak MiB, estimated",
        "measured",
    ]
    title = "Estimated beside measured (seconds: mean of the jobs that ran; memory: the largest)"
    return f"{title}\n{_table(cells, headers)}"


def _count(number: float) -> str:
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:,.1f}{unit}"
    return f"{number:.0f}" if number else ""


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"


def _yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
