"""The experiments for one GPU: they plan, fit their cards, and run on a CPU with a random Qwen2 and questions of our own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
import yaml
from sent.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
MODEL = "qwen2.5-0.5b-instruct"
CHAT = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TOY = {
    "models": [MODEL],
    "methods": ["base", "grpo", "sent"],
    "sampling": {"n": 2, "decoding": {"max_new_tokens": 6}},
    "training": {
        "backend": "transformers", "prompts_per_step": 4, "responses_per_prompt": 2, "minibatch_prompts": 2, "steps": 2,
        "decoding": {"max_new_tokens": 6},
    },
    "evaluation": {"decoding": {"max_new_tokens": 6}},
}  # fmt: skip
"""What makes them small enough for seconds on a CPU."""


def snakemake(*arguments) -> subprocess.CompletedProcess:
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(ROOT / "Snakefile"),
        *map(str, arguments),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def random_qwen2(folder: Path) -> None:
    """Save a Qwen2 of random weights with a tokenizer of single bytes and a chat template of Qwen's kind."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: i for i, letter in enumerate(letters)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=CHAT,
        extra_special_tokens=["<|im_start|>"],
    )  # fmt: skip
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(fast), hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=1024, tie_word_embeddings=True, bos_token_id=None,
        eos_token_id=fast.eos_token_id, pad_token_id=fast.pad_token_id,
    )  # fmt: skip
    Qwen2ForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)


def questions(path: Path, numbers: range) -> str:
    """Write questions of our own as GSM8K has them: a worked answer, and the number after ####."""
    rows = [
        {
            "question": f"A crate holds {n} pears and {n % 7 + 2} are eaten. How many are left?",
            "answer": f"{n} - {n % 7 + 2} = <<{n}-{n % 7 + 2}={n - n % 7 - 2}>>{n - n % 7 - 2}\n#### {n - n % 7 - 2}",
        }
        for n in numbers
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return str(path)


def small(tmp_path: Path, name: str, **changes) -> Path:
    """Write an experiment of ours at toy size, with a random model in the place of its own."""
    random_qwen2(tmp_path / "model")
    found = yaml.safe_load((ROOT / f"config/{name}.yaml").read_text())
    for key, value in TOY.items():
        found[key] = found[key] | value if isinstance(value, dict) else value
    for stage in ("sampling", "evaluation"):
        found[stage]["backend"] = "transformers"
    found["registry"] = {"models": {MODEL: {"path": str(tmp_path / "model"), "dtype": "float32"}}}
    found["registry"] |= changes.pop("registry", {})
    path = tmp_path / f"{name}.yaml"
    path.write_text(yaml.safe_dump(found | changes))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gsm8k", "gsm8k_lora", "reasoning"])
def test_they_plan(name, tmp_path):
    run = snakemake("-n", "--configfile", ROOT / f"config/{name}.yaml", "--directory", tmp_path)
    assert run.returncode == 0, run.stdout
    counts = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", run.stdout, re.MULTILINE)}
    assert (counts["train"], counts["evaluate"], counts["sample"]) == (5, 5, 1)  # sent has two stages


@pytest.mark.parametrize(
    ("name", "gpu", "hours"),
    [("gsm8k", "rtx4090-24gb", 2), ("gsm8k_lora", "rtx3060-12gb", 12), ("reasoning", "rtx4090-24gb", 2)],
)
def test_they_fit_their_card_in_the_promised_time(name, gpu, hours, capsys, tmp_path):
    options = ["--configfile", f"config/{name}.yaml", "--gpu", gpu, "--results", str(tmp_path), "--json"]
    assert main(["plan", *options]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["models"][MODEL]["fits"] and found["models"][MODEL]["gpus"] == 1
    # The longest chain is that of sent: questions sampled, two stages of training, evaluation.
    assert found["wall_clock"]["chain_seconds"] < hours * 3600


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_gsm8k_runs_from_questions_to_published_figures(tmp_path):
    source = {"path": questions(tmp_path / "train.jsonl", range(20, 50)), "answer_after": "####"}
    test = {"path": questions(tmp_path / "test.jsonl", range(50, 60)), "answer_after": "####"}
    file = small(
        tmp_path,
        "gsm8k",
        data={"train": source},
        registry={"benchmarks": {"gsm8k": {"source": test, "label": "GSM8K"}}},
    )
    run = snakemake("--cores", 2, "--configfile", file, "--directory", tmp_path, "all")
    assert run.returncode == 0, run.stdout
    with duckdb.connect(tmp_path / "results/gsm8k/results.duckdb", read_only=True) as connection:
        golds = connection.sql(
            "SELECT answer FROM questions WHERE question LIKE '%holds 20 pears%'"
        ).fetchall()
        beside = connection.sql(
            "SELECT method, round(100 * published, 1), ours FROM vs_published ORDER BY method"
        ).fetchall()
        steps = connection.sql(
            "SELECT method, count(*) FROM train_metrics GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    assert golds == [("12",)]
    # Random weights answer nothing; PPO and its figure stand there without a run of ours.
    assert beside == [("base", 49.6, 0.0), ("grpo", 54.3, 0.0), ("ppo", 56.7, None)]
    assert steps == [("grpo", 2), ("sent", 2)]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_reasoning_runs_with_the_package_s_rewards(tmp_path):
    pytest.importorskip("reasoning_gym", reason="needs the package reasoning-gym (extra `reasoning`)")
    found = yaml.safe_load((ROOT / "config/reasoning.yaml").read_text())
    found["data"]["train"]["reasoning_gym"]["count"] = 30
    for benchmark in found["registry"]["benchmarks"].values():
        benchmark["source"]["reasoning_gym"]["count"] = 5
    file = small(tmp_path, "reasoning", data=found["data"], registry=found["registry"])
    run = snakemake("--cores", 2, "--configfile", file, "--directory", tmp_path, "all")
    assert run.returncode == 0, run.stdout
    with duckdb.connect(tmp_path / "results/reasoning/results.duckdb", read_only=True) as connection:
        scored = connection.sql("SELECT DISTINCT benchmark FROM scores ORDER BY ALL").fetchall()
        steps = connection.sql(
            "SELECT method, count(*) FROM train_metrics GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    assert {"chain_sum", "spell_backward"} <= {name for (name,) in scored}
    assert steps == [("grpo", 2), ("sent", 2)]
