"""How much there is to do: questions, lengths and steps, from files where a run has left some, else from settings."""

from dataclasses import dataclass
from pathlib import Path

from sent.config import Decoding, Source
from sent.errors import SentError
from sent.experiment import ResolvedExperiment
from sent.training.schedule import stage_steps, total_steps

KNOWN_ROWS = {"open-r1/DAPO-Math-17k-Processed": 17_240}
"""Questions of hub datasets without `rows`: DAPO-Math-17k has 17,255 texts, 15 of them with conflicting answers."""

CHARACTERS_PER_TOKEN = 3.0
"""Of questions in mathematics (assumed)."""

TEMPLATE_TOKENS = 30
"""Instruction and chat template around a question (assumed; embedded models have none)."""

QUESTION_TOKENS = 85
"""Of a question where no file tells: the mean of DAPO-Math-17k is 256 characters."""

EMBEDDED_PROMPT_TOKENS, EMBEDDED_RESPONSE_TOKENS = 12, 16
"""Of embedded models, which are pretrained on solutions of that length."""


@dataclass(frozen=True)
class Lengths:
    """Mean tokens of a prompt and of a response, and whether the latter was measured."""

    prompt: float
    response: float
    measured: bool

    @property
    def total(self) -> float:
        """Both together."""
        return self.prompt + self.response


class Workload:
    """The numbers of an experiment. ``share``: mean length of a response as a share of its limit, where none was
    measured.
    """

    def __init__(self, experiment: ResolvedExperiment, results: Path, share: float):
        self.experiment, self.folder, self.share = experiment, results / experiment.name, share

    def train_questions(self) -> int:
        """Return the number of training questions; 0 where the experiment only evaluates."""
        if not self.experiment.asked:
            return 0
        recorded = self.experiment.experiment.recorded
        source = Source(path=recorded.path) if recorded else self.experiment.experiment.data.train
        return questions("data.train", source, self.folder / "data/train.parquet")

    def benchmark_questions(self) -> int:
        """Return the number of questions of all benchmarks together."""
        return sum(
            questions(name, benchmark.source, self.folder / f"data/benchmarks/{name}.parquet")
            for name, benchmark in self.experiment.benchmarks.items()
        )

    def steps(self, model: str, method: str) -> list[int]:
        """Return the rollout steps of each stage, by the functions that training itself uses."""
        settings = self.experiment.by_model[model].training
        curriculum = self.experiment.by_model[model].curriculum
        stages, count = self.experiment.stages(model, method), self.train_questions()
        cuts = curriculum.cuts if curriculum.cuts and curriculum.boundaries == "quantile" else None
        ends = [*(cuts or [k / stages for k in range(1, stages)]), 1.0][-stages:] if stages > 1 else [1.0]
        sizes = [max(1, round(count * (b - a))) for a, b in zip([0.0, *ends], ends, strict=False)]
        table = self.folder / f"curriculum/{model}.parquet"
        if stages > 1 and table.is_file():
            found = _column(table, "stage")
            sizes = [max(1, found.count(k)) for k in range(1, stages + 1)]
        return stage_steps(total_steps(settings, count), sizes)

    def lengths(
        self, model: str, decoding: Decoding, file: Path, column: str = "n_tokens", context: int = 10**9
    ):
        """Return the mean lengths of prompts and responses; ``file`` may hold what was measured."""
        prompt = self._prompt(model)
        if file.is_file() and (found := [n for n in _column(file, column) if n is not None]):
            return Lengths(prompt, sum(found) / len(found), True)
        limit = max(1.0, min(decoding.max_new_tokens, context - prompt))
        if self.experiment.models[model].pretrain:
            return Lengths(prompt, min(limit, EMBEDDED_RESPONSE_TOKENS), False)
        return Lengths(prompt, self.share * limit, False)

    def _prompt(self, model: str) -> float:
        if self.experiment.models[model].pretrain:
            return EMBEDDED_PROMPT_TOKENS
        file = self.folder / "data/train.parquet"
        if not file.is_file():
            return QUESTION_TOKENS + TEMPLATE_TOKENS
        texts = _column(file, "question")
        return sum(map(len, texts)) / max(1, len(texts)) / CHARACTERS_PER_TOKEN + TEMPLATE_TOKENS


def questions(name: str, source: Source, parquet: Path) -> int:
    """Return the number of questions of a source. Raises :class:`SentError` where it is not known beforehand."""
    if parquet.is_file():
        return len(_column(parquet, "question_id"))
    count = source.rows
    if source.generator is not None:
        count = source.generator.count
    elif count is None and source.hub is not None:
        count = KNOWN_ROWS.get(source.hub.repo)
    elif count is None and source.path is not None and Path(source.path).is_file():
        count = _rows_of(Path(source.path))
    if count is None:
        raise SentError(
            f"{name}: the number of its questions is not known before they are fetched; give `rows`, or run "
            "`snakemake data` first"
        )
    return min(count, source.limit or count)


def _rows_of(path: Path) -> int:
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        return pq.read_metadata(path).num_rows
    with path.open("rb") as lines:
        return max(1, sum(1 for line in lines if line.strip()) - (path.suffix == ".csv"))


def _column(path: Path, name: str) -> list:
    from sent import tables

    found = tables.read(path)
    return found[name].to_pylist() if name in found.column_names else []
