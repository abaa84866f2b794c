"""One row of anybody's file: questions with gold answers, and responses that any model wrote.

Every command that reads such files reads them here, so that nulls, chat messages and damaged characters mean the same
everywhere.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Annotated, Any, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from sent.config import RowFormat
from sent.config.data import AnyField
from sent.data import presets, rows
from sent.data.rows import Row
from sent.data.text import answer_text, whole_text
from sent.errors import SentError
from sent.log import logger

ALIASES = {"answer": ("answer", "gold"), "responses": ("responses", "response")}
"""Keys that a field is looked for under where neither `fields` nor a preset says where it is."""

FINISH = {"length": "length", "max_tokens": "length", "stop": "stop", "eos": "stop", "end_turn": "stop"}

ROUNDING = 1e-4
"""A log-probability may be so much above 0."""


def _absent(found: Any) -> bool:
    return found is None or (isinstance(found, float) and math.isnan(found))


def _short(found: Any) -> str:
    text = repr(found)
    return text if len(text) <= 120 else f"{text[:120]}..."


def _message(found: Any) -> Any:
    """The text of a chat message, whose content may be a text or a list of parts."""
    if "content" not in found and "text" not in found:
        raise ValueError(f"expected a text, or a chat message with `content`, found {_short(found)}")
    content = found.get("content", found.get("text"))
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content if isinstance(part, dict))
    return content


def _is_chat(found: Any) -> bool:
    return isinstance(found, list) and bool(found) and all(isinstance(m, dict) and "role" in m for m in found)


def _is_conversation(found: Any) -> bool:
    """Whether chat messages are turns of one response; several that are all the assistant's are one each."""
    return _is_chat(found) and (len(found) == 1 or {message["role"] for message in found} != {"assistant"})


def _clean(found: Any, info: ValidationInfo) -> Any:
    """A text with U+FFFD for half characters, which are counted."""
    if isinstance(found, str) and (text := whole_text(found)) != found:
        _note(info, "texts with half a character, now U+FFFD")
        return text
    return found


def _note(info: ValidationInfo, what: str) -> None:
    assert info.context is not None, "the reader hands its counts over"
    info.context[what] += 1


def _question(found: Any, info: ValidationInfo) -> str | None:
    if _is_chat(found):
        asked = [message for message in found if message["role"] == "user"] or found
        found = _message(asked[-1])
    if _absent(found):
        return None
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        raise ValueError(
            f"is a {type(found).__name__}, expected a text; reach one inside with dots, such as '{{key}}.0.content'"
        )
    return _clean(str(found), info).strip() or None


def _answer(found: Any, info: ValidationInfo) -> str | None:
    try:
        return _clean(answer_text(found), info) or None
    except TypeError as error:
        raise ValueError(f"{error}; reach a value inside with dots, such as '{{key}}.value'") from None


def _prediction(found: Any, info: ValidationInfo) -> str | None:
    """A bare answer as it is written."""
    if _absent(found):
        return None
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        raise ValueError(f"is {_short(found)}; expected a text, a number or null")
    return _clean(str(found), info)


def _id(found: Any) -> str | int | float | None:
    if (_absent(found) and not isinstance(found, float)) or found == "":
        return None
    if (
        isinstance(found, bool)
        or not isinstance(found, str | int | float)
        or found in (math.inf, -math.inf)
        or found != found
    ):
        raise ValueError(f"expected text or a number, found {_short(found)}")
    return found


def _response(found: Any, info: ValidationInfo) -> str | None:
    """A response; of chat messages the last one's text."""
    if _is_chat(found):
        found = found[-1]
    if isinstance(found, dict):
        found = _message(found)
    if _absent(found):
        _note(info, "responses that are null, taken as empty")
        return None
    if not isinstance(found, str):
        raise ValueError(f"expected a text, a list of texts or of chat messages, found {_short(found)}")
    return _clean(found, info)


def _responses(found: Any, info: ValidationInfo) -> list[str | None] | None:
    if _absent(found):
        return None
    several = isinstance(found, list) and not _is_conversation(found)
    return [_response(entry, info) for entry in found] if several else [_response(found, info)]


def _is_number(found: Any) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool)


def _logprob(found: Any, info: ValidationInfo) -> tuple[float | None, int | None]:
    """The sum of a response's token log-probabilities in nats, and their number where they are listed."""
    parts = found if isinstance(found, list) else [found]
    if any(map(_absent, parts)):
        _note(info, "responses whose log-probabilities are null or NaN, taken as unknown")
        return None, None
    if not all(_is_number(part) and -math.inf < part <= ROUNDING for part in parts):
        raise ValueError(f"expected finite numbers not above 0, in nats, found {_short(found)}")
    return math.fsum(parts), len(parts) if isinstance(found, list) else None


