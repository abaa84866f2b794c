"""The hash of a stage's code follows real edits of the code that it runs, and nothing else."""

import importlib
import shutil
from pathlib import Path

import pytest
from sent.code_version import PACKAGE, code_version, is_untracked, modules_of
from sent.commands import COMMANDS
from sent.config.backends import ENTAILMENT, SAMPLERS
from sent.training import parts

FILES = {
    "sampling/command.py": "def run():\n    from sent.sampling import sampler\n    sampler.draw()\n",
    "sampling/sampler.py": '"""Draws."""\n\n\ndef draw():\n    """Draw one."""\n    return 1  # one\n',
    "grading/command.py": "from sent.grading.grader import grade\n",
    "grading/grader.py": "from ..errors import SentError\n\n\ndef grade():\n    raise SentError\n",
    "training/command.py": "from sent import config, grading, seeding\nimport sent.config.training\nimport sent.grading.grader\n",
    "errors.py": "class SentError(Exception):\n    pass\n",
    "seeding.py": "SEED = 1\n",
    "config/__init__.py": "from sent.config.training import LIMIT\n",
    "config/training.py": "LIMIT = 1\n",
    "results/command.py": "RESULTS = 1\n",
    "results/sql/view.sql": "SELECT 1;\n",
}
STAGES = ("sampling", "grading", "train", "results")


