"""Checkpoints of a training job, in a side folder keyed by everything that the result depends on."""

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sent.errors import SentError
from sent.log import logger
from sent.models.folder import files, sha256
from sent.tables import atomic

KEPT = 2
"""Checkpoints that stay: the newest, and the one before it in case the newest turns out unusable."""

STATE = "state.json"
PIECE = re.compile(r"-\d{5}\.safetensors$")
SUMS = "SHA256SUMS"
"""Hashes of a checkpoint's files, as `sha256sum --check` reads them."""


def key_of(parts: dict) -> str:
    """Return 16 hex digits for a mapping of JSON values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def hash_files(path: str | Path) -> str:
    """Return a hash of a file's content, or of the names and contents of a folder's files."""
    path = Path(path)
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    digest = hashlib.sha256()
    for file in files:
        digest.update(str(file.relative_to(path)).encode() if path.is_dir() else b"")
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


class Checkpoints:
    """Numbered checkpoints ``step000020/`` under ``folder/KEY-CODE/``.

    ``key`` stands for settings and data, ``code`` for the version of the code. Checkpoints of another key are never
    resumed, and those of other code only with ``any_code``; they are named in the log. ``codes`` lists the versions
    that have trained so far, this one last.
    """

    def __init__(self, folder: str | Path, key: str, code: str, any_code: bool = False):
        self.parent, self.key, self.any_code, self.codes = Path(folder), key, any_code, [code]
        self.folder = self.parent / f"{key}-{code}"

    def save(
        self,
        step: int,
        state: dict,
        write: Callable[[Path], list[str]],
        is_main: bool = True,
        gather: Callable[[list], list] = list,
    ) -> Path:
        """Write a checkpoint: ``write(folder)`` on every process, which names its files; ``state`` (JSON) on the main one.

        ``gather`` joins the lists of all processes. SHA256SUMS has the hash of every file. The checkpoint gets its name only
        when it is whole, so a kill at any moment leaves the one before.
        """
        target = self.folder / f"step{step:06d}"
        partial = target.with_suffix(".partial")
        if is_main:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
        gather([None])
        # Each process hashes what it wrote itself: files of many gigabytes, all at the same time.
        sums = gather([(sha256(partial / name), name) for name in write(partial)])
        if is_main:
            (partial / STATE).write_text(json.dumps(state | {"codes": self.codes}), encoding="utf-8")
            sums = sorted([*sums, (sha256(partial / STATE), STATE)], key=lambda pair: pair[1])
            (partial / SUMS).write_text("".join(f"{sum}  {name}\n" for sum, name in sums), encoding="utf-8")
            _sync(partial)
            shutil.rmtree(target, ignore_errors=True)
            os.replace(partial, target)
            for old in self._complete()[:-KEPT]:
                shutil.rmtree(old)
        gather([None])
        return target

    def newest(
        self,
        most: int,
        files: Iterable[str] = (),
        read: Callable[[Path], Any] = lambda folder: None,
        is_main: bool = True,
        gather: Callable[[list], list] = list,
    ) -> tuple[Path, dict, Any] | None:
        """Return the newest usable checkpoint of at most ``most`` steps, its state, and what ``read(folder)`` returns.

        Usable: on every process state.json and ``files`` have their hashes, and ``read`` does not raise
        :class:`SentError`. One that is not is named in the log, and the one before is tried. Those of other code count
        only where this code has none.
        """
        say = logger.warning if is_main else logger.debug
        own = self._complete()
        others = [p for p in sorted(self.parent.glob("*")) if p.is_dir() and p != self.folder]
        same_settings = [p for p in others if p.name.startswith(f"{self.key}-")]

        def usable(folders: list[Path]) -> tuple[Path, dict, Any] | None:
            for folder in reversed(folders):
                state, content, problem = {}, None, None
                try:
                    state = _verified(folder, files)
                    content = read(folder) if state["step"] <= most else None
                except (SentError, OSError) as error:
                    problem = str(error)
                problems = [text for text in gather([problem]) if text]
                if not problems and state["step"] <= most:
                    return folder, state, content
                if problems:
                    say("UNUSABLE CHECKPOINT: %s; trying the one before", problems[0])
            if folders:
                say("%s: no checkpoint here can be used: training starts over", self.parent)
            return None

        if self.any_code and not own:
            by_steps = sorted(
                (p for other in same_settings for p in self._complete(other)),
                key=lambda p: (p.name, p.stat().st_mtime),
            )
            found = usable(by_steps)
            if found:
                say(
                    "training.resume is 'settings': GOING ON FROM A CHECKPOINT OF OTHER CODE, %s; what comes out is the work "
                    "of both, and train.json lists their versions", found[0],
                )  # fmt: skip
                self.codes = [*found[1]["codes"], *self.codes]
            return found
        if others:
            say(
                "%s: checkpoints of other settings, data or code are not resumed: %s (remove them when you like%s)",
                self.parent,
                ", ".join(p.name for p in others),
                "; with `training.resume: settings` those of other code are" if same_settings else "",
            )
        found = usable(own)
        if found:
            self.codes = found[1]["codes"]
        return found

    def remove(self) -> None:
        """Remove the checkpoints of these settings, data and code, and the folder where no others are."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.parent.rmdir()

    def _complete(self, folder: Path | None = None) -> list[Path]:
        folder = folder or self.folder
        return sorted(p for p in folder.glob("step*") if p.suffix != ".partial" and p.is_dir())