def _count(found: Any) -> int | None:
    count = len(found) if isinstance(found, list) else found
    if _absent(count):
        return None
    if not _is_number(count) or not 0 <= count < 2**31 or count != int(count):
        raise ValueError("expected a number of tokens, or a list of tokens, for each response")
    return int(count)


def _verdict(found: Any) -> bool | None:
    if _absent(found):
        return None
    if found not in (0, 1):
        raise ValueError("expected true or false for each response")
    return bool(found)


def _finish(found: Any) -> str:
    return FINISH.get(str(found), "unknown")


def _tolerance(found: Any) -> float | None:
    if _absent(found) or (isinstance(found, str) and not found.strip()):
        return None
    try:
        tolerance = -1.0 if isinstance(found, bool) else float(found)
    except (TypeError, ValueError, OverflowError):
        tolerance = -1.0
    if not 0 <= tolerance < math.inf:
        raise ValueError(f"is {str(found)!r:.100}; expected a number, 0 or more, or nothing")
    return tolerance


def _text(found: Any) -> str | None:
    try:
        return answer_text(found) or None
    except TypeError:
        return None


BESIDE: dict[str, Callable[..., Any]] = {
    "logprobs": _logprob,
    "tokens": _count,
    "correct": _verdict,
    "finish_reason": _finish,
}
"""Fields with one entry a response."""
NOTHING = {"logprobs": (None, None), "tokens": None, "correct": None, "finish_reason": "unknown"}
"""Their entries where the row says nothing."""


def _wrapped(name: str, found: Any) -> bool:
    """Whether what stands beside a single response is a list of one entry, not that entry."""
    per_token = name in ("logprobs", "tokens")
    return isinstance(found, list) and len(found) == 1 and (not per_token or isinstance(found[0], list))


