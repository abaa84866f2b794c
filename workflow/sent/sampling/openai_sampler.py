"""Sampling by an OpenAI-compatible server, `vllm serve` or another, at its `/completions`.

Prompts are sent as token ids, so that the server can neither render nor tokenize them otherwise.
"""

import json
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential
from tenacity.nap import sleep_using_event

from sent.config import Decoding, Evaluation, Model, Sampling, Server
from sent.data.text import whole_text
from sent.errors import SentError, nearest
from sent.log import logger, progress
from sent.sampling.journal import Journal, key_of
from sent.sampling.sampler import Completion, Request, check_room

BUSY = (408, 409, 425, 429, 500, 502, 503, 504)
"""Statuses after which asking again may help."""
LONGEST_PAUSE = 30.0
SEEDS = 2**31
"""Servers differ in the seeds they take; all take these."""
UNBOUNDED = 2**31


class UnansweredError(Exception):
    """The server did not answer, or not so that it could be understood; worth another attempt."""


def load(
    policy: str | Path, model: Model, settings: Sampling | Evaluation, journal: Path | None
) -> "OpenAISampler":
    """Return the sampler of ``settings.server``; which weights it serves, only the server knows."""
    return OpenAISampler(settings.server, journal)


class OpenAISampler:
    """Samples from a server, some requests at once, each tried again after a failure.

    What was answered is kept in ``journal``: when the server dies, a second start asks only for the rest.
    """

    def __init__(self, settings: Server, journal: Path | None = None, first_pause: float = 0.5):
        self.settings = settings
        self.journal = Journal(journal)
        self.first_pause = first_pause
        key = os.environ.get(settings.api_key_env)
        self.client = httpx.Client(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=settings.timeout_seconds,
            limits=httpx.Limits(max_connections=settings.concurrency),
        )
        self._given_up = threading.Event()
        self._failure: SentError | None = None

    @property
    def context(self) -> int:
        """The context that the server tells of its model, or one without end."""
        return self._model()[1]

    def sample(self, requests: list[Request], decoding: Decoding) -> list[Completion]:
        """Draw one completion a request, in their order; see :class:`sent.sampling.sampler.Sampler`.

        Raises :class:`SentError` when a request is refused, or fails once more than `retries` times.
        """
        self._failure = None
        self._given_up.clear()
        model, context = self._model()
        check_room(requests, context)
        if decoding.temperature not in (0, 1):
            logger.warning("servers tell log-probabilities at temperature 1 only: none are stored")
        keys = [key_of(request, decoding, model) for request in requests]
        kept = [self.journal.get(key) for key in keys]
        found = {i: completion for i, completion in enumerate(kept) if completion is not None}
        missing = [i for i in range(len(requests)) if i not in found]
        if len(missing) < len(requests):
            logger.info("%s responses kept from before", len(requests) - len(missing))

        def draw(i: int) -> None:
            if self._given_up.is_set():
                return
            try:
                found[i] = self._complete(model, context, requests[i], decoding)
                self.journal.keep(keys[i], found[i])
            except SentError as error:
                self._failure = self._failure or error
                self._given_up.set()

        with ThreadPoolExecutor(self.settings.concurrency) as pool:
            try:
                drawn = as_completed([pool.submit(draw, i) for i in missing])
                for future in progress(drawn, total=len(missing), desc="sampling"):
                    future.result()
            finally:
                self._given_up.set()
        if self._failure:
            hint = f"; {len(self.journal)} responses are kept, run again for the rest"
            raise SentError(f"{self._failure}{hint if len(self.journal) else ''}")
        return [found[i] for i in range(len(requests))]

    def _complete(self, model: str, context: int, request: Request, decoding: Decoding) -> Completion:
        body = {
            "model": model,
            "prompt": list(request.prompt_ids),
            "max_tokens": min(decoding.max_new_tokens, context - len(request.prompt_ids)),
            "temperature": decoding.temperature,
            "top_p": decoding.top_p,
            "top_k": decoding.top_k,
            "stop": list(decoding.stop) or None,
            # Said because vLLM takes what is not said from the model's generation_config.json.
            "min_p": 0.0,
            "repetition_penalty": 1.0,
            "seed": request.seed % SEEDS,
            "logprobs": 0,
            "return_token_ids": True,
        }
        return self._patiently(
            lambda: _completion(self._call("completions", body), decoding), request.question_id
        )

    def _model(self) -> tuple[str, int]:
        """Return the name of the model to ask, and its context where the server tells it."""
        listed = self._patiently(lambda: _listed(self._call("models")), "the list of models")
        name = self.settings.model or next(iter(listed))
        if name not in listed:
            raise SentError(f"{self.settings.base_url}: has no model '{name}'{nearest(name, listed)}")
        return name, listed[name] or UNBOUNDED

    def _patiently(self, attempt: Callable[[], Any], what: str) -> Any:
        """Try again after growing pauses, until the retries are used up or another request gave up."""
        times = self.settings.retries + 1
        attempts = Retrying(
            retry=retry_if_exception_type(UnansweredError),
            stop=stop_after_attempt(times),
            wait=wait_exponential(self.first_pause, max=LONGEST_PAUSE),
            sleep=sleep_using_event(self._given_up),
            reraise=True,
        )
        try:
            return attempts(attempt)
        except UnansweredError as error:
            raise SentError(
                f"{self.settings.base_url}: {what}: failed {times} times, at last: {error}"
            ) from None

    def _call(self, path: str, body: dict | None = None) -> Any:
        """Return the server's JSON; raise ``UnansweredError`` where asking again may help."""
        url = f"{self.settings.base_url.rstrip('/')}/{path}"
        if self._given_up.is_set():
            raise SentError(f"{url}: given up, as another request failed")
        try:
            answer = self.client.request("GET" if body is None else "POST", url, json=body)
            if answer.is_success:
                return answer.json()
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise SentError(f"{url}: {error}; give `base_url` as http://HOST:PORT/v1") from None
        except (httpx.HTTPError, ValueError) as error:
            raise UnansweredError(f"{type(error).__name__}: {error}") from None
        said = f"status {answer.status_code}: {answer.text[:500].strip()}"
        raise UnansweredError(said) if answer.status_code in BUSY else SentError(f"{url}: {said}")


def _listed(answer: Any) -> dict[str, int | None]:
    """Return the context of each model that a server lists; None where it does not tell."""
    try:
        listed = {entry["id"]: entry.get("max_model_len") for entry in answer["data"]}
    except (KeyError, TypeError, AttributeError):
        listed = {}
    if not listed:
        raise UnansweredError("it lists no model")
    return listed


def _completion(answer: Any, decoding: Decoding) -> Completion:
    """Read a completion; token ids and log-probabilities stay empty where the server tells none."""
    try:
        choice = answer["choices"][0]
        text = choice["text"]
        reason = choice["finish_reason"]
    except (KeyError, IndexError, TypeError):
        raise UnansweredError(f"an answer without a choice: {json.dumps(answer)[:200]}") from None
    if reason not in ("stop", "length"):
        raise UnansweredError(f"finish reason {reason!r}")
    token_ids = choice.get("token_ids") or []
    logprobs = (choice.get("logprobs") or {}).get("token_logprobs") or []
    partly = None in logprobs or (token_ids and len(logprobs) != len(token_ids))
    if decoding.temperature not in (0, 1) or partly:
        logprobs = []
    return Completion(token_ids, logprobs, reason, whole_text(text))