def _verified(folder: Path, files: Iterable[str]) -> dict:
    """Return the state in a checkpoint. Raises :class:`SentError` if it or one of ``files`` is not what was written."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
        sums = {name: sum for sum, _, name in (line.partition("  ") for line in lines)}
        # Pieces of a split model are verified by the processes that read them.
        shared = [name for name in sums if not PIECE.search(name)]
        for name in dict.fromkeys([STATE, *files, *shared]):
            if name not in sums:
                raise SentError(f"{folder / SUMS}: has no line for {name}")
            if sha256(folder / name) != sums[name]:
                raise SentError(f"{folder / name}: damaged: its SHA-256 is not the one in {SUMS}")
        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SentError(
            f"{folder}: this checkpoint cannot be read ({' '.join(str(error).split())})"
        ) from None
    kinds = {"step": int, "cursor": int, "rows": list, "updates": int, "codes": list}
    wrong = [
        key for key, kind in kinds.items() if not isinstance(state, dict) or type(state.get(key)) is not kind
    ]
    if wrong:
        raise SentError(
            f"{folder / STATE}: expected the state of a training, found none or another kind of {wrong}"
        )
    return state


def save_policy(folder: str | Path, model: Any, state_dict: dict, tokenizer: Any, provenance: dict) -> dict:
    """Save weights (safetensors) and tokenizer as a model folder that any stage loads, atomically.

    Returns size and SHA-256 of its files.
    """
    with atomic(folder) as temporary:
        temporary.mkdir()
        model.save_pretrained(temporary, state_dict=state_dict)
        # The model trains in float32; what is written may be of 16 bits, and its description must say so.
        config = json.loads((temporary / "config.json").read_text(encoding="utf-8"))
        config["dtype"] = str(next(iter(state_dict.values())).dtype).removeprefix("torch.")
        (temporary / "config.json").write_text(
            json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8"
        )
        tokenizer.save_pretrained(temporary)
        known = {"origin": "trained in this workflow", **provenance, "files": files(temporary)}
        (temporary / "provenance.json").write_text(
            json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8"
        )
    return known["files"]


def check_unused(path: str | Path, what: str) -> None:
    """Raise :class:`SentError` if a file stands where a folder is to be made."""
    if Path(path).is_file():
        raise SentError(f"{path}: a file stands where {what} is to be written; remove it")


def _sync(folder: Path) -> None:
    """Flush every file of a folder to the disk, so that a renamed checkpoint is whole after a power cut, too."""
    for file in folder.rglob("*"):
        if file.is_file():
            descriptor = os.open(file, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
