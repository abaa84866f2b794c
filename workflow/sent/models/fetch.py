"""Models from the hub or from a local folder, as a folder of links to checked files."""

from pathlib import Path

from sent.config import Hub, Model
from sent.errors import SentError
from sent.models import folder as model_folder

WANTED = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja", "README.md", "LICENSE*", "NOTICE*")
"""What is taken of a hub repository; other formats of the same weights are left there."""
UNWANTED = ("original/*", "onnx/*", "openvino/*", "consolidated*")


def from_hub(model: Model, output: Path) -> dict:
    """Fetch a hub repository at its revision into the hub's cache and link its files into ``output``.

    What stands in the cache is not fetched again, and serves without a network. Returns provenance. Raises
    :class:`SentError` if the repository cannot be fetched or is no model.
    """
    import huggingface_hub

    hub = model.hub
    assert hub is not None, "the entry names a repository"
    where = f"hub model {hub.repo} at {hub.revision or 'its newest revision'}"
    wanted = [*WANTED, "*.py"] if model.trust_remote_code else list(WANTED)
    try:
        snapshot = huggingface_hub.snapshot_download(
            hub.repo, revision=hub.revision, allow_patterns=wanted, ignore_patterns=list(UNWANTED)
        )
    except (OSError, ValueError) as error:
        raise SentError(
            f"{where}: cannot be fetched: {' '.join(str(error).split())}; check name and revision, log in if "
            "the model asks for it (`hf auth login`), fetch it beforehand where there is no network (`hf "
            "download`), or give a local `path`"
        ) from None
    return {
        "origin": _address(hub),
        "revision": Path(snapshot).name,
        **_linked(Path(snapshot), output, where, model),
    }


def from_path(model: Model, output: Path) -> dict:
    """Link the files of a local model folder into ``output``. Returns provenance.

    Raises :class:`SentError` that names what the folder lacks if it is no model.
    """
    assert model.path is not None, "the entry names a folder"
    source = Path(model.path)
    return {"origin": model.path, "revision": None, **_linked(source, output, f"model path {source}", model)}


def _linked(source: Path, output: Path, where: str, model: Model) -> dict:
    """Check ``source``, link its files and return what is known about them."""
    facts = model_folder.check(source, where, model.trust_remote_code)
    for path in sorted(source.rglob("*")):
        relative = path.relative_to(source)
        if relative == Path("provenance.json"):
            continue  # this folder gets its own: a link would lead the writing into the source
        if path.is_file() and not any(part.startswith(".") for part in relative.parts):
            (output / relative).parent.mkdir(parents=True, exist_ok=True)
            (output / relative).symlink_to(path.resolve())
    return {"licence": model_folder.licence(source), **facts}


def _address(hub: Hub) -> str:
    return f"https://huggingface.co/{hub.repo}"
