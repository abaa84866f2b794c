"""Rules and commands agree: every command line that a run starts is one that the command understands."""

import argparse
import importlib

import pytest
from sent import config
from sent.__main__ import ALIASES, COMMANDS
from sent.config import parse

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

JSON_ARGUMENTS = {
    "data": {"source": config.Source},
    "models": {"model": config.Model},
    "nli": {"model": config.Model},
    "sampling": {"model": config.Model, "settings": config.Sampling},
    "grading": {"settings": config.Grading},
    "semantic-entropy": {"settings": config.SemanticEntropy},
    "curriculum": {"settings": config.Curriculum},
    "train": {
        "model": config.Model,
        "method": config.Method,
        "settings": config.Training,
        "grading": config.Grading,
    },
    "evaluation": {"model": config.Model, "settings": config.Evaluation},
}


def parsed(arguments: list[str]) -> tuple[str, argparse.Namespace]:
    name = ALIASES.get(arguments[0], arguments[0])
    command = importlib.import_module(COMMANDS[name][0])
    parser = argparse.ArgumentParser(exit_on_error=False)
    command.add_arguments(parser)
    return name, parser.parse_args(arguments[1:])


def test_every_command_line_is_understood(calls):
    seen = set()
    for arguments in calls:
        name, values = parsed(arguments)
        seen.add(name)
        for key, settings in JSON_ARGUMENTS.get(name, {}).items():
            if text := getattr(values, key):
                assert parse(settings, text, key)
    assert seen == {*JSON_ARGUMENTS, "results"}


def test_training_is_told_its_place(calls):
    trained = [values for name, values in map(parsed, calls) if name == "train"]
    places = {(call.method_name, call.stage, call.stages) for call in trained}
    assert places == {("grpo", 1, 1), ("sent", 1, 2), ("sent", 2, 2)}
    for call in trained:
        untrained = "results/trial/models/nano-smoke"
        first = f"results/trial/train/nano-smoke/{call.method_name}/seed0/stage1/policy"
        assert call.reference == untrained
        assert call.policy == (untrained if call.stage == 1 else first)
        follows = (
            "results/trial/curriculum/nano-smoke/semantic_entropy.parquet"
            if call.method_name == "sent"
            else None
        )
        assert call.curriculum == follows


def test_evaluation_takes_the_last_policy(calls):
    evaluated = [values for name, values in map(parsed, calls) if name == "evaluation"]
    assert sorted(call.policy for call in evaluated) == [
        "results/trial/models/nano-smoke",
        "results/trial/train/nano-smoke/grpo/seed0/stage1/policy",
        "results/trial/train/nano-smoke/sent/seed0/stage2/policy",
    ]
    assert {tuple(call.benchmarks) for call in evaluated} == {
        ("chain=results/trial/data/benchmarks/chain.parquet",)
    }
