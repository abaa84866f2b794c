"""Checkpoints of a training job, in a side folder keyed by everything that the result depends on."""

import contextlib
import hashlib
import json
import os
import shutil
from pathlib import Path

from sent.errors import SentError
from sent.log import logger
from sent.models.folder import files
from sent.tables import atomic

KEPT = 2
"""Checkpoints that stay: the newest, and the one before it in case the newest turns out unusable."""


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

    def save(self, step: int, state: dict, save_tensors, is_main: bool = True, barrier=lambda: None) -> Path:
        """Write a checkpoint: ``save_tensors(folder)`` on every process, ``state`` (JSON) on the main one.

        It gets its name only when it is whole, so a kill at any moment leaves the one before.
        """
        target = self.folder / f"step{step:06d}"
        partial = target.with_suffix(".partial")
        if is_main:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
        barrier()
        save_tensors(partial)
        barrier()
        if is_main:
            (partial / "state.json").write_text(json.dumps(state | {"codes": self.codes}), encoding="utf-8")
            _sync(partial)
            shutil.rmtree(target, ignore_errors=True)
            os.replace(partial, target)
            for old in self._complete()[:-KEPT]:
                shutil.rmtree(old)
        barrier()
        return target

    def newest(self, most: int) -> tuple[Path, dict] | None:
        """Return the newest whole checkpoint of at most ``most`` steps and its state, or None.

        Those of other code count only where this code has none.
        """
        own = self._complete()
        others = [p for p in sorted(self.parent.glob("*")) if p.is_dir() and p != self.folder]
        same_settings = [p for p in others if p.name.startswith(f"{self.key}-")]
        if self.any_code and not own:
            by_steps = sorted(
                (p for other in same_settings for p in self._complete(other)),
                key=lambda p: (p.name, p.stat().st_mtime),
            )
            found = self._usable(by_steps, most)
            if found:
                logger.warning(
                    "training.resume is 'settings': GOING ON FROM A CHECKPOINT OF OTHER CODE, %s; what comes out is the work "
                    "of both, and train.json lists their versions", found[0],
                )  # fmt: skip
                self.codes = [*found[1].get("codes", []), *self.codes]
            return found
        if others:
            logger.warning(
                "%s: checkpoints of other settings, data or code are not resumed: %s (remove them when you like%s)",
                self.parent,
                ", ".join(p.name for p in others),
                "; with `training.resume: settings` those of other code are" if same_settings else "",
            )
        found = self._usable(own, most)
        if found:
            self.codes = found[1]["codes"]
        return found

    def remove(self) -> None:
        """Remove the checkpoints of these settings, data and code, and the folder where no others are."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.parent.rmdir()

    def _usable(self, folders: list[Path], most: int) -> tuple[Path, dict] | None:
        for folder in reversed(folders):
            try:
                state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
            except (OSError, json.JSONDecodeError) as error:
                logger.warning("%s: unusable checkpoint (%s), trying the one before", folder, error)
                continue
            if state["step"] <= most:
                return folder, state
        return None

    def _complete(self, folder: Path | None = None) -> list[Path]:
        folder = folder or self.folder
        return sorted(p for p in folder.glob("step*") if p.suffix != ".partial" and p.is_dir())


def save_policy(folder: str | Path, model, state_dict: dict, tokenizer, provenance: dict) -> dict:
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
