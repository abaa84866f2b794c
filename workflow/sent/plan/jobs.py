"""The jobs of an experiment that take long or need a GPU, each with its seconds, memory, tokens and disk.

How much there is to do (questions, lengths, steps) comes from files where a run has left some, else from settings.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sent.config import SAMPLERS, Curriculum, Decoding, Evaluation, Sampling, Source
from sent.errors import SentError
from sent.experiment import ResolvedExperiment
from sent.paths import Job, State, jobs
from sent.plan.memory import ENGINE, PROCESS, TrainingMemory
from sent.plan.remedies import problems, remedy_of
from sent.plan.seconds import ANSWER_SECONDS, ARITHMETIC, Lengths, Runner, TrainingTime
from sent.plan.sizes import CPU, Device, shape_of
from sent.training import recipe
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


class Workload:
    """The numbers of an experiment. ``share``: mean length of a response as a share of its limit, where none was
    measured.
    """

    def __init__(self, experiment: ResolvedExperiment, results: Path, share: float):
        self.experiment, self.folder, self.share = experiment, results / experiment.name, share

    def train_questions(self) -> int:
        """Return the number of training questions; 0 where the experiment only evaluates."""
        if not self.experiment.sampled:
            return 0
        recorded, probe = self.experiment.experiment.recorded, self.experiment.experiment.probe
        file = self._made("read_questions", "questions")
        held_out = probe.count if probe and probe.count and not file.is_file() else 0
        if recorded is None:
            data = self.experiment.experiment.data
            assert data is not None, "what trains has data or recorded responses"
            source = data.train
        else:
            source = Source(path=next(iter(recorded.paths(self.experiment.experiment.models).values())))
        return questions("data.train", source, file) - held_out

    def probe_questions(self) -> int:
        """Return the number of questions that training asks on its way."""
        probe, file = self.experiment.experiment.probe, self._made("read_probe", "probe_questions")
        if probe is None:
            return 0
        return questions("probe.source", probe.source or Source(path=".", rows=probe.count), file)

    def benchmark_questions(self) -> int:
        """Return the number of questions of all benchmarks together."""
        return sum(
            questions(name, benchmark.source, self._made("read_benchmark", "questions", benchmark=name))
            for name, benchmark in self.experiment.benchmarks.items()
        )

    def steps(self, model: str, method: str) -> list[int]:
        """Return the rollout steps of each stage, by the functions that training itself uses."""
        settings = self.experiment.training(model, method)
        followed = self.experiment.methods[method].curriculum
        curriculum = self.experiment.curricula[followed] if followed else Curriculum(n_stages=1)
        stages, count = self.experiment.stages(model, method), self.train_questions()
        cuts = curriculum.cuts if curriculum.cuts and curriculum.boundaries == "quantile" else None
        ends = [*(cuts or [k / stages for k in range(1, stages)]), 1.0][-stages:] if stages > 1 else [1.0]
        sizes = [max(1, round(count * (b - a))) for a, b in zip([0.0, *ends], ends, strict=False)]
        table = self._made("sort_questions", "curriculum", state=State(model), curriculum=followed)
        if stages > 1 and table.is_file():
            found = _column(table, "stage")
            sizes = [max(1, found.count(k)) for k in range(1, stages + 1)]
        return stage_steps(total_steps(settings, count), sizes)

    def lengths(
        self, model: str, decoding: Decoding, file: Path, column: str = "n_tokens", context: int = 10**9
    ) -> Lengths:
        """Return the mean lengths of prompts and responses; ``file`` may hold what was measured."""
        prompt = self._prompt(model)
        if file.is_file() and (found := [n for n in _column(file, column) if n is not None]):
            return Lengths(prompt, sum(found) / len(found), True)
        limit = max(1.0, min(decoding.max_new_tokens, context - prompt))
        if self.experiment.models[model].pretrain:
            return Lengths(prompt, min(limit, EMBEDDED_RESPONSE_TOKENS), False)
        return Lengths(prompt, self.share * limit, False)

    def _made(self, rule: str, output: str, **wildcards: Any) -> Path:
        return self.folder / Job(rule, wildcards).outputs[output]

    def _prompt(self, model: str) -> float:
        if self.experiment.models[model].pretrain:
            return EMBEDDED_PROMPT_TOKENS
        file = self._made("read_questions", "questions")
        if not file.is_file():
            return QUESTION_TOKENS + TEMPLATE_TOKENS
        texts = _column(file, "question")
        return sum(map(len, texts)) / max(1, len(texts)) / CHARACTERS_PER_TOKEN + TEMPLATE_TOKENS


def questions(name: str, source: Source, parquet: Path) -> int:
    """Return the number of questions of a source. Raises :class:`SentError` where it is not known beforehand."""
    if parquet.is_file():
        return len(_column(parquet, "question_id"))
    count = source.rows
    if made := source.generator or source.reasoning_gym:
        count = made.count
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


LIGHT_PROCESS = 0.13e9
"""Resident memory of a process that has not (measured)."""

START, LIGHT_START = 6.0, 0.8
"""Seconds until a process has loaded torch and transformers, or only what other commands need (measured)."""

READ = 1e9
"""Bytes a second at which weights are read (assumed)."""

PAIR_TOKENS = 100
"""Of a pair of sentences that entailment models read."""

PRETRAINING_TOKENS = 20
"""Tokens of a text that embedded models are pretrained on."""


RAN, LIKE, NEVER = "ran", "like jobs that ran", "never measured"
"""Where a job's seconds come from: it ran; the estimate times measured / estimated of like jobs; the estimate alone."""


