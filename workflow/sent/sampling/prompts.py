"""How a question becomes a prompt, and how tokens become the text of a response."""

import contextlib
import re
import signal
import threading
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from sent.config import Model
from sent.config.examples import examples_of
from sent.config.grading import THINKING_TAGS
from sent.errors import SentError
from sent.models.folder import reading
from sent.sampling.sampler import Completion

OPENED = re.compile(rf"(?:{'|'.join(map(re.escape, THINKING_TAGS))})\s*$")
TAIL = 16
"""Tokens at a prompt's end among which what opens thinking, and white space, are looked for."""

TEMPLATE_SECONDS = 10.0
"""Seconds of computing that a chat template has for a prompt: it is a program that came with a model, and need not end."""


def render(tokenizer: Any, model: Model, question: str) -> tuple[int, ...]:
    """Return a question's prompt as token ids: system text, worked examples, then the question in the model's prompt.

    With `chat` they are turns in the tokenizer's chat template; without they follow each other: the system text and a
    blank line, each example's prompt with its response directly behind it and a blank line. No end token is added.
    Raises :class:`SentError` for a template that is missing, fails, or writes today's date though the entry sets none.
    """
    examples = [
        (_asked(model, example.question), example.response) for example in examples_of(model, "--model")
    ]
    if not model.chat:
        system = [f"{model.system}\n\n"] if model.system else []
        shots = [f"{prompt}{response}\n\n" for prompt, response in examples]
        return _without_end(tokenizer, "".join([*system, *shots, _asked(model, question)]))
    if not getattr(tokenizer, "chat_template", None):
        raise SentError(
            f"{tokenizer.name_or_path}: its tokenizer has no chat template, which `chat: true` asks for; "
            "set `chat: false` in the model's registry entry to give it the plain prompt"
        )
    turns = [("system", model.system)] if model.system else []
    for prompt, response in examples:
        turns += [("user", prompt), ("assistant", response)]
    turns.append(("user", _asked(model, question)))
    failing = f"{tokenizer.name_or_path}: its chat template fails on a prompt"
    with reading(failing), _limited(TEMPLATE_SECONDS, failing):
        return tuple(
            tokenizer.apply_chat_template(
                [{"role": role, "content": content} for role, content in turns],
                add_generation_prompt=True,
                return_dict=False,
                strftime_now=lambda form: _day(tokenizer, model).strftime(form),
                **model.chat_template_kwargs,
            )
        )


@contextlib.contextmanager
def _limited(seconds: float, what: str) -> Iterator[None]:
    """Raise :class:`SentError` after so many seconds of this process's CPU time. Only a main thread can be stopped so."""

    def stop(*_: object) -> None:
        raise SentError(f"{what} (it did not end in {seconds:g} s); choose another model, or `chat: false`")

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, previous)


def response_text(
    tokenizer: Any, prompt_ids: Sequence[int], completion: Completion, stop: Sequence[str] = ()
) -> str:
    """Return a response as text, up to the first of the stop strings, which is left out.

    Where the prompt ends with what opens thinking, as some chat templates do, the text begins with that: whether thinking ever
    ended is then to be seen in the text alone.
    """
    text = completion.text
    if text is None:
        text = tokenizer.decode(completion.token_ids, skip_special_tokens=True)
    opened = OPENED.search(tokenizer.decode(list(prompt_ids[-TAIL:])))
    return (opened.group() if opened else "") + text[: stop_at(text, stop)]


def stop_at(text: str, stop: Sequence[str]) -> int:
    """Return where the first of the stop strings begins in a text, its length if it holds none."""
    return min((place for string in stop if (place := text.find(string)) >= 0), default=len(text))


def _asked(model: Model, question: str) -> str:
    return model.prompt.replace("{question}", question)


def _without_end(tokenizer: Any, text: str) -> tuple[int, ...]:
    """Return a text's tokens with those that the tokenizer puts before it, but none behind (`add_eos_token`)."""
    whole = tokenizer(text)["input_ids"]
    bare = tokenizer(text, add_special_tokens=False)["input_ids"]
    for start in range(len(whole) - len(bare) + 1):
        if whole[start : start + len(bare)] == bare:
            return tuple(whole[: start + len(bare)])
    return tuple(whole)


def _day(tokenizer: Any, model: Model) -> date:
    if model.date is None:
        raise SentError(
            f"{tokenizer.name_or_path}: its chat template writes today's date, so that prompts would differ from day to day; "
            "set `date` in the model's registry entry, such as `date: 2024-07-26`"
        )
    return model.date
