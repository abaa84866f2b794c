"""Which output of an NLI model means what: resolved by the names in its config, never by position."""

import json
from pathlib import Path

from sent.errors import SentError
from sent.models.folder import config_file, reading
from sent.semantic_entropy.entailment import Label

_NAMES = {
    "contradiction": Label.CONTRADICTION,
    "contradict": Label.CONTRADICTION,
    "contradicts": Label.CONTRADICTION,
    "neutral": Label.NEUTRAL,
    "entailment": Label.ENTAILMENT,
    "entail": Label.ENTAILMENT,
    "entails": Label.ENTAILMENT,
}


def label_order(folder: str | Path) -> list[int]:
    """Return the output columns of (contradiction, neutral, entailment) of the NLI model in ``folder``.

    Raises :class:`SentError` where the folder holds no sequence classifier with exactly these three named
    labels: orders differ between models, so a wrong guess would silently swap contradiction and entailment.
    """
    file = config_file(Path(folder), str(folder))
    with reading(f"{file}: not a model's configuration in JSON; fetch the model again"):
        config = json.loads(file.read_text(encoding="utf-8"))
        architectures = [str(name) for name in config.get("architectures") or []]
        names = {int(column): str(name) for column, name in (config.get("id2label") or {}).items()}
    if not any("SequenceClassification" in name for name in architectures):
        raise SentError(
            f"{folder}: no NLI model: its architecture is {', '.join(architectures) or 'not given'}; "
            "expected a sequence classifier, such as a sentence-transformers CrossEncoder trained on NLI"
        )
    listed = ", ".join(names[column] for column in sorted(names)) or "none"
    if not names or all(name.upper().startswith("LABEL_") for name in names.values()):
        raise SentError(
            f"{file}: its labels have no names (found {listed}): entailment and contradiction cannot be told "
            "apart; write the names of the model's card into `id2label`"
        )
    found = {
        _NAMES[name.strip().lower()]: column
        for column, name in names.items()
        if name.strip().lower() in _NAMES
    }
    if len(names) != 3 or len(found) != 3:
        raise SentError(f"{file}: expected the labels contradiction, neutral and entailment, found {listed}")
    return [found[label] for label in sorted(Label)]
