"""Keys that say how a job runs: with another value the result is the same. Every settings class, every such key.

Equal to the bit where no sum changes its order, else up to the rounding of floating-point numbers.
"""

import ast
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from sent import config, tables
from sent.code_version import PACKAGE
from sent.config import Grading, SemanticEntropy, Server, Settings
from sent.sampling.sampler import requests_for

TRAINING_TESTS = Path(__file__).parent / "training"

TO_THE_BIT, ROUNDED = 0.0, 1e-4
TRAINING = {
    "checkpoint_every": (1, TO_THE_BIT),
    "keep_checkpoints": (True, TO_THE_BIT),
    "keep_rollouts": (0, TO_THE_BIT),
    "offload": (["optimizer", "reference"], TO_THE_BIT),
    "on_nonfinite": ("skip", TO_THE_BIT),
    "process_timeout_minutes": (5.0, TO_THE_BIT),
    "resume": ("settings", TO_THE_BIT),
    "trackers": (["tensorboard"], TO_THE_BIT),
    "rollout_batch_tokens": (1, TO_THE_BIT),
    "gradient_checkpointing": (0.5, TO_THE_BIT),
    "micro_batch_tokens": (40, ROUNDED),
    "scoring_batch_tokens": (20, ROUNDED),
}
"""Another value than the default, and the largest difference, absolute and relative, that it may make."""

READERS = {
    ("Training", "packing"): {"training/stage.py: train_stage", "training/update.py: _batches"},
    ("Model", "architecture"): set(),
    ("Model", "resources"): {
        f"sampling/vllm_processes.py: {name}" for name in ("watched", "start_watched", "_has_ended")
    },
    ("Model", "verify_weights"): {"models/loading.py: verify"},
    ("Vllm", "enable_sleep_mode"): {"sampling/vllm_sampler.py: __init__"},
    ("Vllm", "enforce_eager"): {"sampling/vllm_sampler.py: __init__"},
    ("Vllm", "gpu_memory_utilization"): {"sampling/vllm_sampler.py: __init__"},
}
"""Keys that show nothing here, and the functions that read them: none, the engine's start, the check of weights. The `resources`
in vllm_processes.py are vLLM's own. What `packing` computes is compared in training/test_packing.py."""

SHOWN = {
    "Training": {*TRAINING, "packing"},
    "Grading": {"workers"},
    "SemanticEntropy": {"batch_tokens", "processes"},
    "Sampling": {"batch_tokens", "shards"},
    "Evaluation": {"batch_tokens"},
    "Server": {"api_key_env", "concurrency", "retries", "timeout_seconds"},
    "Model": {"architecture", "resources", "verify_weights"},
    "Vllm": {"enable_sleep_mode", "enforce_eager", "gpu_memory_utilization"},
    "ColocatedVllm": {"enable_sleep_mode", "enforce_eager", "gpu_memory_utilization"},
}
"""All keys of operation by class. Each has a test below, which runs with two values or looks for readers."""


def classes() -> list[type[Settings]]:
    return [c for c in vars(config).values() if isinstance(c, type) and issubclass(c, Settings)]


def test_every_key_of_operation_is_shown_here():
    assert {c.__name__: set(c.OPERATION) for c in classes() if c.OPERATION} == SHOWN
    for c in classes():
        assert c.model_fields.keys() >= c.OPERATION | c.REPORT
        assert not c.OPERATION & c.REPORT


def test_the_page_names_every_key_of_operation():
    page = (PACKAGE.parents[1] / "docs" / "partial_reruns.md").read_text()
    table = page.partition("### Settings that repeat nothing")[2].partition("## After")[0]
    assert {key for keys in SHOWN.values() for key in keys if f"{key}`" not in table} == set()


def test_operation_reaches_commands_and_is_no_science():
    settings = config.Training(micro_batch_tokens=7, vllm={"enforce_eager": True})
    assert settings.science() == config.Training().science()
    assert settings.science(operation=True) == settings.model_dump(mode="json")
    assert config.parse(config.Training, config.science(settings, operation=True), "here") == settings
    assert settings.science() != config.Training(vllm={"max_model_len": 99}).science()
    label = config.Method(label="Ours")
    assert label.science() == config.Method().science() != label.science(report=True)


