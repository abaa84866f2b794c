"""Figures of a step's rollouts, over all processes."""

import resource

import pyarrow as pa
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from sent.config import Training
from sent.training.rollout import Group


def rollout_metrics(groups: list[Group], settings: Training, accelerator: Accelerator) -> dict[str, float]:
    """Return means over the step's responses: rewards, lengths, shares of verdicts and of worked solutions."""
    marker = settings.worked_marker
    own = [
        (
            reward,
            verdict,
            len(completion.token_ids),
            completion.finish_reason,
            marker is not None and marker in text,
        )
        for group in groups
        for reward, verdict, completion, text in zip(
            group.rewards, group.verdicts, group.completions, group.texts, strict=True
        )
    ]
    flat = gather_object([group.is_flat for group in groups])
    own_prompts = sum(len(group.question.prompt_ids) * len(group.completions) for group in groups)
    prompt_tokens = sum(gather_object([own_prompts]))
    rewards, verdicts, lengths, finishes, worked = zip(*gather_object(own), strict=True)
    count = len(rewards)
    metrics = {
        "reward": sum(rewards) / count,
        "accuracy": verdicts.count("correct") / count,
        "no_answer_share": verdicts.count("no_answer") / count,
        "truncated_share": finishes.count("length") / count,
        "response_tokens": sum(lengths) / count,
        "response_tokens_max": max(lengths),
        "flat_groups": sum(flat) / len(flat),
        "step_tokens": sum(lengths) + prompt_tokens,
    }
    if marker is not None:
        metrics["worked_share"] = sum(worked) / count
    return metrics


def step_table(rows: list[dict]) -> pa.Table:
    """Return the metrics of steps as a table; what a step lacks, such as the loss where no update was made, is null."""
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: [row.get(name) for row in rows] for name in names})


def memory_mb(device: torch.device) -> float:
    """Return the peak memory of this process: of the GPU if it uses one, else resident memory. MiB."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