@dataclass(frozen=True)
class JobEstimate:
    """What one job takes; ``model`` is the policy or entailment model that it is about."""

    job: Job
    model: str
    seconds: float
    gpus: int = 0
    tokens: float = 0.0
    memory: float = PROCESS
    disk: float = 0.0
    checkpoints: float = 0.0
    """Bytes beside ``disk`` that stay only while it runs."""
    basis: str = NEVER
    """Where ``seconds`` come from, see :mod:`sent.plan.measured`."""

    @property
    def rule(self) -> str:
        """The rule of the job."""
        return self.job.rule

    @property
    def gpu_hours(self) -> float:
        """GPUs times hours."""
        return self.gpus * self.seconds / 3600


ENGINE_START = 90.0
"""Seconds in which vLLM loads, profiles and captures its graphs (assumed)."""

PAIRS_PER_RESPONSE = 0.2
"""Of entailment: 152 pairs of different answers to 100 questions with 8 responses each."""

TEXT = 2.0
"""Bytes of a token in a compressed table (assumed: four characters, halved)."""

CHECKPOINTS = 2
"""Checkpoints that a training keeps while it runs, and after its end with `keep_checkpoints`."""


class Jobs:
    """Builds the jobs of an experiment for one kind of GPU."""

    def __init__(self, experiment: ResolvedExperiment, workload: Workload, gpu: Device):
        self.experiment, self.workload, self.gpu = experiment, workload, gpu
        self.runnable, self._steps = cache(self._runnable), cache(workload.steps)
        folder = workload.folder / "models"
        # Recorded responses come from models that are never fetched.
        policies = {} if experiment.experiment.recorded else experiment.models
        self.shapes = {name: shape_of(name, model, folder / name) for name, model in policies.items()}
        self.nli_shapes = {
            name: shape_of(name, model, folder / "nli" / name)
            for name, model in experiment.nli_models.items()
            if not model.nli
        }

    def all(self) -> Iterator[JobEstimate]:
        """Yield the jobs, stage by stage; those that take seconds and little memory are left out."""
        estimates = {
            "prepare_model": self._prepare_model,
            "prepare_nli": self._prepare_nli,
            "import_samples": self._import_samples,
            "gather_samples": self._sample,
            "grade": self._grade,
            "measure_semantic_entropy": self._measure,
            "train": self._train,
            "evaluate": self._evaluate,
            "grade_responses": self._grade_responses,
        }
        for job in jobs(self.experiment):
            if job.rule in estimates:
                yield from estimates[job.rule](job)

    def trainer(self, model: str, method: str) -> TrainingMemory:
        """Return what a training's memory depends on."""
        entry, settings = self.experiment.models[model], self.experiment.training(model, method)
        device = self.gpu if entry.resources.gpus else CPU
        needs_reference = recipe.needs_reference(self.experiment.methods[method])
        return TrainingMemory(self.shapes[model], entry, settings, needs_reference, device)

    def _runnable(self, model: str, method: str) -> TrainingMemory:
        """Return the same with the changes that make it fit, if it does not and any do."""
        trainer = self.trainer(model, method)
        remedy = remedy_of(trainer) if problems(trainer) else None
        return remedy.trainer if remedy and remedy.fits else trainer

    def sampling_gpus(self, model: str) -> int:
        """Return the GPUs of a job that samples."""
        return self.experiment.resources(model)["sampling_gpus"]

    def _prepare_model(self, job: Job) -> Iterator[JobEstimate]:
        """Fetch a policy, or pretrain an embedded one. The download is not counted."""
        name = job.wildcards["model"]
        model, shape = self.experiment.models[name], self.shapes[name]
        size = shape.parameters * (4 if model.dtype == "float32" else 2)
        seconds = START + size / READ
        if model.pretrain is not None:
            settings = model.pretrain
            runner = Runner(shape, CPU, model.resources.threads, 4)
            flops = 3 * settings.batch * PRETRAINING_TOKENS * shape.forward_flops(PRETRAINING_TOKENS / 2)
            # The optimizer's operations take about as long to start as one more layer's.
            seconds = START + settings.steps * runner.compute(flops, 3 * (shape.sizes.layers + 1))
        yield JobEstimate(job, name, seconds, disk=size)

    def _prepare_nli(self, job: Job) -> Iterator[JobEstimate]:
        """Fetch an entailment model of a known shape, or train the embedded one."""
        name = job.wildcards["nli"]
        nli = self.experiment.nli_models[name].nli
        if nli is None:
            size = 4 * self.nli_shapes[name].parameters
            yield JobEstimate(job, name, START + size / READ, disk=size)
            return
        weights = nli.layers * 8 * nli.hidden**2  # attention's four matrices, and an MLP of twice the width
        flops = 6 * weights * nli.steps * nli.batch * PAIR_TOKENS / 2  # half of the pairs are short
        yield JobEstimate(job, name, 2 * START + flops / (ARITHMETIC * CPU.flops), disk=4 * weights)

    def _import_samples(self, job: Job) -> Iterator[JobEstimate]:
        yield JobEstimate(job, job.wildcards["state"].model, LIGHT_START, memory=LIGHT_PROCESS)

    def _sample(self, job: Job) -> Iterator[JobEstimate]:
        """The shards that are gathered."""
        state = job.wildcards["state"]
        model, shards = state.model, self.experiment.experiment.sampling.shards
        settings = self.experiment.by_model[model].sampling
        samples = self.workload.folder / job.outputs["samples"]
        context = self.shapes[model].sizes.context
        lengths = self.workload.lengths(model, settings.decoding, samples, context=context)
        for shard in range(1, shards + 1):
            sequences = self.workload.train_questions() / shards * settings.n
            part = Job("sample", {"state": state, "scatteritem": f"{shard}-of-{shards}"})
            yield self._generating(part, model, settings, sequences, lengths)

    def _generating(
        self, job: Job, model: str, settings: Sampling | Evaluation, sequences: float, lengths: Lengths
    ) -> JobEstimate:
        """A job that samples and does little else."""
        shape, entry, gpus = self.shapes[model], self.experiment.models[model], self.sampling_gpus(model)
        width = 4 if entry.dtype == "float32" else 2
        device = self.gpu if gpus else CPU
        where = SAMPLERS[settings.backend].cache
        tokens = sequences * lengths.total
        disk = sequences * lengths.response * TEXT
        if where == "elsewhere":  # at a speed that nobody here knows
            return JobEstimate(job, model, LIGHT_START, tokens=tokens, memory=LIGHT_PROCESS, disk=disk)
        if where == "share":
            share = settings.vllm.gpu_memory_utilization * device.memory
            cache = max(1e9, share - ENGINE - width * shape.parameters / max(1, gpus))
            memory = share
        else:
            cache = settings.batch_tokens * shape.cache_bytes(width)
            memory = PROCESS + width * shape.parameters + cache
        runner = Runner(shape, device, entry.resources.threads, width)
        seconds = runner.generate(
            sequences / max(1, gpus), lengths.prompt, lengths.response, settings.n, cache, where == "share"
        )
        start = START + width * shape.parameters / READ + ENGINE_START * (where == "share")
        return JobEstimate(job, model, start + seconds, gpus, tokens, memory, disk)

    def _answers(self, model: str) -> int:
        return self.workload.train_questions() * self.experiment.by_model[model].sampling.n

    def _grade(self, job: Job) -> Iterator[JobEstimate]:
        model = job.wildcards["state"].model
        workers = self.experiment.by_model[model].grading.workers
        seconds = LIGHT_START + self._answers(model) * ANSWER_SECONDS / workers
        yield JobEstimate(job, model, seconds, memory=LIGHT_PROCESS)

    def _measure(self, job: Job) -> Iterator[JobEstimate]:
        model = job.wildcards["state"].model
        nli = self.experiment.nli_of(model)
        pairs = self._answers(model) * PAIRS_PER_RESPONSE if nli else 0.0
        gpus = self.sampling_gpus(nli) if nli else 0  # the entailment model's own, as in the rule
        seconds = LIGHT_START
        if nli in self.nli_shapes:
            shape = self.nli_shapes[nli]
            layer = (
                shape.layer_matrices - shape.sizes.hidden * shape.sizes.intermediate
            )  # its MLP has two matrices
            threads = self.experiment.nli_models[nli].resources.threads
            runner = Runner(shape, self.gpu if gpus else CPU, threads, 4)
            flops = 2 * pairs * PAIR_TOKENS * shape.sizes.layers * layer
            seconds = START + runner.compute(flops, pairs / 64 * shape.sizes.layers)
        elif nli:
            seconds = 2 * START
        yield JobEstimate(job, model, seconds, gpus)

    def _train(self, job: Job) -> Iterator[JobEstimate]:
        model, method = job.wildcards["model"], job.wildcards["method"]
        trainer = self.runnable(model, method)
        settings, shape, gpus = trainer.settings, trainer.shape, trainer.model.resources.gpus
        weights = shape.parameters * (4 if trainer.model.dtype == "float32" else 2)
        state = 4 * shape.parameters + 8 * trainer.trained
        kept = CHECKPOINTS * state if settings.keep_checkpoints else 0
        checkpoints = CHECKPOINTS * state if settings.checkpoint_every and not kept else 0
        checkpoints += weights * (settings.keep == "best_probe")
        log = self.workload.folder / job.outputs["metrics"]
        lengths = self.workload.lengths(model, settings.decoding, log, "response_tokens", shape.sizes.context)
        workers = self.experiment.by_model[model].grading.workers
        threads = trainer.model.resources.threads
        step = TrainingTime(trainer, self.experiment.methods[method], lengths, threads, workers)
        steps, times = self._steps(model, method)[job.wildcards["stage"] - 1], self._times_probed(job)
        start = START + gpus * 4 * shape.parameters / READ + ENGINE_START * trainer.has_engine
        seconds = start + steps * sum(step.phases().values())
        tokens = steps * step.tokens
        if times and (probe := self.experiment.experiment.probe):
            once = step.asking(self.workload.probe_questions(), probe.n)
            seconds += times * sum(once.phases()[phase] for phase in ("rollout", "score"))
            tokens += times * once.tokens
        memory = trainer.peak().total + PROCESS * (not trainer.device.is_gpu)
        yield JobEstimate(job, model, seconds, gpus, tokens, memory, weights + kept, checkpoints)

    def _times_probed(self, job: Job) -> int:
        """How often a stage of training asks the probe."""
        probe, stage = self.experiment.experiment.probe, job.wildcards["stage"]
        if probe is None:
            return 0
        steps = self._steps(job.wildcards["model"], job.wildcards["method"])
        before = sum(steps[: stage - 1])
        return probe.times(before + (before > 0), before + steps[stage - 1], sum(steps))

    def _evaluate(self, job: Job) -> Iterator[JobEstimate]:
        model = job.wildcards["model"]
        settings = self.experiment.by_model[model].evaluation
        sequences = self.workload.benchmark_questions() * settings.n
        file = self.workload.folder / job.outputs["responses"]
        context = self.shapes[model].sizes.context
        lengths = self.workload.lengths(model, settings.decoding, file, context=context)
        yield self._generating(job, model, settings, sequences, lengths)

    def _grade_responses(self, job: Job) -> Iterator[JobEstimate]:
        model = job.wildcards["model"]
        settings = self.experiment.by_model[model]
        answers = self.workload.benchmark_questions() * settings.evaluation.n
        seconds = LIGHT_START + answers * ANSWER_SECONDS / settings.benchmark_grading.workers
        yield JobEstimate(job, model, seconds, memory=LIGHT_PROCESS)