# ------------------------------------------------------------ training


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    """Train two steps, once for each setting; return weights and log."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(TRAINING_TESTS)
        import jobs
        from safetensors.torch import load_file
        from sent.config import Generator
        from sent.data.arithmetic import generate
        from sent.grading import grader
        from sent.training import stage
        from tiny import save_embedded

        inputs, known = tmp_path_factory.mktemp("inputs"), {}
        save_embedded(inputs / "model")
        questions = generate(Generator(families=["chain"], levels=[1], count=10))
        tables.write(inputs / "questions.parquet", tables.table(tables.QUESTIONS, questions))

        def run(**settings) -> tuple[dict, list[dict]]:
            name = json.dumps(settings)
            if name not in known:
                folder = tmp_path_factory.mktemp("job")
                with pytest.MonkeyPatch.context() as coin:
                    coin.setattr(grader, "Grader", jobs.CoinGrader)
                    stage.train_stage(jobs.arguments(inputs, folder, **{"steps": 2, **settings}))
                rows = tables.rows(folder / "metrics.parquet")
                log = [{k: v for k, v in row.items() if not k.startswith(jobs.TIMED)} for row in rows]
                known[name] = load_file(folder / "policy" / "model.safetensors"), log
            return known[name]

        yield run
    for name in ("jobs", "tiny"):
        sys.modules.pop(name, None)


@pytest.mark.slow
@pytest.mark.parametrize("key", TRAINING)
def test_training_is_the_same(train, key):
    other, allowed = TRAINING[key]
    assert other != config.Training.model_fields[key].default
    (weights, log), (found_weights, found_log) = train(), train(**{key: other})
    assert all(row["grad_norm"] > 0 for row in log)
    for row, found in zip(log, found_log, strict=True):
        assert found == pytest.approx(row, abs=allowed, rel=allowed)
    for name, values in weights.items():
        assert (found_weights[name] - values).abs().max() <= allowed, name


@pytest.mark.slow
def test_another_rate_of_learning_is_not_the_same(train):
    """The comparison can fail."""
    (weights, _), (found, _) = train(), train(lr=0.011)
    assert max((found[name] - weights[name]).abs().max() for name in weights) > ROUNDED


# ------------------------------------------------------------ sampling and evaluation

MODEL = json.dumps({"chat": False, "prompt": "{question}", "dtype": "float32"})
QUESTIONS = [
    {"question_id": f"q{i}", "question": f"what is {i} + 2 ?", "answer": "4", "group": None} for i in (2, 3)
] + [{"question_id": "long", "question": "what is 2 + 2 + 3 + 2 ?", "answer": "9", "group": None}]


@pytest.fixture(scope="module")
def questions(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("questions") / "questions.parquet"
    tables.write(path, tables.table(tables.QUESTIONS, QUESTIONS), tables.QUESTIONS)
    return path


def sent(*arguments) -> None:
    from sent.__main__ import main

    assert main([str(argument) for argument in arguments]) == 0


def sampled(policy, questions, folder, shards: int = 1, **settings) -> tuple[list[dict], dict]:
    chosen = json.dumps({"n": 6, "decoding": {"max_new_tokens": 6}, "shards": shards, **settings})
    parts = [folder / f"{abs(hash(chosen))}-{k}.parquet" for k in range(1, shards + 1)]
    for k, part in enumerate(parts, 1):
        given = ("--policy", policy, "--model", MODEL, "--questions", questions, "--settings", chosen)
        sent("sampling", *given, "--shard", f"{k}-of-{shards}", "--output", part)
    sent("sampling", "--gather", *parts, "--output", folder / "gathered.parquet")
    return tables.rows(folder / "gathered.parquet"), tables.metadata(folder / "gathered.parquet")


@pytest.mark.parametrize(
    "changes", [{"batch_tokens": 1}, {"shards": 3}], ids=lambda changes: next(iter(changes))
)
def test_sampling_is_the_same(boxing_policy, questions, tmp_path, changes):
    found = sampled(boxing_policy, questions, tmp_path)
    assert len({row["text"] for row in found[0]}) > 1
    assert sampled(boxing_policy, questions, tmp_path, **changes) == found
    assert sampled(boxing_policy, questions, tmp_path, seed=1) != found


def test_evaluation_is_the_same(boxing_policy, questions, tmp_path):
    found = []
    for budget in (32768, 1):
        output = tmp_path / f"{budget}.parquet"
        settings = json.dumps({"n": 6, "decoding": {"max_new_tokens": 6}, "batch_tokens": budget})
        given = ("--policy", boxing_policy, "--model", MODEL, "--settings", settings, "--output", output)
        sent("evaluation", *given, "--benchmarks", f"quiz={questions}")
        found.append((tables.rows(output), tables.metadata(output)))
    assert found[0] == found[1]
    assert len({row["text"] for row in found[0][0]}) > 1


class Echo(BaseHTTPRequestHandler):
    """Answers with the prompt's first token and the seed."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.reply({"data": [{"id": "model", "max_model_len": 100}]})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = f"{asked['prompt'][0]} by {asked['seed']}"
        choice = {
            "text": text,
            "finish_reason": "stop",
            "token_ids": [1],
            "logprobs": {"token_logprobs": [-0.5]},
        }
        self.reply({"choices": [choice]})

    def reply(self, content):
        data = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture(scope="module")
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("key", "other"),
    [("concurrency", 1), ("retries", 0), ("timeout_seconds", 5), ("api_key_env", "OTHER_KEY")],
)
def test_a_server_answers_the_same(server, key, other):
    from sent.config import Decoding
    from sent.sampling.openai_sampler import OpenAISampler

    requests = requests_for({f"q{i}": (i, i + 1) for i in range(6)}, 3, "test")
    plain, changed = (
        OpenAISampler(Server(base_url=server, **settings), None).sample(requests, Decoding(max_new_tokens=5))
        for settings in ({}, {key: other})
    )
    assert plain == changed
    assert len({completion.text for completion in plain}) == len(requests)


