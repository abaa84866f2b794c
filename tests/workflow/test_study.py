"""The experiments of the nano study differ from the registry, and their points from each other, in what they say alone."""

from pathlib import Path

import pytest
from sent.config import Method, parse, read_yaml
from sent.experiment import read

CONFIG = Path(__file__).parents[2] / "config"
REGISTRY = read_yaml(CONFIG / "methods.yaml")
NO_IDEA = {"label", "keeps"}


def leaves(value, place=()) -> dict:
    """The values of nested keys, by the keys that lead to them."""
    if not isinstance(value, dict):
        return {place: value}
    return {k: v for key, inner in value.items() for k, v in leaves(inner, (*place, key)).items()}


def recipe(method: Method) -> dict:
    return leaves({k: v for k, v in method.model_dump(mode="json").items() if k not in NO_IDEA})


def differences(one: Method, other: Method) -> set[str]:
    """Last keys of what two methods have otherwise."""
    first, second = recipe(one), recipe(other)
    return {key[-1] for key in first | second if first.get(key) != second.get(key)}


@pytest.mark.parametrize(
    ("experiment", "point", "method", "expected"),
    [
        ("sweep", "grpo_lr_5e-4", "grpo", {"lr"}),
        ("sweep", "sent_x1", "sent", set()),
        ("sweep", "en_1e-3", "en", set()),
        ("sweep", "clip_28", "clip_higher", set()),
        ("sweep", "kl_cov_0.2", "kl_cov", set()),
        ("study_orders", "grpo_mixed", "grpo", {"curriculum"}),
        ("study_orders", "sent_mixed", "sent", {"curriculum"}),
    ],
)
def test_points_begin_at_the_methods_of_the_registry(experiment, point, method, expected):
    found = read(CONFIG / f"{experiment}.yaml").methods[point]
    assert differences(found, parse(Method, REGISTRY[method], "methods.yaml")) == expected


def test_the_study_takes_what_the_sweep_chose():
    """As docs/nano-study.md says, whose query tells what the rule chooses."""
    study, sweep = (read(CONFIG / f"{name}.yaml").methods for name in ("study", "sweep"))
    for method, point in {"en": "en_3e-3", "kl_cov": "kl_cov_2", "sent": "sent_x1"}.items():
        assert differences(study[method], sweep[point]) == set()
    parts = {"sent_stage_start": "reference", "sent_abs": "kl_estimator", "sent_cut_25": "curriculum"}
    for point, key in parts.items():
        assert getattr(study["sent_chosen"], key) == getattr(sweep[point], key)
    assert differences(study["sent_chosen"], sweep["sent_x1"]) == {*parts.values(), "covariance_share"}
    share = study["sent_chosen"].weighting.constants["covariance_share"]
    assert share == sweep["sent_cov_50"].weighting.constants["covariance_share"]


def test_a_sweep_moves_one_variable_at_a_time():
    methods = read(CONFIG / "sweep.yaml").methods
    bases = {
        "grpo": "grpo_lr_5e-4",
        "sent": "sent_x10",
        "en": "en_1e-3",
        "clip": "clip_28",
        "kl": "kl_cov_0.2",
    }
    for name, method in methods.items():
        moved = differences(method, methods[bases[name.partition("_")[0]]])
        assert len(moved) <= 1 or (name.startswith("sent_x") and moved == {"beta_high", "beta_low"}), name
    betas = [methods[f"sent_x{scale}"].weighting.constants for scale in (1, 3, 10, 30)]
    assert [b["beta_high"] for b in betas] == pytest.approx([0.2, 0.6, 2, 6])
    assert [b["beta_low"] for b in betas] == pytest.approx([0.05, 0.15, 0.5, 1.5])
    assert len({str(recipe(method)) for method in methods.values()}) == len(methods)


def test_mechanisms_differ_in_what_they_ask_about():
    found = read(CONFIG / "study_mechanisms.yaml")
    assert found.benchmarks == {}, "on the probe alone"
    methods = found.methods
    for name in ("high", "low", "none"):
        moved = differences(methods[f"random_{name}"], methods["random_both"])
        assert moved and moved <= {"clip_low", "clip_high"}
    for count in (1, 2, 4, 8):
        minibatch = methods[f"updates_{count}"].training.minibatch_prompts
        assert found.experiment.training.prompts_per_step == count * minibatch
    assert differences(methods["updates_2"], parse(Method, REGISTRY["grpo"], "methods.yaml")) == {
        "minibatch_prompts"
    }
    assert differences(methods["psr"], methods["nsr"]) == {"right", "wrong"}


def test_no_benchmark_chooses_and_all_train_on_the_same_terms():
    sweep, study, orders = (read(CONFIG / f"{name}.yaml") for name in ("sweep", "study", "study_orders"))
    assert sweep.benchmarks == {}
    for other in (study, orders, read(CONFIG / "study_mechanisms.yaml")):
        assert other.experiment.training == sweep.experiment.training
        assert other.probe() == sweep.probe() and other.training_source() == sweep.training_source()
    for under in ("grpo", "sent"):
        followed = {name: m for name, m in orders.methods.items() if name.startswith(f"{under}_")}
        assert len(followed) == 5
        assert all(name == f"{under}_{method.curriculum}" for name, method in followed.items())
        first = followed[f"{under}_mixed"]
        assert all(differences(method, first) <= {"curriculum"} for method in followed.values())


def test_hard_questions_are_longer_than_any_of_pretraining():
    study, hard = (read(CONFIG / f"{name}.yaml") for name in ("study", "study_hard"))
    known = max(hard.models["nano-small"].pretrain.levels)
    asked = [
        hard.experiment.data.train,
        hard.experiment.probe.source,
        *(b.source for b in hard.benchmarks.values()),
    ]
    assert all(min(source.generator.levels) > known for source in asked)
    assert [source.generator.split for source in asked] == ["train", "train", "benchmark"]
    decoding = hard.experiment.training.decoding
    assert hard.experiment.training == study.experiment.training.model_copy(update={"decoding": decoding})
    assert {name: recipe(m) for name, m in hard.methods.items() if name in study.methods} == {
        name: recipe(m) for name, m in study.methods.items() if name in hard.methods
    }
