"""Names are looked up, values reach the stages that read them, mistakes are named with the nearest name."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from sent.config import laid_over, parse, parse_yaml, read_yaml
from sent.errors import SentError
from sent.experiment import load, read
from sent.experiment_checks import refuse_twin

CONFIG = Path(__file__).resolve().parents[2] / "config"


def experiment(**changes) -> dict:
    return {
        "experiment": "trial",
        "models": ["nano-small", "nano-large"],
        "methods": ["base", "grpo", "sent"],
        "benchmarks": ["chain"],
        "data": {"train": {"generator": {"families": ["chain"]}}},
        "semantic_entropy": {"nli_model": "nano-nli"},
        **changes,
    }


MISTAKES = {
    "model": ({"models": ["nano-smal"]}, "'models'.*'nano-smal'.*did you mean 'nano-small'"),
    "method": ({"methods": ["base", "grop"]}, "'methods'.*'grop'.*did you mean 'grpo'"),
    "base": ({"methods": ["bas"]}, "did you mean 'base'"),
    "benchmark": ({"benchmarks": ["aime2024"]}, "'benchmarks'.*'aime2024'.*did you mean 'aime24'"),
    "entailment model": (
        {"semantic_entropy": {"nli_model": "nano-nil"}},
        "nli_model.*did you mean 'nano-nli'",
    ),
    "key": ({"trainig": {}}, "unknown key 'trainig'; did you mean 'training'"),
    "key in parentheses": ({"(x)": 1}, r"unknown key '\(x\)'"),
    "inner key": ({"training": {"learning": 1}}, r"unknown key 'training.learning'.*lr"),
    "value": ({"sampling": {"n": 0}}, "'sampling.n'.*greater than or equal to 1.*found 0"),
    "no entailment model": (
        {"semantic_entropy": {"entailment": "nli"}},
        "needs `semantic_entropy.nli_model`",
    ),
    "twice": ({"models": ["nano-small", "nano-small"]}, "'models' lists nano-small more than once"),
    "override of whom": (
        {"overrides": {"nano": {}}},
        "overrides.nano.*no such model.*nano-large",
    ),
    "override of what": (
        {"overrides": {"nano-small": {"data": {}}}},
        "'data' cannot be changed for one model",
    ),
    "override key": (
        {"overrides": {"nano-small": {"training": {"rl": 1}}}},
        "nano-small.*unknown.*training.rl",
    ),
    "override of shards": (
        {"overrides": {"nano-small": {"sampling": {"shards": 2}}}},
        "for the whole experiment",
    ),
    "missing file": ({"data": {"train": {"path": "nowhere.jsonl"}}}, "'nowhere.jsonl' does not exist"),
    "no questions": ({"data": None}, "give one of `data`.*`recorded`.*or only evaluate"),
    "nothing to do": (
        {"data": None, "methods": ["base"], "benchmarks": []},
        "or only evaluate: `methods: \\[base\\]`",
    ),
    "own entry": ({"registry": {"models": {"nano-small": {"pth": "x"}}}}, "nano-small: unknown key 'pth'"),
    "a model that answers nothing": ({"models": ["nano-nli"]}, "'nano-nli' is an entailment model"),
    "a reserved name": ({"models": ["nli"], "registry": {"models": {"nli": {"path": "."}}}}, "another name"),
    "negative seed": ({"seeds": [0, -1]}, r"'seeds.1'.*greater than or equal to 0"),
    "a model from nowhere": (
        {"registry": {"models": {"nano-small": {"label": "x"}}}},
        "nano-small: give one of hub, path and pretrain",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_named(mistake):
    changes, message = MISTAKES[mistake]
    with pytest.raises(SentError, match=message):
        load(experiment(**changes))


PRETRAIN = {"layers": 1, "hidden": 12, "heads": 2, "steps": 1, "families": ["chain"]}
SIZES = {
    "layers": 1, "hidden": 12, "intermediate": 8, "heads": 4, "kv_heads": 2, "vocabulary": 9, "context": 16,
}  # fmt: skip
MISFITS = {
    "a head of half a number": ({"pretrain": PRETRAIN | {"heads": 5}}, r"'pretrain': hidden \(12\).* 2 x heads \(5\)"),
    "a head of an odd width": ({"pretrain": PRETRAIN | {"heads": 4}}, r"'pretrain': hidden \(12\).* 2 x heads \(4\)"),
    "entailment": ({"nli": {"hidden": 64, "heads": 3}}, r"'nli': hidden \(64\) must be a multiple of heads \(3\)"),
    "published heads": ({"architecture": SIZES | {"heads": 8}}, r"'architecture': hidden \(12\).* heads \(8\), unless"),
    "shared heads": (
        {"architecture": SIZES | {"kv_heads": 3}},
        r"'architecture': heads \(4\) must be a multiple of kv_heads \(3\)",
    ),
    "endless layers": ({"architecture": SIZES | {"layers": 2**31 - 1}}, r"'architecture\.layers': .* 1000, found 2147483647"),
}  # fmt: skip


@pytest.mark.parametrize("case", MISFITS)
def test_heads_that_do_not_fit_a_model_are_refused_with_key_and_values(case):
    entry, message = MISFITS[case]
    origin = {} if "pretrain" in entry else {"path": "."}
    with pytest.raises(SentError, match=rf"registry\.models\.mine: {message}"):
        load(experiment(models=["mine"], registry={"models": {"mine": origin | entry}}))


@pytest.mark.parametrize(
    "target", ["q_prj", "lm_head", "self_attn", "model.layers.7.mlp.up_proj", "proj", ""]
)
def test_adapters_of_layers_that_an_embedded_model_lacks_are_refused(target):
    message = rf"^config: training\.lora\.targets: .* decoder of nano-smoke is called '{re.escape(target)}'.* k_proj, o_proj"
    with pytest.raises(SentError, match=message):
        load(experiment(models=["nano-smoke"], training={"lora": {"targets": ["q_proj", target]}}))
    load(experiment(models=["nano-smoke"], training={"lora": {"targets": ["q_proj", "mlp.up_proj"]}}))


def test_heads_of_a_width_of_their_own_need_not_divide_the_hidden_one():
    sizes = SIZES | {"heads": 8, "head_dim": 2}
    own = {"mine": {"path": ".", "architecture": sizes}}
    assert load(experiment(models=["mine"], registry={"models": own})).models["mine"].architecture.heads == 8


def test_recorded_responses_allow_no_training(tmp_path):
    recorded = tmp_path / "responses.jsonl"
    recorded.write_text("{}\n")
    with pytest.raises(SentError, match="`methods` need `data`"):
        load(experiment(data=None, recorded={"path": str(recorded)}))


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


def test_a_mistake_in_an_entry_of_one_s_own_names_the_experiment_s_file(tmp_path):
    file = tmp_path / "mine.yaml"
    own = {"models": {"mine": {"path": "nowhere"}}, "methods": {"m": {"clip_low": -1}}}
    file.write_text(yaml.safe_dump(experiment(models=["mine"], registry=own)))
    with pytest.raises(
        SentError, match=r"mine\.yaml: registry\.models\.mine\.path: 'nowhere' does not exist"
    ):
        read(file)
    file.write_text(yaml.safe_dump(experiment(methods=["m"], registry=own)))
    with pytest.raises(SentError, match=r"mine\.yaml: registry\.methods\.m: 'clip_low'"):
        read(file)


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


@pytest.mark.parametrize(
    ("share", "message"),
    [
        ({"agregation": "token_mean"}, "unknown key 'methods_share.agregation'; did you mean 'aggregation'"),
        ({"training": {"lr": -1}}, "'methods_share.training.lr': Input should be greater than 0"),
        ({"training": {"resume": "settings"}}, "'methods_share.training': 'resume' says how jobs run"),
        ({"label": "x"}, "'methods_share': methods cannot share 'label'"),
        ({"clip_low": None}, "grpo, under config: methods_share {'clip_low': None}: surrogate 'clipped' needs clip_low"),
        ({"training": {"minibatch_prompts": 3, "prompts_per_step": 4}}, r"minibatch_prompts \(3\) must divide"),
    ],
)  # fmt: skip
def test_mistakes_in_what_methods_share_are_named(share, message):
    with pytest.raises(SentError, match=message):
        load(experiment(methods_share=share))


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


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"m": {"from": "snet"}}, r"methods\.m: 'from': no method is called 'snet'; did you mean 'sent'"),
        ({"m": {"from": ["sent"]}}, r"methods\.m: 'from': no method is called \['sent'\]"),
        ({"m": {"from": "m"}}, r"methods\.m: 'from' goes in a circle \(m from m\)"),
        (
            {"m": {"from": "n"}, "n": {"from": "m"}},
            r"methods\.n: 'from' goes in a circle \(m from n from m\)",
        ),
        ({"m": {"from": "n"}, "n": 3}, r"methods\.m: 'from': n holds no keys and values"),
        (
            {"m": {"from": "sent", "clip_lo": 1}},
            r"methods\.m: unknown key 'clip_lo'; did you mean 'clip_low'",
        ),
    ],
)
def test_an_entry_that_cannot_start_is_one_message(entries, said):
    with pytest.raises(SentError, match=said):
        load(experiment(methods=["m"], registry={"methods": entries}))


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


TWICE = {"mine": {"label": "w/ SENT"}}
LATE = {
    "a benchmark called train": ({"benchmarks": ["train"]}, "'benchmarks': train means something else"),
    "a benchmark called average": ({"benchmarks": ["Average"]}, "'benchmarks': average means something else"),
    "an experiment called main": ({"experiment": "main"}, "'experiment': this name means something else"),
    "an experiment called temp": ({"experiment": "Temp"}, "'experiment': this name means something else"),
    "a long name": ({"experiment": "x" * 101}, "'experiment': String should have at most 100"),
    "a seed of 32 bits": ({"seeds": [2**31]}, "'seeds': expected numbers up to 2147483647"),
    "a seed in quotes": ({"seeds": [str(2**31)]}, "'seeds': expected numbers up to 2147483647"),
    "pass@0": ({"evaluation": {"pass_at": [0]}}, "'evaluation.pass_at.0'.*greater than or equal to 1"),
    "a learning rate of true": ({"training": {"lr": True}}, "'training.lr': expected a number or a text"),
    "seeds of true": ({"seeds": [True]}, "'seeds': expected a number or a text"),
    "an infinite tolerance": (
        {"grading": {"absolute_tolerance": float("inf")}},
        "'grading.absolute_tolerance'",
    ),
    "no number": ({"training": {"weight_decay": float("nan")}}, "'training.weight_decay'.*finite"),
    "10^30 steps": ({"training": {"steps": 10**30}}, "'training.steps': expected numbers up to"),
    "10^30 steps as a float": ({"training": {"steps": 1e30}}, "'training.steps': .*exceeded maximum size"),
    "10^30 epochs": ({"training": {"epochs": 1e30}}, "'training.epochs'.*less than or equal to 1000000"),
    "names that differ in capitals": (
        {"models": ["nano-small", "Nano-Small"], "registry": {"models": {"Nano-Small": {"path": "."}}}},
        "'models': nano-small and Nano-Small differ only in capitals",
    ),
    "two methods of one label": (
        {"methods": ["sent", "mine"], "registry": {"methods": TWICE}},
        "'methods': sent and mine have one label, 'w/ SENT'",
    ),
    "a method with base's name": (
        {"methods": ["base", "mine"], "registry": {"methods": {"mine": {"label": "base"}}}},
        "'methods': mine and base have one label",
    ),
    "a benchmark with another's name": (
        {
            "benchmarks": ["chain", "mine"],
            "registry": {
                "benchmarks": {"mine": {"label": "chain", "source": {"generator": {"families": ["story"]}}}}
            },
        },
        "'benchmarks': chain and mine have one label, 'chain'",
    ),
    "a label of two lines": (
        {"methods": ["mine"], "registry": {"methods": {"mine": {"label": "a\n.. raw:: html"}}}},
        "registry.methods.mine: 'label': expected one line of printable signs",
    ),
    "a label with a control character": (
        {"methods": ["mine"], "registry": {"methods": {"mine": {"label": "a\x1bb"}}}},
        "'label': expected one line of printable signs",
    ),
}


def test_smoke_leaves_checkpoints_to_go_on_from():
    resolved = read(CONFIG / "smoke.yaml")
    for method in resolved.trained:
        settings = resolved.training("nano-smoke", method)
        assert 0 < settings.checkpoint_every < settings.steps


@pytest.mark.parametrize("mistake", LATE)
def test_what_would_fail_after_training_is_refused_at_the_start(mistake):
    changes, said = LATE[mistake]
    with pytest.raises(SentError, match=said):
        load(experiment(**changes))


def test_equal_keys_are_refused_wherever_they_stand(tmp_path, monkeypatch):
    (tmp_path / "own.yaml").write_text("experiment: a\ntraining:\n  lr: 1.0e-4\n  steps: 3\n  lr: 1.0e-5\n")
    with pytest.raises(SentError, match=r"own.yaml: cannot be read.*'lr' is there twice, again in line 5"):
        read(tmp_path / "own.yaml")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/methods.yaml").write_text("grpo: {label: a}\nsent: {}\ngrpo: {label: b}\n")
    with pytest.raises(SentError, match=r"config/methods.yaml: .*'grpo' is there twice, again in line 3"):
        load(experiment())
    with pytest.raises(SentError, match=r"--experiment: .*'models' is there twice"):
        read('{"experiment": "a", "models": [], "models": ["b"]}')


def test_a_merged_key_may_be_given_anew(tmp_path):
    text = "a: &a {x: 1, y: 2}\nb: &b\n  <<: *a\n  y: 3\nc:\n  <<: *b\n  x: 4\n"
    assert parse_yaml(text, "here") == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": {"x": 4, "y": 3}}
    both = "a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc: {<<: [*a, *b]}\n"  # of several, the first counts
    assert parse_yaml(both, "here")["c"] == {"x": 1, "y": 2}


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "a: \x00",
        "a: &b [*b",
        "[" * 5000,
        "a: 2020-99-99",
        "a: {<<: 3}",
        "!!python/object:os.system {}",
    ],
)
def test_what_is_no_yaml_is_one_error(text):
    with pytest.raises(SentError, match=r"^here: cannot be read as YAML or JSON: [^\n]*$"):
        parse_yaml(text, "here")


def test_a_file_in_another_encoding_is_named(tmp_path):
    (tmp_path / "a.yaml").write_text("experiment: ä", encoding="utf-16")
    with pytest.raises(SentError, match=r"a.yaml: not in UTF-8"):
        read(tmp_path / "a.yaml")
    (tmp_path / "a.yaml").write_text("{}", encoding="utf-8-sig")
    assert read_yaml(tmp_path / "a.yaml") == {}


def test_experiments_that_differ_only_in_capitals_are_refused(tmp_path):
    refuse_twin("nano", tmp_path / "results")
    (tmp_path / "results" / "nano").mkdir(parents=True)
    refuse_twin("nano", tmp_path / "results")
    with pytest.raises(SentError, match=r"'Nano' differs only in capitals from .*results/nano"):
        refuse_twin("Nano", tmp_path / "results")