# ------------------------------------------------------------ grading and semantic entropy


def test_grading_is_the_same():
    from sent.grading.grader import Gold, Grader

    answers = [
        "\\boxed{1/2}",
        "\\boxed{0.5}",
        "\\boxed{x^2 + 2x + 1}",
        "\\boxed{two}",
        "nothing",
        "\\boxed{(x+1)^2}",
    ]
    items = [(Gold(gold, None), text, "stop") for gold in ("1/2", "(x+1)^2") for text in answers]
    found = []
    for workers in (1, 3):
        with Grader(Grading(workers=workers)) as grader:
            found.append(grader.grade(items))
    assert found[0] == found[1]
    assert {grade.verdict for grade in found[0]} == {"correct", "wrong", "no_answer"}


@pytest.mark.slow
@pytest.mark.parametrize(("key", "other"), [("batch_tokens", 1), ("processes", 2)])
def test_semantic_entropy_is_the_same(tiny_nli, key, other):
    from sent.semantic_entropy.entailment import Pair
    from sent.semantic_entropy.entailment.loading import load_entailment

    pairs = [Pair("what is 3", str(a), str(b)) for a in range(0, 40, 3) for b in (1, 7, a)]
    folder, found = tiny_nli(spread=1.0), []
    for changes in ({}, {key: other}):
        settings = SemanticEntropy(
            entailment="nli", template="{question} ? the answer is {answer} .", **changes
        )
        with load_entailment(settings, folder) as entailment:
            found.append(entailment.judge(pairs))
    assert found[0] == found[1]
    assert len({judgement.label for judgement in found[0]}) > 1


# ------------------------------------------------------------ keys that only GPUs would show


@pytest.mark.parametrize(("settings", "key"), READERS, ids=lambda value: value)
def test_a_key_reaches_no_more_than_it_should(settings, key):
    found = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        stage = path.relative_to(PACKAGE).parts[0]
        if (
            stage in ("config", "plan", "results") or path.parent == PACKAGE
        ):  # no stage of a run computes there
            continue
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef):
                reads = (isinstance(node, ast.Attribute) and node.attr == key for node in ast.walk(function))
                found |= {f"{path.relative_to(PACKAGE)}: {function.name}"} if any(reads) else set()
    assert found == READERS[settings, key]
