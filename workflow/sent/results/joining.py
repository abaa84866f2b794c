"""One table of what was packed in parts: the seeds or methods of one experiment that were measured apart."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from sent import tables
from sent.config import Experiment, Settings, parse
from sent.errors import SentError
from sent.log import logger
from sent.registry import BASE, KINDS, SINGULAR
from sent.results.database import RECORDED

RUN = ["model", "method", "seed"]

KEYS = {
    "experiment": ["name", "settings", "versions"],
    **{table: [name] for table, name in SINGULAR.items()},
    "questions": ["dataset", "question_id"],
    "semantic_entropy": ["model", "question_id"],
    "curriculum": ["model", "curriculum", "stage", "position"],
    "train_runs": [*RUN, "stage"],
    "train_metrics": [*RUN, "total_step"],
    "probe": [*RUN, "step", "question_id"],
    "question_scores": [*RUN, "benchmark", "question_id"],
    "question_blocks": [*RUN, "benchmark", "question_id", "k"],
    "overlap": ["benchmark", "question_id"],
    "jobs": ["stage", "job"],
}
"""Columns that tell a table's rows apart."""

JOINED = ("models", "methods", "baselines", "seeds", "curricula")
"""Settings that the parts of an experiment may differ in."""

FREE: set[tuple[str, ...]] = {
    *((key,) for key in JOINED),
    *(("registry", kind) for kind in KINDS if kind != "models"),
}
"""Places of settings that need not be equal. Registry entries may be written in several ways: what they come to is compared in
the tables of these names."""


def joined(name: str, files: list[Path]) -> pa.Table:
    """Return the rows of the table ``name`` from its files, one a part of the experiment.

    Rows that several parts have, such as the initial policy's, must be equal in all of them; of a job that ran in several
    the first part's time stays. Raises :class:`SentError` where they are not: parts share models, questions, samples and
    orders, and a run belongs to one of them.
    """
    parts = [_read(file, KEYS[name]) for file in files]
    if len(parts) == 1:
        return parts[0]
    if name == "experiment":
        return _experiment(files, parts)
    frames = [part.to_pandas() for part in parts]
    if name in KINDS:
        _number(name, files, frames)
    rows = pd.concat(frames, keys=range(len(frames)))
    if name == "models":  # a part that had no use for one says no more than its name
        rows = rows[
            rows["provenance"].notna() | ~rows["model"].isin(rows.dropna(subset="provenance")["model"])
        ]
    key = KEYS[name]
    again = rows[rows.duplicated(key)]
    rows = rows.drop_duplicates(key)
    if name != "jobs":
        _refuse_others(files, key, rows, again)
    rows = rows.sort_values("position" if name in KINDS else key)
    schema = pa.unify_schemas([part.schema for part in parts])
    return pa.Table.from_pandas(rows, schema, preserve_index=False)


def _refuse_others(files: list[Path], key: list[str], rows: pd.DataFrame, again: pd.DataFrame) -> None:
    """Raise :class:`SentError` where a row that is there ``again`` says something else than that in ``rows``."""
    first = again[key].merge(rows, how="left", on=key).set_index(again.index)
    for column in again.columns:
        mine, theirs = first[column], again[column]
        if pd.api.types.is_float_dtype(mine):  # sums that a database made, in any order
            other = ~np.isclose(mine, theirs, rtol=1e-9, atol=0, equal_nan=True)
        else:
            other = ((mine != theirs) & ~(mine.isna() & theirs.isna())).to_numpy()
        if other.any():
            row, (part, _) = again[other].iloc[0], again[other].index[0]
            named = ", ".join(f"{name} {row[name]}" for name in key)
            raise SentError(
                f"{files[part]}: {column} of {named} is {row[column]!s:.60}, and another one in the parts before it ("
                f"{other.sum()} such rows); parts of an experiment share models, questions, samples and orders, and each "
                "run belongs to one of them: leave a part out"
            )


def _read(file: Path, columns: list[str]) -> pa.Table:
    """Read a packed table. Raises :class:`SentError` where it lacks rows or one of ``columns``."""
    rows = tables.read(file)
    if lacking := [column for column in columns if column not in rows.column_names]:
        raise SentError(
            f"{file}: expected a table of `results pack`, found none of its columns {', '.join(lacking)}; remove it"
        )
    if not len(rows):
        raise SentError(f"{file}: expected rows, found none; pack the experiment again")
    return rows


def _number(name: str, files: list[Path], frames: list[pd.DataFrame]) -> None:
    """Give the names of all parts one order, and their settings the keys that they have in this version."""
    (key,) = KEYS[name]
    place = {n: i for i, n in enumerate(_order([list(frame[key]) for frame in frames]))}
    for file, frame in zip(files, frames, strict=True):
        frame["position"] = frame[key].map(place).astype("int32")
        if "settings" in frame:
            frame["settings"] = [
                text
                if n in (BASE, RECORDED)
                else json.dumps(_as_today(KINDS[name], text, file), sort_keys=True)
                for n, text in zip(frame[key], frame["settings"], strict=True)
            ]


def _as_today(kind: type[Settings], text: str, file: Path) -> dict[str, Any]:
    """Read settings of this or an earlier version: what it had no key for has the default."""
    settings: dict[str, Any] = parse(kind, json.loads(text), str(file)).model_dump(mode="json")
    return settings


def _experiment(files: list[Path], parts: list[pa.Table]) -> pa.Table:
    """The one row of `experiment`: what the parts may differ in taken together, the rest the same in all."""
    rows = [part.to_pylist()[0] for part in parts]
    settings = [_as_today(Experiment, row["settings"], file) for row, file in zip(rows, files, strict=True)]
    together = settings[0]
    for file, row, other in zip(files[1:], rows[1:], settings[1:], strict=True):
        for place, mine, theirs in _differences(together, other):
            raise SentError(
                f"{file}: {place} is {theirs!r}, and {mine!r} in the parts before it; parts of an experiment differ in "
                f"{', '.join(JOINED)} and what they add to the registry, and in nothing else"
            )
        for key in JOINED:
            both = [together.get(key) or [], other.get(key) or []]
            together[key] = sorted({*both[0], *both[1]}) if key == "seeds" else _order(both)
        for kind, entries in (other.get("registry") or {}).items():
            together["registry"][kind] = {**entries, **(together["registry"].get(kind) or {})}
        if row["versions"] != rows[0]["versions"]:
            logger.warning(
                "%s: made by other versions: %s, not %s", file, row["versions"], rows[0]["versions"]
            )
    return pa.Table.from_pylist(
        [{**rows[0], "settings": json.dumps(together, sort_keys=True)}], parts[0].schema
    )


def _differences(one: Any, other: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[str, Any, Any]]:
    """Where two settings are not those of one experiment: the key, and what stands there in each."""
    if place in FREE:
        return
    if isinstance(one, dict) and isinstance(other, dict):
        adding = place[:1] == ("registry",) and len(place) < 3
        for key in [k for k in {**one, **other} if not adding or (k in one and k in other)]:
            yield from _differences(one.get(key), other.get(key), (*place, key))
    elif one != other:
        yield ".".join(place), one, other


def _order(lists: list[list[str]]) -> list[str]:
    """All names once: each list's new ones behind those that they follow there."""
    order: list[str] = []
    for names in lists:
        for before, name in zip([None, *names], names, strict=False):
            if name not in order:
                order.insert(0 if before is None else order.index(before) + 1, name)
    return order
