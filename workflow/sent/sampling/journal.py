"""Responses kept on disk as they come, so that a broken-off job asks only for the rest."""

import hashlib
import json
import threading
from dataclasses import asdict
from pathlib import Path

import pydantic

from sent.config import Decoding, dump
from sent.log import logger
from sent.sampling.sampler import Completion, Request


class Journal:
    """Completions by the hash of what was asked, a line each. Without a path nothing is kept."""

    def __init__(self, path: Path | None):
        self.path = path
        self._lock = threading.Lock()
        self._kept: dict[str, Completion] = {}
        if path is not None and path.is_file():
            self._read(path)

    def _read(self, path: Path) -> None:
        """Take what can be read: a line may have been cut off by the end of its process, or be damaged."""
        entry, lost = pydantic.TypeAdapter(tuple[str, Completion]), 0
        for line in filter(None, path.read_bytes().splitlines()):
            try:
                key, completion = entry.validate_json(line, strict=True)
                self._kept[key] = completion
            except pydantic.ValidationError:
                lost += 1
        if lost:
            logger.warning("%s: %s lines cannot be read; what they held is asked for again", path, lost)

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: str) -> Completion | None:
        """Return the completion kept under ``key``."""
        return self._kept.get(key)

    def keep(self, key: str, completion: Completion) -> None:
        """Write a completion down; safe to call from several threads."""
        if self.path is None:
            return
        line = json.dumps([key, asdict(completion)])
        with self._lock:
            self._kept[key] = completion
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"\n{line}")


def key_of(request: Request, decoding: Decoding, model: str) -> str:
    """Return a hash of everything that a completion depends on."""
    asked = f"{model}|{dump(decoding)}|{request.seed}|{request.prompt_ids}"
    return hashlib.blake2b(asked.encode(), digest_size=16).hexdigest()
