"""The jobs of an experiment that take long or need a GPU, each with its seconds, memory, tokens and disk."""

from collections.abc import Iterator

from sent.experiment import ResolvedExperiment
from sent.plan import fitting
from sent.plan.devices import CPU, Device
from sent.plan.memory import ENGINE, PROCESS, Trainer
from sent.plan.preparing import (
    LIGHT_PROCESS,
    LIGHT_START,
    PAIR_TOKENS,
    READ,
    START,
    Job,
    prepare_model,
    prepare_nli,
)
from sent.plan.seconds import Runner
from sent.plan.shape import shape_of
from sent.plan.training_time import ANSWER_SECONDS, TrainingTime
from sent.plan.workload import Lengths, Workload

ENGINE_START = 90.0
"""Seconds in which vLLM loads, profiles and captures its graphs (assumed)."""

PAIRS_PER_RESPONSE = 0.2
"""Of entailment: 152 pairs of different answers to 100 questions with 8 responses each."""

TEXT = 2.0
"""Bytes of a token in a compressed table (assumed: four characters, halved)."""

CHECKPOINTS = 2
"""Checkpoints that a training keeps until `snakemake prune_checkpoints`."""


class Jobs:
    """Builds the jobs of an experiment for one kind of GPU."""

    def __init__(self, experiment: ResolvedExperiment, workload: Workload, gpu: Device):
        self.experiment, self.workload, self.gpu = experiment, workload, gpu
        folder = workload.folder / "models"
        # Recorded responses come from models that are never fetched.
        policies = {} if experiment.experiment.recorded else experiment.models
        self.shapes = {name: shape_of(name, model, folder / name) for name, model in policies.items()}
        self.nli_shapes = {
            name: shape_of(name, model, folder / "nli" / name)
            for name, model in experiment.nli_models.items()
            if not model.nli
        }

    def all(self) -> Iterator[Job]:
        """Yield the jobs, stage by stage."""
        for name, model in self.experiment.nli_models.items():
            yield prepare_nli(name, model, self.nli_shapes.get(name))
        for name, shape in self.shapes.items():
            yield prepare_model(name, self.experiment.models[name], shape)
        for stage in (self._sampling, self._sorting):
            for model in self.experiment.asked:
                yield from stage(model)
        for stage in (self._training, self._evaluating):
            for model in self.experiment.models:
                yield from stage(model)

    def trainer(self, model: str, method: str) -> Trainer:
        """Return what a training's memory depends on."""
        entry, settings = self.experiment.models[model], self.experiment.by_model[model].training
        device = self.gpu if entry.resources.gpus else CPU
        needs_reference = self.experiment.methods[method].needs_reference
        return Trainer(self.shapes[model], entry, settings, needs_reference, device)

    def runnable(self, model: str, method: str) -> Trainer:
        """Return the same with the changes that make it fit, if it does not and any do."""
        trainer = self.trainer(model, method)
        remedy = fitting.remedy(trainer) if fitting.problems(trainer) else None
        return remedy.trainer if remedy and remedy.fits else trainer

    def sampling_gpus(self, model: str) -> int:
        """Return the GPUs of a job that samples."""
        return self.experiment.resources(model)["sampling_gpus"]

    def _sampling(self, model: str) -> Iterator[Job]:
        experiment = self.experiment
        settings, shards = experiment.by_model[model].sampling, experiment.experiment.sampling.shards
        if experiment.experiment.recorded:
            yield Job("import_samples", model, f"sampling/{model}", LIGHT_START, memory=LIGHT_PROCESS)
            return
        samples = self.workload.folder / f"samples/{model}.parquet"
        lengths = self.workload.lengths(
            model, settings.decoding, samples, context=self.shapes[model].sizes.context
        )
        for shard in range(1, shards + 1):
            sequences = self.workload.train_questions() / shards * settings.n
            yield self._generating(
                "sample", f"sampling/{model}.{shard}-of-{shards}", model, settings, sequences, lengths
            )

    def _generating(
        self, rule: str, name: str, model: str, settings, sequences: float, lengths: Lengths
    ) -> Job:
        """A job that samples and does little else."""
        shape, entry, gpus = self.shapes[model], self.experiment.models[model], self.sampling_gpus(model)
        width = 4 if entry.dtype == "float32" else 2
        device = self.gpu if gpus else CPU
        is_vllm = settings.backend == "vllm"
        tokens = sequences * lengths.total
        disk = sequences * lengths.response * TEXT
        if settings.backend == "openai":  # elsewhere, at a speed that nobody here knows
            return Job(rule, model, name, LIGHT_START, tokens=tokens, memory=LIGHT_PROCESS, disk=disk)
        if is_vllm:
            share = settings.vllm.gpu_memory_utilization * device.memory
            cache = max(1e9, share - ENGINE - width * shape.parameters / max(1, gpus))
            memory = share
        else:
            cache = settings.batch_tokens * shape.cache_bytes(width)
            memory = PROCESS + width * shape.parameters + cache
        runner = Runner(shape, device, entry.resources.threads, width)
        seconds = runner.generate(
            sequences / max(1, gpus), lengths.prompt, lengths.response, settings.n, cache, is_vllm
        )
        start = START + width * shape.parameters / READ + ENGINE_START * is_vllm
        return Job(rule, model, name, start + seconds, gpus, tokens, memory, disk)

    def _sorting(self, model: str) -> Iterator[Job]:
        """Grading and semantic entropy."""
        settings = self.experiment.by_model[model]
        questions = self.workload.train_questions()
        answers = questions * settings.sampling.n
        graded = LIGHT_START + answers * ANSWER_SECONDS / settings.grading.workers
        yield Job("grade", model, f"grading/{model}", graded, memory=LIGHT_PROCESS)
        nli = self.experiment.nli_of(model)
        pairs = answers * PAIRS_PER_RESPONSE if nli else 0.0
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
        yield Job("measure_semantic_entropy", model, f"semantic_entropy/{model}", seconds, gpus)

    def _training(self, model: str) -> Iterator[Job]:
        experiment = self.experiment
        for method in experiment.trained:
            trainer = self.runnable(model, method)
            settings, shape, gpus = trainer.settings, trainer.shape, trainer.model.resources.gpus
            weights = shape.parameters * (4 if trainer.model.dtype == "float32" else 2)
            state = 4 * shape.parameters + 8 * trainer.trained
            checkpoints = CHECKPOINTS * state if settings.checkpoint_every else 0
            start = START + gpus * 4 * shape.parameters / READ + ENGINE_START * (settings.backend == "vllm")
            for seed in experiment.experiment.seeds:
                for stage, steps in enumerate(self.workload.steps(model, method), 1):
                    name = f"{model}/{method}/seed{seed}/stage{stage}"
                    log = self.workload.folder / "train" / name / "metrics.parquet"
                    lengths = self.workload.lengths(
                        model, settings.decoding, log, "response_tokens", shape.sizes.context
                    )
                    step = TrainingTime(
                        trainer, experiment.methods[method], lengths, trainer.model.resources.threads,
                        experiment.by_model[model].grading.workers,
                    )  # fmt: skip
                    seconds = start + steps * sum(step.phases().values())
                    memory = trainer.peak().total + PROCESS * (not trainer.device.is_gpu)
                    yield Job(
                        "train", model, f"training/{name}", seconds, gpus, steps * step.tokens, memory,
                        weights + checkpoints, checkpoints,
                    )  # fmt: skip

    def _evaluating(self, model: str) -> Iterator[Job]:
        experiment = self.experiment
        if not experiment.benchmarks:
            return
        settings = experiment.by_model[model].evaluation
        sequences = self.workload.benchmark_questions() * settings.n
        for method in experiment.experiment.methods:
            for seed in experiment.experiment.seeds:
                name = f"{model}/{method}/seed{seed}"
                file = self.workload.folder / f"evaluation/{name}.parquet"
                context = self.shapes[model].sizes.context
                lengths = self.workload.lengths(model, settings.decoding, file, context=context)
                yield self._generating("evaluate", f"evaluation/{name}", model, settings, sequences, lengths)
