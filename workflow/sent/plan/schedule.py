"""How long a cluster takes: the jobs of an experiment, each after those whose files it reads, on a number of GPUs."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from sent.errors import SentError
from sent.experiment import ResolvedExperiment
from sent.paths import State
from sent.plan.jobs import JobEstimate


@dataclass(frozen=True)
class Task:
    """A job as a schedule sees it: ``after`` are the places of the jobs whose files it reads, all before its own."""

    seconds: float
    gpus: int = 0
    after: tuple[int, ...] = ()


@dataclass(frozen=True)
class Schedule:
    """When each job starts, and when the last one ends. Seconds."""

    starts: list[float]
    end: float


def list_schedule(tasks: Sequence[Task], gpus: int) -> Schedule:
    """Start, whenever a job ends, those that are ready and find their GPUs free, the one with the longest way to the end
    first (Graham 1969; critical-path order).

    Jobs without GPUs wait for nothing but their files. Raises :class:`SentError` where a job asks for more GPUs.
    """
    largest = max((task.gpus for task in tasks), default=0)
    if largest > gpus:
        raise SentError(
            f"--gpus {gpus}: a job asks for {largest} (`resources.gpus` of its model); give at least as many"
        )
    way = _ways(tasks)
    waiting = [len(set(task.after)) for task in tasks]
    followers: list[list[int]] = [[] for _ in tasks]
    for place, task in enumerate(tasks):
        for before in set(task.after):
            followers[before].append(place)
    # By the GPUs that they ask for, the first of each to start on top.
    ready: dict[int, list[tuple[float, int]]] = {}

    def add(place: int) -> None:
        heapq.heappush(ready.setdefault(tasks[place].gpus, []), (-way[place], place))

    for place, count in enumerate(waiting):
        if not count:
            add(place)
    running: list[tuple[float, int]] = []
    starts, now, free = [0.0] * len(tasks), 0.0, gpus
    while running or any(ready.values()):
        while heaps := [heap for asked, heap in ready.items() if heap and asked <= free]:
            _, place = heapq.heappop(min(heaps))
            free -= tasks[place].gpus
            starts[place] = now
            heapq.heappush(running, (now + tasks[place].seconds, place))
        now, ended = heapq.heappop(running)
        free += tasks[ended].gpus
        for place in followers[ended]:
            waiting[place] -= 1
            if not waiting[place]:
                add(place)
    return Schedule(starts, now)


def _ways(tasks: Sequence[Task]) -> list[float]:
    """Seconds from the start of each job to the end of the longest chain that begins with it."""
    ways = [task.seconds for task in tasks]
    for place in range(len(tasks) - 1, -1, -1):
        for before in tasks[place].after:
            ways[before] = max(ways[before], tasks[before].seconds + ways[place])
    return ways


def tasks_of(experiment: ResolvedExperiment, jobs: Sequence[JobEstimate]) -> list[Task]:
    """Return the jobs with what they wait for. What they read of jobs that no estimate counts takes no time."""
    makers: dict[tuple, list[int]] = {}
    for place, estimate in enumerate(jobs):
        makers.setdefault(_made(estimate), []).append(place)
    return [
        Task(
            estimate.seconds,
            estimate.gpus,
            tuple(place for read in _reads(experiment, estimate) for place in makers.get(read, ())),
        )
        for estimate in jobs
    ]


def _made(estimate: JobEstimate) -> tuple:
    """What a job makes."""
    rule, wildcards = estimate.rule, estimate.job.wildcards
    if rule == "prepare_model":
        return "policy", State(wildcards["model"])
    if rule == "prepare_nli":
        return "nli", wildcards["nli"]
    if rule == "train":
        return "policy", State(**wildcards)
    if rule in ("evaluate", "grade_responses"):
        return rule, *wildcards.values()
    kinds = {"grade": "verdicts", "measure_semantic_entropy": "semantic entropy"}
    return kinds.get(rule, "samples"), wildcards["state"]


def _reads(experiment: ResolvedExperiment, estimate: JobEstimate) -> list[tuple]:
    """What a job reads, as the inputs of its rule say."""
    rule, wildcards = estimate.rule, estimate.job.wildcards
    if rule == "sample":
        return [("policy", wildcards["state"])]
    if rule == "grade":
        return [("samples", wildcards["state"])]
    if rule == "measure_semantic_entropy":
        state = wildcards["state"]
        return [("verdicts", state), ("samples", state), ("nli", experiment.nli_of(state.model))]
    if rule == "train":
        return _read_in_training(experiment, State(**wildcards))
    if rule == "evaluate":
        model, method = wildcards["model"], wildcards["method"]
        last = experiment.stages(model, method)
        state = State(model, method, wildcards["seed"], last) if last else State(model)
        return [("policy", state)]
    return [("evaluate", *wildcards.values())] if rule == "grade_responses" else []


def _read_in_training(experiment: ResolvedExperiment, state: State) -> list[tuple]:
    model, method = state.model, state.method
    assert method is not None, "training is by a method"
    before = state._replace(stage=state.stage - 1) if state.stage > 1 else State(model)
    read = [("policy", before)]
    if experiment.methods[method].curriculum:
        anew = state.stage > 1 and experiment.sorts_anew(model, method, before.stage)
        read.append(("semantic entropy", before if anew else State(model)))
    return read
