"""What one line says of an exception that no code of ours raised: a file system's, or a library's that read a file."""

import os
import sys
from pathlib import Path

LIBRARIES = {
    *("transformers", "tokenizers", "safetensors", "sentence_transformers", "huggingface_hub", "jinja2", "peft"),
    *("pyarrow", "duckdb", "_duckdb", "sqlite3", "datasets", "fsspec", "altair", "vl_convert", "vllm"),
}  # fmt: skip
"""Packages that read files of users: what they raise is about those files."""

EXTRAS = {"vllm": "gpu", "peft": "lora", "deepspeed": "zero3"}
"""Packages that only some settings need, by the extra of ours that brings them."""


def explain(error: Exception) -> str | None:
    """Return one line that names the file and the problem, or nothing for a fault of our own code.

    ``python -X dev -m sent ...`` shows the traceback instead.
    """
    if sys.flags.dev_mode:
        return None
    said = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, ModuleNotFoundError) and (extra := EXTRAS.get(error.name or "")):
        return f"{error.name} is not installed: pip install 'sent-rlvr[{extra}]'"
    if isinstance(error, MemoryError):
        return f"out of memory ({said}); give the job more (`resources.mem_mb`), or make its batches smaller"
    library, file = _culprit(error)
    if isinstance(error, OSError) and error.strerror and (library is None or error.filename is not None):
        # Only writing to what was opened before names no file.
        place = file or "standard output" if error.filename is None else _text(error.filename)
        return f"{place}: {error.strerror}; check that it is there, may be used and has room"
    if library is None:
        return None
    return f"{f'{file}: ' if file else ''}{library} cannot go on: {type(error).__name__}: {said:.600}"


def _culprit(error: Exception) -> tuple[str | None, Path | None]:
    """The library that our code had called when the error came, and the existing file or folder it was given."""
    origin, file, frame = type(error).__module__.partition(".")[0], None, error.__traceback__
    library = origin if origin in LIBRARIES else None
    while frame is not None:
        name = frame.tb_frame.f_globals.get("__name__", "").partition(".")[0]
        if name == "sent":
            file = _file_among(frame.tb_frame.f_locals) or file
        elif name in LIBRARIES:
            library = library or name
            file = _file_among(frame.tb_frame.f_locals) or file
            break
        frame = frame.tb_next
    return library, file


def _file_among(values: dict) -> Path | None:
    """The first value that is the path of something that exists."""
    for value in values.values():
        if isinstance(value, Path) or (isinstance(value, str) and os.sep in value and len(value) < 4096):
            try:
                if Path(value).exists():
                    return Path(value)
            except (OSError, ValueError):
                continue
    return None


def _text(name: str | bytes | int) -> str:
    return os.fsdecode(name) if isinstance(name, (str, bytes)) else f"file descriptor {name}"