class InputRow(BaseModel):
    """The fields of a row; None where the row lacks one.

    ``logprobs`` are pairs of a sum and a number of tokens. What stands beside ``responses`` has one entry for each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[Any, BeforeValidator(_id)] = None
    question: Annotated[str | None, BeforeValidator(_question)] = None
    answer: Annotated[str | None, BeforeValidator(_answer)] = None
    group: Annotated[str | None, BeforeValidator(_text)] = None
    model: Annotated[str | None, BeforeValidator(_text)] = None
    tolerance: Annotated[float | None, BeforeValidator(_tolerance)] = None
    responses: Annotated[list[str | None] | None, BeforeValidator(_responses)] = None
    single: bool = Field(False, description="the row holds one response, not a list of them")
    prediction: Annotated[str | None, BeforeValidator(_prediction)] = None
    logprobs: Any = None
    tokens: Any = None
    correct: Any = None
    finish_reason: Any = None

    @model_validator(mode="after")
    def _beside(self, info: ValidationInfo) -> "InputRow":
        n = len(self.responses or [])
        for name, read in BESIDE.items():
            found = getattr(self, name)
            if found is None or not n:
                object.__setattr__(self, name, [NOTHING[name]] * n)
                continue
            if self.single and not _wrapped(name, found):
                entries = [found]
            elif not isinstance(found, list) or len(found) != n:
                size = f"{len(found)} entries" if isinstance(found, list) else f"a {type(found).__name__}"
                raise _FieldError(
                    name, f"found {size}, expected a list of one entry for each of {n} responses"
                )
            else:
                entries = found
            try:
                done = [read(entry, info) if read is _logprob else read(entry) for entry in entries]
            except ValueError as error:
                raise _FieldError(name, str(error)) from None
            object.__setattr__(self, name, done)
        return self


class _FieldError(ValueError):
    """What is wrong with a field that is judged beside others."""

    def __init__(self, name: str, problem: str):
        super().__init__(problem)
        self.name = name


class Reader:
    """Reads the rows of files in one format, and counts what it mends, takes as unknown or passes over."""

    def __init__(self, format: RowFormat, wanted: tuple[str, ...] = get_args(AnyField)):
        self.format, self.wanted = format, wanted
        self.counts: Counter[str] = Counter()
        self.sentences: list[str] = []
        self._preset = getattr(presets, format.preset) if format.preset else None
        self._filters: dict[str, str] = {}

    def read(self, path: str) -> Iterator[tuple[Row, InputRow]]:
        """Yield the rows of a file as they stand and as they are understood.

        Raises :class:`SentError` that names file, row and key, what was expected and what was found.
        """
        return self.understand(rows.of_file(path))

    def understand(self, found: Iterator[Row]) -> Iterator[tuple[Row, InputRow]]:
        """As :meth:`read`, for rows from elsewhere."""
        for row in found:
            if reason := self._passed_over(row):
                self.counts[f"rows passed over: {reason}"] += 1
                continue
            fields = self._fields(row)
            if isinstance(fields, str):
                self.counts[f"rows passed over: {fields}"] += 1
                continue
            try:
                yield row, self._golden(InputRow.model_validate(fields, context=self.counts))
            except ValidationError as error:
                raise self._explained(row, error) from None

    def column(self, name: str) -> str:
        """The user's name of a field."""
        return self.format.fields.get(name, name)

    def error(self, row: Row, name: str, problem: str) -> SentError:
        """An error that names file, row and key."""
        return SentError(f"{row.where}: '{self.column(name)}': {problem}")

    def log(self) -> None:
        """Say what was counted."""
        for what, number in self.counts.items():
            if number:
                logger.warning("%s %s", number, what)
        if self.sentences:
            shown = "; ".join(f"{text[:100]!r}" for text in self.sentences)
            logger.warning(
                'gold answers that are whole sentences, which hardly any answer equals: %s; `answer_after: "####"` takes '
                "what follows a mark",
                shown,
            )

    def _passed_over(self, row: Row) -> str | None:
        """lm-evaluation-harness repeats a question's responses in a row for every filter: the first one counts."""
        if "filter" in row.values and "resps" in row.values:
            name = str(row.values["filter"])
            if self._filters.setdefault(row.place, name) != name:
                return f"the same responses under another filter than '{self._filters[row.place]}'"
        return None

    def _fields(self, row: Row) -> dict[str, Any] | str:
        found = self._preset(row.values) if self._preset else {}
        if isinstance(found, str):
            return found
        found = {name: entry for name, entry in found.items() if name in self.wanted}
        for name in self.wanted:
            column = self.format.fields.get(name)
            if column is not None:
                try:
                    found[name] = rows.value(row.values, column)
                except KeyError:
                    if name not in ("question", "answer", "responses", "group", "tolerance"):
                        raise self.error(row, name, f"row has no such key{keys(row)}") from None
                    found[name] = None
            elif self._preset is None:
                for key in ALIASES.get(name, (name,)):
                    if key in row.values:
                        found[name] = row.values[key]
                        break
        if found.get("responses", 0) is None and not (
            "responses" in row.values and "responses" not in self.format.fields
        ):
            found["responses"] = [None] if self._has(row, "responses") else None
        if (given := found.get("responses")) is not None:
            found["single"] = not isinstance(given, list) or _is_conversation(given)
        return found

    def _has(self, row: Row, name: str) -> bool:
        """Whether a row has a key for a field, be it null."""
        try:
            rows.value(row.values, self.column(name))
        except KeyError:
            return self._preset is None and any(key in row.values for key in ALIASES[name])
        return True

    def _golden(self, found: InputRow) -> InputRow:
        """The row with the part of its gold answer that `answer_after` asks for."""
        if found.answer is None:
            return found
        if self.format.answer_after:
            *_, last = [None, *re.finditer(self.format.answer_after, found.answer)]
            if last is None:
                self.counts[
                    f"gold answers without `answer_after` {self.format.answer_after!r}, taken whole"
                ] += 1
            elif not (answer := found.answer[last.end() :].strip()):
                self.counts["gold answers with nothing after `answer_after`"] += 1
                return found.model_copy(update={"answer": None})
            else:
                return found.model_copy(update={"answer": answer})
        if len(self.sentences) < 3 and is_sentence(found.answer):
            self.sentences.append(found.answer)
        return found

    def _explained(self, row: Row, error: ValidationError) -> SentError:
        item = error.errors()[0]
        problem = item.get("ctx", {}).get("error")
        name = getattr(problem, "name", None) or str(item["loc"][0])
        text = str(problem or item["msg"]).replace("{key}", self.column(name))
        return self.error(row, name, text)


_WORDS = re.compile(r"(?<![\\\w])[^\W\d_]{2,}")


def is_sentence(answer: str) -> bool:
    """Whether a gold answer is a solution or a sentence: it has GSM8K's mark, several lines, or eight words or more."""
    return "####" in answer or "\n" in answer.strip() or len(_WORDS.findall(answer)) >= 8


def keys(row: Row) -> str:
    """The keys of a row, for messages about one that it lacks."""
    return f"; its keys are {', '.join(map(str, row.values))} (`fields` says which is which)"
