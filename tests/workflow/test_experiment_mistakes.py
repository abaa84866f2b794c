"""Mistakes in an experiment's file are one message, with key, value and the nearest name."""

import re

import pytest
import yaml
from sent.config import parse_yaml, read_yaml
from sent.errors import SentError
from sent.experiment import load, read
from sent.experiment_checks import refuse_twin
from trial import experiment

MISTAKES = {
    "model": ({"models": ["nano-smal"]}, "'models'.*'nano-smal'.*did you mean 'nano-small'"),
    "method": ({"methods": ["base", "grop"]}, "'methods'.*'grop'.*did you mean 'grpo'"),
    "base": ({"methods": ["bas"]}, "did you mean 'base'"),
    "baseline": ({"baselines": ["grpo", "snet"]}, "'baselines'.*'snet'.*; did you mean 'sent'"),
    "the same baseline twice": ({"baselines": ["grpo", "grpo"]}, "'baselines' lists grpo more than once"),
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
