"""The questions that training is probed with: held out from those that it learns from."""

from dataclasses import dataclass

from sent.config import Probe, Source
from sent.data.load import Dropped, load
from sent.data.overlap import matches
from sent.errors import SentError
from sent.seeding import seed_of


@dataclass(frozen=True)
class Split:
    """Rows of :data:`sent.tables.QUESTIONS` to train on and to probe with, and what neither takes."""

    train: list[dict]
    probe: list[dict]
    dropped: list[Dropped]


def hold_out(questions: list[dict], settings: Probe) -> Split:
    """Part the probe's questions from those to train on, so that none of these holds one of the probe's.

    With ``count`` the probe's are drawn by their ids, and near copies of them leave training; with ``source`` training
    stays as it is, and what stands in it leaves the probe. Raises :class:`SentError` where either side would be left
    without a question, or the probe with fewer than ``count``.
    """
    if settings.source is not None:
        return _from_source(questions, settings, settings.source)
    assert settings.count is not None, "a probe has a count or a source"
    return _drawn(questions, settings.count)


def _drawn(questions: list[dict], count: int) -> Split:
    order = sorted(questions, key=lambda row: seed_of("probe question", row["question_id"]))
    drawn = {row["question_id"] for row in order[:count]}
    probe = [row for row in questions if row["question_id"] in drawn]
    rest = [row for row in questions if row["question_id"] not in drawn]
    copies = {
        match.train: probe[match.benchmark]["question_id"] for match in matches(_texts(rest), _texts(probe))
    }
    train = [row for place, row in enumerate(rest) if place not in copies]
    if len(probe) < count or not train:
        raise SentError(
            f"probe.count: {count} of {len(questions)} questions cannot be held out, training would be left with "
            f"{len(train)}; give a smaller `count`, or a `source` of their own"
        )
    return Split(train, probe, _dropped(rest, copies, "stands in the probe"))


def _from_source(questions: list[dict], settings: Probe, source: Source) -> Split:
    found = load(source)
    asked = found.questions[: source.limit]
    held = {
        match.benchmark: questions[match.train]["question_id"]
        for match in matches(_texts(questions), _texts(asked))
    }
    probe = [row for place, row in enumerate(asked) if place not in held]
    if not probe:
        raise SentError(
            f"probe.source: all {len(asked)} questions of {found.origin} stand among the training questions; give others"
        )
    dropped = [*found.dropped, *_dropped(asked, held, "probe: stands in training")]
    return Split(questions, probe, dropped)


def _texts(rows: list[dict]) -> list[str]:
    return [row["question"] for row in rows]


def _dropped(rows: list[dict], places: dict[int, str], reason: str) -> list[Dropped]:
    return [
        Dropped(rows[place]["question_id"], reason, where, rows[place]["question"])
        for place, where in sorted(places.items())
    ]
