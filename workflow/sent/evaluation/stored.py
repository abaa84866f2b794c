"""Responses that an earlier evaluation left: what the same policy would answer again is not sampled again."""

import json
from pathlib import Path

from sent import tables
from sent.code_version import code_version
from sent.config import Evaluation, Model
from sent.config.backends import SAMPLERS
from sent.errors import SentError
from sent.log import logger
from sent.models import folder


def origin_of(policy: str, model: Model, settings: Evaluation, seed: int) -> str:
    """Return as JSON what a response depends on beside its question, its prompt and its number.

    These are the policy's files, its number format, the settings but for the number of responses, the seed and the code.
    """
    files = folder.files(Path(policy))
    files.pop("provenance.json", None)
    parts = {
        "policy": files,
        "dtype": model.dtype,
        "settings": {**settings.science(), "n": None},
        "seed": seed,
    }
    backend = SAMPLERS[settings.backend].made_by.partition(":")[0]
    return json.dumps({**parts, "code": code_version("evaluation", also=[backend])}, sort_keys=True)


def stored(path: str, origin: str) -> dict[tuple, dict]:
    """Return the rows of an earlier file by :func:`key_of`; none where it is missing, damaged or of another origin."""
    if not Path(path).is_file():
        return {}
    try:
        rows = tables.rows(path, tables.RESPONSES)
        if tables.metadata(path).get("origin") != origin:
            logger.info("%s: of another policy, settings or code: all responses are drawn anew", path)
            return {}
    except SentError as error:
        logger.warning("%s; all responses are drawn anew", error)
        return {}
    return {
        key_of(row["benchmark"], row["question_id"], row["sample"], row["prompt_hash"]): row for row in rows
    }


def key_of(benchmark: str, question_id: str, sample: int, prompt_hash: str) -> tuple:
    """Return what tells the responses of one origin apart."""
    return benchmark, question_id, sample, prompt_hash
