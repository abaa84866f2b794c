"""From requests to the rows of a samples file, and what there is to say about them."""

import math
from typing import Any

from sent.config import Decoding
from sent.log import logger
from sent.sampling.prompts import response_text
from sent.sampling.sampler import Request, Sampler, prompt_hash


def respond(sampler: Sampler, tokenizer: Any, requests: list[Request], decoding: Decoding) -> list[dict]:
    """Sample, decode and log; return one row of :data:`sent.tables.SAMPLES` a request, in their order."""
    hashes = {prompt: prompt_hash(prompt) for prompt in {request.prompt_ids for request in requests}}
    rows = []
    for request, drawn in zip(requests, sampler.sample(requests, decoding), strict=True):
        rows.append(
            {
                "question_id": request.question_id,
                "sample": request.sample,
                "text": response_text(tokenizer, request.prompt_ids, drawn, decoding.stop),
                "n_tokens": len(drawn.token_ids) or None,
                "logprob_sum": math.fsum(drawn.logprobs) if drawn.logprobs else None,
                "finish_reason": drawn.finish_reason,
                "prompt_hash": hashes[request.prompt_ids],
            }
        )
    _log(requests, rows, decoding)
    return rows


def _log(requests: list[Request], rows: list[dict], decoding: Decoding) -> None:
    if not rows:
        return
    lengths = sorted(len(prompt) for prompt in {request.prompt_ids for request in requests})
    tokens = sum(row["n_tokens"] or 0 for row in rows)
    truncated = sum(row["finish_reason"] == "length" for row in rows)
    logger.info(
        "%s responses to %s prompts of %s to %s tokens: %s tokens, %.1f a response, %s (%.1f%%) cut at %s",
        len(rows),
        len(lengths),
        lengths[0],
        lengths[-1],
        tokens,
        tokens / len(rows),
        truncated,
        100 * truncated / len(rows),
        decoding.max_new_tokens,
    )