@pytest.fixture
def package(tmp_path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for folder in ("", "sampling", "grading", "training", "results"):
        (tmp_path / folder / "__init__.py").touch()
    return tmp_path


def changed_by(package: Path, name: str, text: str) -> set[str]:
    """Stages whose version another text of a file changes."""
    before = {stage: code_version(stage, package) for stage in STAGES}
    (package / name).write_text(text)
    return {stage for stage in STAGES if code_version(stage, package) != before[stage]}


EDITS = {
    "a comment": ("sampling/sampler.py", FILES["sampling/sampler.py"].replace("one\n", "1\n"), set()),
    "docstrings": ("sampling/sampler.py", "def draw():\n    return 1\n", set()),
    "layout": ("sampling/sampler.py", "def draw(): return (1)", set()),
    "a value": ("sampling/sampler.py", "def draw():\n    return 2\n", {"sampling"}),
    "code that a later stage imports": (
        "grading/grader.py",
        "def grade():\n    pass\n",
        {"grading", "train"},
    ),
    "shared code": ("seeding.py", "SEED = 2\n", {"train"}),
    "settings": ("config/training.py", "LIMIT = 2\n", set()),
    "errors": ("errors.py", "class SentError(ValueError):\n    pass\n", set()),
    "a query": ("results/sql/view.sql", "SELECT 2;\n", {"results"}),
}


@pytest.mark.parametrize("edit", EDITS)
def test_versions_follow_edits(package, edit):
    name, text, stages = EDITS[edit]
    assert changed_by(package, name, text) == stages


def test_imports_inside_functions_and_relative_ones_count(package):
    (package / "grading" / "grader.py").write_text("from . import rules\n")
    (package / "grading" / "rules.py").touch()
    assert "sent.grading.rules" in modules_of("sent.grading.command", package)
    assert "sent.sampling.sampler" in modules_of("sent.sampling.command", package)


def test_every_module_belongs_to_a_command():
    """A module that no import statement reaches would be edited without anything being repeated."""
    by_name = [parts.module_of(kind, name) for kind in parts.FOLDERS for name in parts.names(kind)]
    by_name += [b.made_by.partition(":")[0] for b in (*ENTAILMENT.values(), *SAMPLERS.values())]
    entries = [entry for entry, _ in COMMANDS.values()] + by_name
    reached = {name for entry in entries for name in modules_of(entry)}
    files = [path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py")]
    modules = {".".join(["sent", *path.parts]) for path in files if path.name not in ("__init__", "__main__")}
    assert {name for name in modules - reached if not is_untracked(name)} == set()


def test_a_method_follows_its_own_parts_alone(package):
    (package / "training" / "weightings").mkdir()
    for name in ("__init__", "sent", "mask"):
        (package / "training" / "weightings" / f"{name}.py").write_text("SHARE = 0.2\n")
    before = {
        name: code_version("train", package, [f"sent.training.weightings.{name}"])
        for name in ("sent", "mask")
    }
    (package / "training" / "weightings" / "mask.py").write_text("SHARE = 0.3\n")
    assert code_version("train", package, ["sent.training.weightings.sent"]) == before["sent"]
    assert code_version("train", package, ["sent.training.weightings.mask"]) != before["mask"]


def test_a_sampler_repeats_only_what_it_drew(package):
    for name in ("vllm_sampler", "openai_sampler"):
        (package / "sampling" / f"{name}.py").write_text("from sent.sampling import sampler\n")
    (package / "sampling" / "openai_sampler.py").write_text("RETRIES = 1\n")
    before = {
        n: code_version("sampling", package, [f"sent.sampling.{n}"])
        for n in ("vllm_sampler", "openai_sampler")
    }
    (package / "sampling" / "openai_sampler.py").write_text("RETRIES = 2\n")
    after = {name: code_version("sampling", package, [f"sent.sampling.{name}"]) for name in before}
    assert [name for name in before if before[name] != after[name]] == ["openai_sampler"]


@pytest.mark.parametrize("backend", [*ENTAILMENT.values(), *SAMPLERS.values()], ids=[*ENTAILMENT, *SAMPLERS])
def test_every_backend_is_where_its_table_says(backend):
    module, _, name = backend.made_by.partition(":")
    assert callable(getattr(importlib.import_module(module), name))


# ------------------------------------------------------------ real edits of the package

COMMANDS_OF_STAGES = {
    "data": ("data", []),
    "models": ("models", []),
    "nli": ("nli", []),
    "sampling": ("sampling", ["sent.sampling.transformers_sampler"]),
    "grading": ("grading", []),
    "semantic_entropy": ("semantic-entropy", ["sent.semantic_entropy.entailment.hybrid"]),
    "curriculum": ("curriculum", []),
    "train by grpo": ("train", ["sent.training.weightings.uniform", "sent.training.surrogates.clipped"]),
    "train by sent": ("train", ["sent.training.weightings.sent"]),
    "train by empo": ("train", ["sent.training.advantages.cluster_share"]),
    "evaluation": ("evaluation", ["sent.sampling.transformers_sampler"]),
    "results": ("results", []),
}

REPEATED = [
    ("another random number", "seeding.py", "0x94D049BB133111EB", "0x94D049BB133111ED", {"sampling", "train by grpo"}),
    ("a wider batch", "sampling/transformers_sampler.py", "ROWS = 16", "ROWS = 8", {"sampling", "evaluation"}),
    ("a batch that is sorted otherwise", "batching.py", "-lengths[i]", "lengths[i]", {"train by sent"}),
    ("an estimator's formula", "training/kl.py", ".square() / 2", ".square()", {"train by grpo", "train by sent"}),
    ("steps shared out otherwise", "training/schedule.py", "math.ceil(", "math.floor(", {"train by grpo"}),
    ("a method's own choice", "training/weightings/sent.py", "covariances > 0", "covariances >= 0", {"train by sent"}),
    ("what a response earned", "training/advantages/cluster_share.py", ">= 0", "> 0", {"train by empo"}),
    ("a bound of the ratio", "training/surrogates/clipped.py", "1 - clip_low", "1 / (1 + clip_low)", {"train by grpo"}),
    ("a condition of an error", "curriculum/command.py", "if not entropies", "if len(entropies) < 2", {"curriculum"}),
    ("a call inside a message", "grading/command.py", "found.most_common()", "found.items()", {"grading"}),
    ("a text that is data", "curriculum/arrange.py", "sorted anew after stage", "sorted again after stage", {"curriculum"}),
    ("a question's wording", "data/arithmetic.py", "So {answer}", "Hence {answer}", {"data", "models"}),
    ("an option's default", "sampling/command.py", '"--model", default="{}"', '"--model", default="{ }"', {"sampling"}),
    ("an estimator", "semantic_entropy/estimators.py", "(2 * sum(counts))", "sum(counts)", {"semantic_entropy"}),
    ("a query", "results/sql/macros.sql", None, "SELECT 1;", {"results"}),
]  # fmt: skip
"""Edits of what runs: the words of what is edited, and stages that must be repeated. None: at the file's end."""

NOT_REPEATED = [
    ("a comment", "seeding.py", "import hashlib\n", "import hashlib  # for seeds\n"),
    ("a docstring", "training/kl.py", "at each sampled token", "at every sampled token"),
    ("layout", "batching.py", "batches: list[list[int]] = []\n", "batches: list[list[int]] = (\n        []\n    )\n"),
    ("a command's line of help", "commands.py", "sample responses to questions", "draw responses to questions"),
    ("another command", "commands.py", "COMMANDS = {", 'COMMANDS = {"ask": ("sent.ask", "ask"),'),
    ("an option's help", "sampling/command.py", "model folder to sample from", "folder of the model"),
    ("a group of options", "semantic_entropy/command.py", '"in the workflow"', '"in a workflow"'),
    ("an error's words", "training/schedule.py", "give at least one step a stage", "give each stage one"),
    ("a value that an error names", "curriculum/arrange.py", "{missing[0]}", "{missing[-1]}"),
    ("words of a log", "grading/command.py", "%d of %d verdicts equal", "%d of %d verdicts agree with"),
    ("a length that a log tells", "sampling/command.py", " len(samples), len(questions),", " len(samples) + 0, len(questions),"),
    ("a progress bar's label", "models/pretrain.py", 'desc="pretraining"', 'desc="teaching"'),
    ("a setting's description", "config/training.py", "recompute activations", "compute activations again"),
    ("how versions are made", "code_version.py", '"*.csv"', '"*.csv", "*.tsv"'),
]  # fmt: skip


@pytest.fixture(scope="module")
def real_package(tmp_path_factory) -> Path:
    return shutil.copytree(PACKAGE, tmp_path_factory.mktemp("real") / "sent")


def repeated_by(package: Path, name: str, old: str | None, new: str) -> set[str]:
    """Stages that an edit of the real package repeats; the edit is taken back."""

    def versions() -> dict[str, str]:
        return {stage: code_version(c, package, also) for stage, (c, also) in COMMANDS_OF_STAGES.items()}

    path, before = package / name, versions()
    text = path.read_text()
    assert old is None or old in text, (
        f"{name} no longer holds {old!r}: give the table another edit of its kind"
    )
    path.write_text(f"{text}\n{new}\n" if old is None else text.replace(old, new))
    try:
        return {stage for stage, version in versions().items() if version != before[stage]}
    finally:
        path.write_text(text)


@pytest.mark.parametrize(
    ("name", "old", "new", "stages"), [row[1:] for row in REPEATED], ids=[r[0] for r in REPEATED]
)
def test_an_edit_of_what_runs_repeats(real_package, name, old, new, stages):
    found = repeated_by(real_package, name, old, new)
    assert stages <= found
    assert found < set(COMMANDS_OF_STAGES)


@pytest.mark.parametrize(
    ("name", "old", "new"), [row[1:] for row in NOT_REPEATED], ids=[r[0] for r in NOT_REPEATED]
)
def test_an_edit_of_what_people_read_repeats_nothing(real_package, name, old, new):
    assert repeated_by(real_package, name, old, new) == set()
