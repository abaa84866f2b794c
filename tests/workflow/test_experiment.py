"""Names are looked up, and values reach the stages that read them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from sent.config import laid_over, parse, read_yaml
from sent.errors import SentError
from sent.experiment import load, read
from trial import experiment

CONFIG = Path(__file__).resolve().parents[2] / "config"


def test_registries_of_the_working_directory_go_before_the_package_s(tmp_path, monkeypatch):
    """File by file: methods come from the package still, and a mistake is named where it stands."""
    (tmp_path / "config").mkdir()
    entries = (CONFIG / "models.yaml").read_text().replace("nano-small:", "nano-tiny:")
    (tmp_path / "config/models.yaml").write_text(entries)
    monkeypatch.chdir(tmp_path)
    assert list(load(experiment(models=["nano-tiny"])).models) == ["nano-tiny"]
    with pytest.raises(SentError, match=r"'nano-small' in config/models\.yaml or `registry`"):
        load(experiment(models=["nano-small"]))
    (tmp_path / "config/models.yaml").write_text("nano-tiny: {pth: x}")
    with pytest.raises(SentError, match=r"^config/models\.yaml: nano-tiny: unknown key 'pth'"):
        load(experiment(models=["nano-tiny"]))
    (tmp_path / "config/models.yaml").write_text("[a, b]")
    with pytest.raises(SentError, match=r"^config/models\.yaml: expected names with their entries"):
        load(experiment())
    (tmp_path / "config/models.yaml").write_text("{")
    with pytest.raises(SentError, match=r"^config/models\.yaml: cannot be read as YAML"):
        load(experiment())


def test_a_resolved_experiment_is_read_as_it_was_written():
    resolved = load(experiment(overrides={"nano-small": {"training": {"lr": 0.5}}}, seeds=[3, 4]))
    again = read(resolved.json())
    assert again.json() == resolved.json()
    assert again == replace(resolved, places={})


def test_overrides_reach_one_model_only():
    resolved = load(experiment(overrides={"nano-small": {"training": {"lr": 0.5}}}))
    assert json.loads(resolved.settings("training", "nano-small"))["lr"] == 0.5
    assert json.loads(resolved.settings("training", "nano-large"))["lr"] != 0.5


def test_a_model_that_does_not_run_may_keep_its_override():
    overrides = {"nano-medium": {"training": {"lr": 0.5}}}
    assert "nano-medium" not in load(experiment(overrides=overrides)).by_model
    with pytest.raises(SentError, match=r"nano-medium.*unknown.*training.rl"):
        load(experiment(overrides={"nano-medium": {"training": {"rl": 0.5}}}))


def test_an_override_keeps_the_other_values():
    changes = {"training": {"lr": 0.25, "steps": 3}, "overrides": {"nano-small": {"training": {"steps": 4}}}}
    settings = json.loads(load(experiment(**changes)).settings("training", "nano-small"))
    assert (settings["lr"], settings["steps"]) == (0.25, 4)


def test_settings_of_a_method_go_over_the_model_s_and_what_methods_share_over_both():
    """lr is set by experiment, model, method and for all methods; each next one wins, and only the given keys count."""
    own = {"mine": {"training": {"lr": 0.3, "decoding": {"top_p": 0.5}}}, "kept": {"keeps": ["training"]}}
    changes = {
        "methods": ["grpo", "mine", "kept"],
        "registry": {"methods": {"grpo": {}, **own}},
        "training": {"lr": 0.1, "steps": 3, "decoding": {"max_new_tokens": 9}},
        "overrides": {"nano-small": {"training": {"lr": 0.2}}},
    }

    def found(**more) -> dict:
        resolved = load(experiment(**changes, **more))
        assert read(resolved.json()) == replace(resolved, places={})
        return {(m, t): resolved.training(m, t) for m in resolved.models for t in resolved.methods}

    plain = found()
    rates = {axes: settings.lr for axes, settings in plain.items()}
    small, large = (
        {method: rate for (m, method), rate in rates.items() if m == f"nano-{size}"}
        for size in ("small", "large")
    )
    assert small == {"grpo": 0.2, "mine": 0.3, "kept": 0.2}
    assert large == {"grpo": 0.1, "mine": 0.3, "kept": 0.1}
    mine = plain["nano-small", "mine"]
    assert (mine.steps, mine.decoding.top_p, mine.decoding.max_new_tokens) == (3, 0.5, 9)

    shared = found(methods_share={"training": {"lr": 0.4}})
    assert [shared["nano-small", method].lr for method in ("grpo", "mine", "kept")] == [0.4, 0.4, 0.2]
    assert shared["nano-small", "mine"].decoding == mine.decoding


def test_methods_share_all_keys_but_those_that_an_entry_keeps():
    names = ["grpo", "mask", "clip_higher", "sent"]
    share = {"aggregation": "token_mean", "clip_high": 0.3, "reference_kl": 0.01}
    plain, shared = (load(experiment(methods=names, **more)) for more in ({}, {"methods_share": share}))
    found = {name: [shared.methods[name].model_dump()[key] for key in share] for name in names}
    assert found == {
        "grpo": ["token_mean", 0.3, 0.01],
        "mask": ["selected_mean", 0.3, 0.01],
        "clip_higher": ["token_mean", 0.28, 0.01],
        "sent": ["token_mean", 0.3, 0],
    }
    assert shared.methods["sent"].weighting == plain.methods["sent"].weighting
    assert json.loads(shared.reported())["methods_share"] == share
    assert json.loads(plain.reported())["methods_share"] == {}


def test_code_of_ones_own_runs_only_where_the_experiment_allows_it(tmp_path, monkeypatch):
    (tmp_path / "brief_answers.py").write_text("def short(verdict, response, question):\n    return 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    own = {"methods": ["m"], "registry": {"methods": {"m": {"reward": "brief_answers:short"}}}}
    with pytest.raises(
        SentError, match=r"registry\.methods\.m: 'brief_answers:short'.*`allow_own_code: true`"
    ):
        load(experiment(**own))
    allowed = load(experiment(**own, allow_own_code=True))
    assert allowed.methods["m"].reward.name == "brief_answers:short"
    assert load(experiment(allow_own_code=True)).reported() == load(experiment()).reported()
    shared = load(experiment(methods_share={"reward": "plus_minus"}))
    assert {method.reward.name for method in shared.methods.values()} == {"plus_minus"}


def test_every_method_of_the_registry_can_share_what_the_page_of_methods_shows():
    """Those whose surrogate has no such bound, or another one, keep theirs."""
    names = list(yaml.safe_load((Path(__file__).parents[2] / "config/methods.yaml").read_text("utf-8")))
    share = {"aggregation": "token_mean", "clip_low": 0.2, "clip_high": 0.2, "reference_kl": 0}
    shared = load(experiment(methods=names, methods_share=share)).methods
    bounds = {name: (method.clip_low, method.clip_high) for name, method in shared.items()}
    assert bounds["cispo"] == (None, 4) and bounds["kl_cov"] == (None, None)
    assert bounds["gspo"] == (3e-4, 4e-4) and shared["gspo"].aggregation == "sequence_mean"
    assert bounds["ce_gppo"] == bounds["grpo"] == (0.2, 0.2)


def test_a_colocated_engine_keeps_its_share_of_the_gpu_beside_other_options():
    settings = load(experiment(training={"vllm": {"max_model_len": 3072}})).experiment
    assert settings.training.vllm.gpu_memory_utilization == 0.4
    assert settings.evaluation.vllm.gpu_memory_utilization == 0.9


def test_own_registry_entries_come_first():
    own = {"benchmarks": {"quiz": {"source": {"generator": {"families": ["story"], "count": 3}}}}}
    resolved = load(experiment(benchmarks=["quiz"], registry=own))
    assert json.loads(resolved.source("quiz"))["generator"]["count"] == 3


STRONG = {"from": "sent", "label": "strong", "weighting": {"sent": {"beta_high": 2.0}}}


STARTED = {
    "a constant": (STRONG, {"weighting": {"sent": {"beta_high": 2.0}}}),
    "two steps": (
        {"from": "strong", "label": "m", "kl_estimator": "k2"},
        {"label": "m", "kl_estimator": "k2", "weighting": {"sent": {"beta_high": 2.0}}},
    ),
    "nothing in a value's place": ({"from": "sent", "curriculum": None}, {"curriculum": None}),
    "another list": ({"from": "sent", "keeps": []}, {"keeps": []}),
    "settings within": ({"from": "dapo", "training": {"lr": 1.0e-4}}, {"training": {"lr": 1.0e-4}}),
}


@pytest.mark.parametrize("case", STARTED)
def test_an_entry_that_starts_from_another_is_the_one_written_out(case):
    short, changes = STARTED[case]
    methods = read_yaml(Path("config/methods.yaml"))
    start = methods["dapo" if short["from"] == "dapo" else "sent"]
    label = {"label": short.get("label")}
    written = laid_over(start, changes) | label
    own = {"strong": STRONG, "short": short, "written": written}
    found = load(experiment(methods=["short"], registry={"methods": own})).methods["short"]
    expected = load(experiment(methods=["written"], registry={"methods": own})).methods["written"]
    assert found == expected and found.label == short.get("label")


def test_another_function_brings_its_own_constants():
    own = {"m": {"from": "sent", "weighting": {"mask": {"share": 0.2}}, "kl_anchor": None}}
    found = load(experiment(methods=["m"], registry={"methods": own})).methods["m"].weighting
    assert (found.name, found.constants) == ("mask", {"share": 0.2})


def test_other_kinds_of_entries_start_from_others_too():
    own = {"benchmarks": {"more": {"from": "story", "label": "more stories"}}}
    resolved = load(experiment(benchmarks=["story", "more"], registry=own))
    assert resolved.source("more") == resolved.source("story")


def test_stages_of_training():
    resolved = load(experiment(registry={"curricula": {"semantic_entropy": {"n_stages": 3}}}))
    assert [resolved.stages("nano-small", method) for method in ("base", "grpo", "sent")] == [0, 1, 3]


def test_looks_and_needs_of_a_model_are_not_passed_to_stages():
    entry = json.loads(load(experiment()).settings("model", "nano-small"))
    assert not {"label", "scale", "resources"} & entry.keys()
    assert "prompt" in entry


def test_how_jobs_run_reaches_commands_and_is_no_part_of_the_science():
    ways = {
        "grading": {"workers": 2},
        "training": {"micro_batch_tokens": 7, "trackers": ["tensorboard"], "vllm": {"enforce_eager": True}},
        "evaluation": {"batch_tokens": 7, "server": {"retries": 7}},
        "sampling": {"shards": 3},
        "semantic_entropy": {"processes": 2, "nli_model": "nano-nli"},
    }
    plain, other = (load(experiment(**changes)) for changes in ({}, ways))
    for stage, changes in ways.items():
        assert other.science(stage, "nano-small") == plain.science(stage, "nano-small")
        passed = json.loads(other.settings(stage, "nano-small"))
        assert parse(type(getattr(other.experiment, stage)), passed, stage) == getattr(
            other.experiment, stage
        )
        tracked = json.loads(other.science(stage, "nano-small")).keys()
        assert not changes.keys() & tracked - {"vllm", "server", "nli_model"}
    overridden = load(experiment(overrides={"nano-small": {"grading": {"workers": 2}}}))
    assert plain.reported() == other.reported() == overridden.reported()
    assert load(experiment(training={"lr": 0.5})).reported() != plain.reported()
    assert load(experiment(evaluation={"pass_at": [1]})).reported() != plain.reported()


def test_an_entailment_model_that_is_not_used_is_not_needed():
    settings = {"entailment": "exact", "nli_model": "nano-nli"}
    resolved = load(experiment(semantic_entropy=settings))
    assert resolved.nli_models == {}
    assert resolved.nli_of("nano-small") is None


def test_resources_of_sampling_follow_training_or_are_its_own():
    def resources(**given) -> dict:
        own = {"large": {"hub": {"repo": "a/b"}, "resources": given}}
        return load(experiment(models=["large"], registry={"models": own})).resources("large")

    follows = resources(gpus=4, mem_mb=9000, runtime=70)
    assert [follows[f"sampling_{key}"] for key in ("gpus", "mem_mb", "runtime")] == [1, 9000, 70]
    own = resources(gpus=4, sampling_gpus=2, sampling_mem_mb=10, sampling_runtime=20)
    assert [own[f"sampling_{key}"] for key in ("gpus", "mem_mb", "runtime")] == [2, 10, 20]
    assert resources()["sampling_gpus"] == 0
    with pytest.raises(SentError, match=r"3 gpus cannot be split evenly over 2 nodes"):
        resources(gpus=3, nodes=2)


def test_what_jobs_ask_for_grows_with_the_model():
    models = ["deepseek-r1-distill-qwen-1.5b", "qwen2.5-math-7b", "qwen3-14b"]
    resolved = load(experiment(models=["nano-small", *models]))
    nano, *large = [resolved.resources(model) for model in ("nano-small", *models)]
    assert (nano["gpus"], nano["sampling_gpus"]) == (0, 0)
    assert all(asked["gpus"] >= 1 and asked["sampling_gpus"] >= 1 for asked in large)
    for key in ("mem_mb", "runtime", "sampling_mem_mb", "sampling_runtime"):
        sizes = [asked[key] for asked in (nano, *large)]
        assert sizes == sorted(set(sizes)), key


def test_base_alone_needs_no_training_questions():
    found = load(experiment(data=None, methods=["base"]))
    assert found.sampled == [] and found.nli_models == {}
    assert load(experiment()).sampled == ["nano-small", "nano-large"]


def test_smoke_leaves_checkpoints_to_go_on_from():
    resolved = read(CONFIG / "smoke.yaml")
    for method in resolved.trained:
        settings = resolved.training("nano-smoke", method)
        assert 0 < settings.checkpoint_every < settings.steps
