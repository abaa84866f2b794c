"""What every sampling backend takes and gives."""

import hashlib
import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from sent.config import Decoding, Evaluation, Model, Sampling
from sent.config.backends import SAMPLERS
from sent.errors import SentError
from sent.log import logger
from sent.seeding import seed_of


@dataclass(frozen=True)
class Request:
    """One response to draw: sample number ``sample`` of a question, from its own seed."""

    question_id: str
    sample: int
    prompt_ids: tuple[int, ...]
    seed: int


@dataclass(frozen=True)
class Completion:
    """One response.

    ``token_ids`` include what ended it when ``finish_reason`` is ``stop``: the end token, or the tokens of a stop
    string up to the one that completes it. ``logprobs`` are of these tokens,
    in nats, at the decoding temperature (at 1 when it is 0) and before top-k and top-p. Both are empty where
    a server does not tell them; ``text`` is set only where a server gave text.
    """

    token_ids: list[int]
    logprobs: list[float]
    finish_reason: Literal["stop", "length"]
    text: str | None = None


class Sampler(Protocol):
    """A backend; ``context`` is the most tokens that prompt and response may have together."""

    context: int

    def sample(self, requests: list[Request], decoding: Decoding) -> list[Completion]:
        """Draw one completion a request, in the order of the requests.

        A completion is a function of the weights, the prompt, the decoding and the request's seed, never of
        what else is in the batch (to the last bit on a CPU in float32 with the transformers backend).
        """
        ...


def prompt_hash(prompt_ids: Iterable[int]) -> str:
    """Return 16 hex digits that name a rendered prompt."""
    return hashlib.blake2b(",".join(map(str, prompt_ids)).encode(), digest_size=8).hexdigest()


def requests_for(prompts: dict[str, tuple[int, ...]], n: int, *name: object) -> list[Request]:
    """Return ``n`` requests a question, seeded by (*name, question, sample) and by nothing else.

    ``prompts`` maps question ids to prompt ids; ``name`` says what the responses are for, such as
    ``("sampling", seed)``.
    """
    return [
        Request(question, sample, prompt, seed_of(*name, question, sample))
        for question, prompt in prompts.items()
        for sample in range(n)
    ]


def with_room(prompts: dict[str, tuple[int, ...]], context: int) -> dict[str, tuple[int, ...]]:
    """Return the prompts that leave room for a response in the context; name and count those that do not.

    Raises :class:`SentError` if none does.
    """
    kept = {question: prompt for question, prompt in prompts.items() if len(prompt) < context}
    left_out = [question for question in prompts if question not in kept]
    if prompts and not kept:
        raise SentError(
            f"sampling: every prompt has {context} tokens or more, as many as the model's context; ask shorter questions"
        )
    if left_out:
        logger.warning(
            "%s of %s questions left out: their prompts leave no room in the model's context of %s tokens (%s%s)",
            len(left_out), len(prompts), context, ", ".join(left_out[:3]), ", ..." if len(left_out) > 3 else "",
        )  # fmt: skip
    return kept


def check_room(requests: list[Request], context: int) -> None:
    """Raise :class:`SentError` for a prompt that is empty, or leaves no room in a context of that length."""
    for request in requests:
        length = len(request.prompt_ids)
        if not 0 < length < context:
            raise SentError(
                f"question {request.question_id}: its prompt has {length} tokens; the model's context of "
                f"{context} needs at least 1 and room for a response"
            )


def load_sampler(
    policy: str | Path, model: Model, settings: Sampling | Evaluation, journal: Path | None = None
) -> Sampler:
    """Return the sampler of ``settings.backend`` for the policy folder ``policy``.

    Where responses come from a server, they are kept in ``journal`` as they come, so that a job which starts
    again asks only for the rest.
    """
    module, _, name = SAMPLERS[settings.backend].made_by.partition(":")
    return getattr(importlib.import_module(module), name)(policy, model, settings, journal)
