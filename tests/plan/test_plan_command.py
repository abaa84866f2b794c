"""`python -m sent plan`: quick, without torch, by the functions that training uses, and beside what was measured."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from sent import tables
from sent.__main__ import main
from sent.experiment import load
from sent.plan.jobs import Workload
from sent.training.schedule import stage_steps, total_steps
from sent.training.step_metrics import step_table

WITH_LOADED = """
import sys
from sent.__main__ import main
status = main(sys.argv[1:])
print("loaded", [name for name in ("torch", "transformers", "pandas", "pyarrow") if name in sys.modules], file=sys.stderr)
sys.exit(status)
"""

SMALL = yaml.safe_load(Path("config/models.yaml").read_text())["nano-smoke"]


def plan(capsys, *options) -> dict:
    assert main(["plan", "--json", *options]) == 0
    return json.loads(capsys.readouterr().out)


def config(tmp_path: Path, name: str = "smoke", **changes) -> str:
    found = yaml.safe_load(Path(f"config/{name}.yaml").read_text())
    found |= {"experiment": "planned"} | changes  # one that never ran here, whose data would be counted
    file = tmp_path / "experiment.yaml"
    file.write_text(yaml.safe_dump(found))
    return str(file)


def test_the_paper_s_experiment_without_torch():
    command = [sys.executable, "-c", WITH_LOADED, "plan", "--configfile", "config/paper.yaml"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stderr.splitlines()[-1] == "loaded []"
    words = (
        "1.777B",
        "7.616B",
        "14.768B",
        "4 x GPU, fsdp2",
        "gradients",
        "GPU-hours",
        "disk",
        "docs/plan.md",
    )
    for word in words:
        assert word in run.stdout, word


def test_what_only_evaluates_plans_no_other_jobs(capsys):
    assert main(["plan", "--configfile", "config/baselines.yaml"]) == 0
    printed = capsys.readouterr().out
    assert "evaluate" in printed and "prepare_model" in printed
    assert not any(rule in printed for rule in (" sample ", " grade ", "measure_semantic_entropy", " train "))


def test_the_paper_s_models_fit_four_gpus_of_80_gb(capsys):
    found = plan(capsys, "--configfile", "config/paper.yaml")["models"]
    assert not any(model["problems"] for model in found.values())
    assert {model["gpus"] for model in found.values()} == {4}
    states = found["qwen3-14b"]["phases"]["step"]
    assert states["weights"] + states["optimizer"] == 12 * 14_768_307_200 / 4
    # Smaller cards do not hold them, and the estimate says what would.
    for gpu, gpus, nodes in (("a100-40gb", 8, None), ("l4-24gb", 16, 2)):  # eight in a machine
        smaller = plan(capsys, "--configfile", "config/paper.yaml", "--gpu", gpu)["models"]["qwen3-14b"]
        assert not smaller["fits"]
        wanted = smaller["fits_with"]
        assert (wanted["resources.gpus"], wanted.get("resources.nodes")) == (gpus, nodes)
        assert wanted["training.offload"] == ["optimizer", "reference"]


def test_without_what_the_file_sets_for_them_the_larger_ones_do_not_fit_and_hear_what_helps(capsys, tmp_path):
    found = plan(capsys, "--configfile", config(tmp_path, "paper", overrides={}))["models"]
    assert [model["fits"] for model in found.values()] == [True, False, False]
    assert found["qwen2.5-math-7b"]["fits_with"] == {"training.gradient_checkpointing": 0.75}
    largest = found["qwen3-14b"]
    assert {sentence.split()[0] for sentence in largest["problems"]} >= {"rollout", "backward", "vLLM's"}
    # Beside the trainer a GPU has no room for all of vLLM's weights: an engine is split over two.
    assert largest["fits_with"]["training.vllm.tensor_parallel"] == 2
    assert "resources.gpus" not in largest["fits_with"]
    wanted = yaml.safe_load(Path("config/paper.yaml").read_text())["overrides"]["qwen3-14b"]["training"]
    changes = {key.removeprefix("training."): value for key, value in largest["fits_with"].items()}
    vllm = {key.removeprefix("vllm."): changes.pop(key) for key in list(changes) if key.startswith("vllm.")}
    assert {**changes, "vllm": vllm} == wanted


def test_hours_follow_the_card(capsys):
    options = ["--configfile", "config/paper.yaml", "--gpu"]
    slow, fast = (plan(capsys, *options, gpu)["total"]["gpu_hours"] for gpu in ("a100-80gb", "h200-141gb"))
    assert slow > fast > 0
    shorter = plan(capsys, "--configfile", "config/paper.yaml", "--length-share", "0.5")["total"]["gpu_hours"]
    assert shorter < plan(capsys, "--configfile", "config/paper.yaml")["total"]["gpu_hours"]


def test_jobs_are_those_of_the_workflow(capsys, tmp_path):
    """Three models, eight methods of which one has two stages beside its mirror, base evaluated, too."""
    found = plan(capsys, "--configfile", "config/paper.yaml")["rules"]
    rules = {(row["rule"], row["model"]): row for row in found}
    experiment = load(yaml.safe_load(Path("config/paper.yaml").read_text()))
    stages = sum(experiment.stages("qwen3-14b", method) for method in experiment.trained)
    assert rules["train", "qwen3-14b"]["jobs"] == stages
    assert rules["evaluate", "qwen3-14b"]["jobs"] == 9
    assert rules["sample", "qwen3-14b"]["jobs"] == 8
    assert rules["grade", "qwen3-14b"]["gpus"] == 0
    two_seeds = plan(capsys, "--configfile", config(tmp_path, "paper", seeds=[0, 1]))["rules"]
    assert {row["rule"]: row["jobs"] for row in two_seeds}["train"] == 2 * stages


def test_steps_are_those_that_training_takes(tmp_path):
    experiment = load(yaml.safe_load(Path("config/paper.yaml").read_text()))
    workload = Workload(experiment, tmp_path, 1.0)
    settings = experiment.by_model["qwen3-14b"].training
    total = total_steps(settings, workload.train_questions())
    assert total == -(-5 * (17_240 - 128) // 256)  # five passes over what the probe leaves
    assert workload.steps("qwen3-14b", "grpo") == [total]
    assert workload.steps("qwen3-14b", "sent") == stage_steps(total, [8620, 8620])
    # A curriculum that is there says how many questions each stage has.
    rows = [{"question_id": f"q{i}", "stage": 1 if i < 3 else 2, "rehearsal": False} for i in range(12)]
    tables.write(
        tmp_path / "paper/curriculum/qwen3-14b/semantic_entropy.parquet",
        tables.table(tables.CURRICULUM, rows),
    )
    assert workload.steps("qwen3-14b", "sent") == stage_steps(total, [3, 9])


def test_files_of_a_run_replace_assumptions(capsys, tmp_path):
    folder = tmp_path / "results" / "smoke"
    questions = [{"question_id": f"q{i}", "question": "How many?", "answer": "1"} for i in range(7)]
    tables.write(folder / "data/train.parquet", tables.table(tables.QUESTIONS, questions))
    samples = [{"question_id": "q0", "sample": i, "n_tokens": n} for i, n in enumerate((4, 8))]
    tables.write(folder / "samples/nano-smoke.parquet", tables.table(tables.SAMPLES, samples))
    found = plan(capsys, "--configfile", "config/smoke.yaml", "--results", str(tmp_path / "results"))
    assert found["questions"]["train"] == 7
    (sampling,) = [row for row in found["rules"] if row["rule"] == "sample"]
    assert sampling["tokens"] == 7 * 8 * (12 + 6)


def test_measured_seconds_and_memory_stand_beside_the_estimate(capsys, tmp_path):
    folder = tmp_path / "results/smoke/benchmarks"
    header = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
    jobs = [("grpo", 1, 10, "500.0"), ("sent", 1, 20, "700.0"), ("sent", 2, 30, "NA")]
    for method, stage, seconds, resident in jobs:
        file = folder / f"training/nano-smoke/{method}/seed0/stage{stage}.tsv"
        file.parent.mkdir(parents=True, exist_ok=True)
        earlier = f"99\t0\t9\t9\t9\t9\t0\t0\t0\t0\n{seconds}\t0\t{resident}\t9\t9\t9\t0\t0\t0\t0\n"
        file.write_text(header + earlier)
    (folder / "grading").mkdir()
    (folder / "grading/nano-smoke.tsv").write_text("s\n")  # cut off: as if it had never run
    options = ["--configfile", "config/smoke.yaml", "--results", str(tmp_path / "results")]
    (row,) = plan(capsys, *options)["measured"]
    assert (row["rule"], row["model"], row["jobs"]) == ("train", "nano-smoke", 3)
    assert row["seconds"][1] == 20
    assert row["memory"][1] == 700 * 2**20
    assert main(["plan", *options]) == 0
    assert "Estimated beside measured" in capsys.readouterr().out


def ran(results: Path, seconds: dict[str, float]) -> None:
    """Leave the benchmark files of jobs that took so many seconds."""
    for name, took in seconds.items():
        file = results / f"smoke/benchmarks/{name}.tsv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"s\tmax_rss\n{took}\t-\n")


def test_what_was_measured_replaces_estimates_of_like_jobs(capsys, tmp_path):
    options = ["--configfile", "config/smoke.yaml", "--results", str(tmp_path)]

    def rows() -> dict:
        return {(row["rule"], row["model"]): row for row in plan(capsys, *options)["rules"]}

    before = rows()
    assert all(row["basis"] == {"never measured": row["jobs"]} for row in before.values())
    base = before["evaluate", "nano-smoke"]["seconds"] / 3  # the three policies take equally long
    ran(tmp_path, {"evaluation/nano-smoke/base/seed0/sample": 10 * base})
    after = rows()["evaluate", "nano-smoke"]
    assert after["seconds"] == pytest.approx(30 * base)
    assert after["basis"] == {"ran": 1, "like jobs that ran": 2}
    # Two that ran: the third is scaled by both together, and other rules stay as they were.
    ran(tmp_path, {"evaluation/nano-smoke/grpo/seed0/sample": 20 * base})
    after = rows()
    assert after["evaluate", "nano-smoke"]["seconds"] == pytest.approx((10 + 20 + 15) * base)
    assert after["train", "nano-smoke"] == before["train", "nano-smoke"]
    assert main(["plan", *options]) == 0
    assert "2 ran, 1 like jobs that ran" in capsys.readouterr().out


def test_like_jobs_of_another_model_tell_where_a_model_s_own_never_ran(capsys, tmp_path):
    models = {
        "registry": {"models": {"other": {**SMALL, "label": "other"}}},
        "experiment": "smoke",
        "models": ["nano-smoke", "other"],
    }
    options = ["--configfile", config(tmp_path, **models), "--results", str(tmp_path)]

    def train(model: str) -> dict:
        rows = plan(capsys, *options)["rules"]
        return next(row for row in rows if (row["rule"], row["model"]) == ("evaluate", model))

    before = train("other")
    assert before["seconds"] == pytest.approx(train("nano-smoke")["seconds"])
    ran(tmp_path, {"evaluation/nano-smoke/base/seed0/sample": 7 * before["seconds"] / 3})
    assert train("other")["seconds"] == pytest.approx(7 * before["seconds"])
    assert train("other")["basis"] == {"like jobs that ran": 3}


def test_training_that_went_on_from_a_checkpoint_took_as_long_as_its_steps(capsys, tmp_path):
    ran(tmp_path, {"training/nano-smoke/grpo/seed0/stage1": 5})
    log = tmp_path / "smoke/train/nano-smoke/grpo/seed0/stage1/metrics.parquet"
    steps = [{"step": k, "seconds": 10.0, "response_tokens": 16.0, "memory_mb": 1.0} for k in (1, 2, 3, 4)]
    tables.write(log, step_table(steps))
    options = ["--configfile", "config/smoke.yaml", "--results", str(tmp_path)]
    (row,) = plan(capsys, *options)["measured"]
    assert row["seconds"][1] == 40


def test_time_by_the_clock_follows_the_size_of_the_cluster(capsys, tmp_path):
    options = ["--configfile", "config/paper.yaml", "--results", str(tmp_path)]
    clocks = [plan(capsys, *options, "--gpus", n)["wall_clock"] for n in ("4", "8", "64")]
    assert plan(capsys, *options)["wall_clock"] == clocks[0]  # as many as the largest job asks for
    hours = plan(capsys, *options)["total"]["gpu_hours"]
    for clock in clocks:
        assert clock["seconds"] >= clock["chain_seconds"] == clocks[0]["chain_seconds"]
        assert clock["busy"] == pytest.approx(hours * 3600 / clock["gpus"] / clock["seconds"])
    assert clocks[0]["seconds"] > clocks[1]["seconds"] > clocks[2]["seconds"]
    assert main(["plan", *options, "--gpus", "8"]) == 0
    assert "By the clock, on 8 GPUs (h100-80gb): " in capsys.readouterr().out


@pytest.mark.parametrize("name", ["config", "smoke", "paper", "gsm8k", "gsm8k_lora"])
def test_every_experiment_of_ours_can_be_planned(capsys, name, tmp_path):
    found = plan(capsys, "--configfile", f"config/{name}.yaml", "--results", str(tmp_path))
    assert found["total"]["seconds"] > 0 and all(row["seconds"] > 0 for row in found["rules"])


def test_recorded_responses_need_no_model(capsys, tmp_path):
    recorded = tmp_path / "mine.jsonl"
    recorded.write_text('{"question": "1+1?", "answer": "2", "responses": ["2", "3"]}\n')
    found = plan(capsys, "--configfile", config(tmp_path, "recorded", recorded={"path": str(recorded)}))
    assert found["models"] == {} and found["questions"]["train"] == 1
    assert {"import_samples", "grade"} <= {row["rule"] for row in found["rules"]}


UNKNOWN_SIZE = {"data": {"train": {"hub": {"repo": "a/b"}}}}
UNKNOWN_MODEL = {"models": ["mine"], "registry": {"models": {"mine": {"hub": {"repo": "a/b"}}}}}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--configfile", "nowhere.yaml"], "nowhere.yaml: no such file; name the experiment's file"),
        (
            ["--configfile", "config/smoke.yaml", "--gpu", "h100"],
            "--gpu: no GPU is called 'h100'; did you mean 'h",
        ),
        (
            ["--configfile", "config/smoke.yaml", "--length-share", "0"],
            "--length-share: expected a share above 0",
        ),
        (["--configfile", "config/paper.yaml", "--gpus", "2"], "--gpus 2: a job asks for 4"),
        (["--configfile", "config/paper.yaml", "--gpus", "0"], "--gpus: expected a number of GPUs from 1 on"),
        (
            UNKNOWN_SIZE,
            "data.train: the number of its questions is not known before they are fetched; give `rows`",
        ),
        (UNKNOWN_MODEL, "config/models.yaml: mine: its sizes are not known before it is fetched"),
    ],
)
def test_errors_are_one_line(capsys, tmp_path, options, message):
    if isinstance(options, dict):
        options = ["--configfile", config(tmp_path, **options)]
    assert main(["plan", *options]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {message}") and error.count("\n") == 1


def test_the_probe_is_counted(capsys, tmp_path):
    """Of four steps the probe is asked after 0, 3 and 4: three times of grpo, and of sent, whose second stage is asked twice."""
    with_probe = plan(capsys, "--configfile", config(tmp_path))
    without = plan(capsys, "--configfile", config(tmp_path, probe=None))
    assert (with_probe["questions"]["train"], without["questions"]["train"]) == (64 - 8, 64)
    found = [next(row for row in each["rules"] if row["rule"] == "train") for each in (with_probe, without)]
    tokens = 2 * 3 * 8 * 4 * (12 + 16)
    assert found[0]["tokens"] - found[1]["tokens"] == tokens
    assert found[0]["seconds"] > found[1]["seconds"]


LARGEST = 2**31 - 1
"""The largest number that settings take."""
ABSURD = {
    "steps": {"training": {"steps": LARGEST}},
    "epochs": {
        "training": {"steps": None, "epochs": 1e6},
        "data": {"train": {"generator": {"families": ["chain"], "count": 10**6}}},
    },
    "lengths": {"training": {"decoding": {"max_new_tokens": LARGEST}, "responses_per_prompt": LARGEST}},
    "responses": {"evaluation": {"n": LARGEST}},
}


@pytest.mark.parametrize("case", ABSURD)
def test_what_would_take_years_is_said_to_in_one_line(capsys, tmp_path, case):
    """With a probe every third step, whose turns are not counted one by one."""
    smoke = yaml.safe_load(Path("config/smoke.yaml").read_text())
    options = [
        "--configfile",
        config(tmp_path, **{key: smoke[key] | ABSURD[case][key] for key in ABSURD[case]}),
    ]
    found = plan(capsys, *options)["wall_clock"]
    assert found["seconds"] > 365 * 86400
    assert main(["plan", *options]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "CANNOT BE AFFORDED" in line]
    rule = "grade_responses" if case == "responses" else "train"
    assert line.endswith(found["problem"]) and f"is {rule} of nano-smoke" in line and "years" in line


def test_what_can_be_afforded_is_not_said_not_to_be(capsys):
    assert plan(capsys, "--configfile", "config/paper.yaml")["wall_clock"]["problem"] is None


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("training.steps", {"training": {"steps": 10**30}}),
        ("sampling.shards", {"sampling": {"shards": LARGEST}}),
        ("n_stages", {"registry": {"curricula": {"semantic_entropy": {"n_stages": LARGEST}}}}),
    ],
)
def test_numbers_beyond_all_bounds_are_one_line(capsys, tmp_path, key, changes):
    assert main(["plan", "--configfile", config(tmp_path, **changes)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{key}'" in line and f"found {10**30 if key == 'training.steps' else LARGEST}" in line


def test_a_model_that_no_gpu_holds_is_said_not_to_fit(capsys, tmp_path):
    sizes = dict.fromkeys(("hidden", "intermediate", "heads", "kv_heads", "vocabulary", "context"), LARGEST)
    vast = {"path": ".", "architecture": sizes | {"layers": 1000}, "resources": {"gpus": 8}}
    options = ["--configfile", config(tmp_path, models=["vast"], registry={"models": {"vast": vast}})]
    found = plan(capsys, *options)["models"]["vast"]
    assert (found["fits"], found["fits_with"], found["fits_as_adapters_with"]) == (False, None, None)
    assert main(["plan", *options]) == 0
    printed = capsys.readouterr().out
    assert printed.count("DOES NOT FIT") == 1
    assert "up to 32 GPUs do not make it fit; try another GPU" in printed
