"""What Snakemake repeats after a change: the stages that the change affects, and no other."""

from pathlib import Path

import pytest
import yaml

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

RESULTS = {"build_database": 1, "write_tables": 1, "draw_figures": 1, "write_report": 1}
MEASURING = {"grade": 1, "measure_semantic_entropy": 1, "sort_questions": 1}
# A change of order reaches only `sent`, which trains in two stages; `grpo` has none, `base` does not train.
SENT = {"train": 2, "evaluate": 1}

# Of the entry in config/models.yaml only what jobs ask for differs.
SMOKE = yaml.safe_load((Path(__file__).parents[2] / "config" / "models.yaml").read_text())["nano-smoke"]
WITH_GPUS = {**SMOKE, "resources": {"gpus": 4, "sampling_gpus": 2, "mem_mb": 5000, "sampling_runtime": 5}}

CHANGES = {
    "nothing": ({}, {}),
    "training": ({"training": {"lr": 0.002}}, {"train": 3, "evaluate": 2, **RESULTS}),
    "sampling": ({"sampling": {"n": 5}}, {"sample": 1, "gather_samples": 1, **MEASURING, **SENT, **RESULTS}),
    "grading": (
        {"grading": {"timeout_seconds": 1.0}},
        {**MEASURING, "train": 3, "evaluate": 3, **RESULTS},
    ),
    "semantic entropy": (
        {"semantic_entropy": {"criterion": "non_strict"}},
        {"measure_semantic_entropy": 1, "sort_questions": 1, **SENT, **RESULTS},
    ),
    "curriculum": ({"curriculum": {"seed": 7}}, {"sort_questions": 1, **SENT, **RESULTS}),
    "evaluation": ({"evaluation": {"n": 3}}, {"evaluate": 3, **RESULTS}),
    "k of pass@k": ({"evaluation": {"pass_at": [1, 2]}}, RESULTS),
    "more GPUs": ({"registry": {"models": {"nano-smoke": WITH_GPUS}}}, RESULTS),  # which record them
    "one model": (
        {"overrides": {"nano-smoke": {"training": {"lr": 0.002}}}},
        {"train": 3, "evaluate": 2, **RESULTS},
    ),
    "another method": (
        {"methods": ["base", "grpo", "sent", "en"]},
        {"train": 1, "evaluate": 1, **RESULTS},
    ),
    "another seed": ({"seeds": [0, 1]}, {"train": 3, "evaluate": 3, **RESULTS}),
    "another benchmark": (
        {"benchmarks": ["chain", "story"]},
        {"read_benchmark": 1, "evaluate": 3, **RESULTS},
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_value_repeats_the_stages_that_read_it(finished, change):
    changes, expected = CHANGES[change]
    assert finished.plan(changes=changes) == expected


def test_another_model_runs_alone(finished):
    plan = finished.plan(changes={"models": ["nano-smoke", "nano-small"]})
    assert plan == {
        "prepare_model": 1,
        "sample": 1,
        "gather_samples": 1,
        **MEASURING,
        "train": 3,
        "evaluate": 3,
        **RESULTS,
    }


EDITS = {
    "a comment": ("curriculum/command.py", "\n# A remark.\n", {}),
    "curriculum": ("curriculum/command.py", "\nEDITED = 1\n", {"sort_questions": 1, **SENT, **RESULTS}),
    "evaluation": ("evaluation/command.py", "\nEDITED = 1\n", {"evaluate": 3, **RESULTS}),
    "training": ("training/command.py", "\nEDITED = 1\n", {"train": 3, "evaluate": 2, **RESULTS}),
    "results": ("results/command.py", "\nEDITED = 1\n", RESULTS),
    "settings": ("config.py", "\nEDITED = 1\n", {}),
}


@pytest.mark.parametrize("edit", EDITS)
def test_edited_code_repeats_the_stages_that_run_it(finished, edit):
    name, addition, expected = EDITS[edit]
    path = finished.root / "workflow" / "sent" / name
    before = path.read_text()
    try:
        path.write_text(before + addition)
        assert finished.plan() == expected
    finally:
        path.write_text(before)


def test_stages_are_targets_by_name(checkout, tmp_path):
    plan = checkout.plan("semantic_entropy", changes={"experiment": "fresh"})
    assert plan["measure_semantic_entropy"] == 1
    assert not {"sort_questions", "train", "evaluate", "build_database"} & plan.keys()


def test_rescoring_sorts_the_stages_to_come_anew(finished):
    plan = finished.plan(changes={"curriculum": {"n_stages": 3, "rescore": True}})
    # After stages 1 and 2 of `sent`, which has three; the sampling of the untrained model stays.
    assert (
        plan["resample"]
        == plan["regrade"]
        == plan["remeasure_semantic_entropy"]
        == plan["resort_questions"]
        == 2
    )
    assert plan["train"] == 3
    assert "sample" not in plan


def test_until_a_rule(checkout):
    plan = checkout.plan("--until", "grade", changes={"experiment": "fresh"})
    assert plan["grade"] == 1
    assert "measure_semantic_entropy" not in plan


def test_forced_rerun_of_a_rule(finished):
    assert finished.plan("--forcerun", "sort_questions") == {"sort_questions": 1, **SENT, **RESULTS}
