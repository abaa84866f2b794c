"""An engine of vLLM in processes of its own, one of which is killed: one error, nothing half-made, nobody left behind."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from sent import tables

pytestmark = [pytest.mark.vllm, pytest.mark.slow, pytest.mark.timeout(1200)]

QUESTIONS, N = 9, 112
"""More than 1,000 requests: progress is shown."""

ENDED = "vllm cannot go on: a process of its engine is gone"
FAILED = "vllm cannot go on: RuntimeError: Engine core init"


@pytest.fixture(scope="module")
def folder(make_model, tokenizer, tmp_path_factory):
    pytest.importorskip("vllm")
    folder = tmp_path_factory.mktemp("killed")
    make_model(2, head_dim=32, max_position_embeddings=512).save_pretrained(folder / "policy")
    tokenizer.save_pretrained(folder / "policy")
    rows = [
        {"question_id": f"q{i}", "question": f"what is {i} + 2 ?", "answer": "4"} for i in range(QUESTIONS)
    ]
    tables.write(folder / "questions.parquet", tables.table(tables.QUESTIONS, rows))
    return folder


def job(folder, separate, parts=1):
    """The command that samples, and its environment."""
    model = {"chat": False, "prompt": "{question}", "dtype": "float32"}
    vllm = {"gpu_memory_utilization": 0.1, "enforce_eager": True, "max_model_len": 448}
    settings = {"backend": "vllm", "n": N, "decoding": {"max_new_tokens": 300}}
    settings["vllm"] = vllm | {"tensor_parallel": parts}
    command = [sys.executable, "-m", "sent", "sampling", "--policy", str(folder / "policy")]
    command += ["--questions", str(folder / "questions.parquet"), "--output", str(folder / "samples.parquet")]
    command += ["--model", json.dumps(model), "--settings", json.dumps(settings)]
    environment = os.environ | {
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",  # a machine may have fewer NUMA nodes than the engine has parts
        "TORCHDYNAMO_DISABLE": "1",
        "VLLM_ENABLE_V1_MULTIPROCESSING": str(int(separate)),
    }
    return command, environment


@pytest.mark.parametrize(
    ("separate", "parts", "victim", "at_work", "error"),
    [
        pytest.param(True, 1, "EngineCore", False, FAILED, id="engine as it starts"),
        pytest.param(True, 1, "EngineCore", True, ENDED, id="engine"),
        pytest.param(True, 2, "Worker_TP1", True, ENDED, id="part of an engine"),
        pytest.param(False, 2, "Worker_TP1", True, ENDED, id="part of an engine in the job"),
    ],
)
def test_a_killed_process_of_an_engine_is_one_error(
    folder, tmp_path, separate, parts, victim, at_work, error
):
    import psutil

    def children():
        with contextlib.suppress(psutil.NoSuchProcess):  # others come and go
            own = psutil.Process(running.pid).children(recursive=True)
            return {child: " ".join(child.cmdline()) for child in own}
        return {}

    before, path = sorted(folder.rglob("*")), tmp_path / "log"
    command, environment = job(folder, separate, parts)
    with path.open("w") as log:
        running = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        own, chosen = {}, None
        while chosen is None and running.poll() is None:
            time.sleep(0.1)
            if not at_work or re.search(r"Processed prompts: +[1-9]", path.read_text()):
                own = children()
                chosen = next((child for child, name in own.items() if victim in name), None)
        assert running.poll() is None, path.read_text()[-3000:]
        chosen.send_signal(signal.SIGKILL)
        status = running.wait(timeout=60)
    finally:
        running.kill()
    said = path.read_text().splitlines()
    # vLLM's processes may have the last word.
    errors = [line for line in said if line.startswith("error: ")]
    assert status == 1 and len(errors) == 1 and error in errors[0], said[-20:]
    assert sorted(folder.rglob("*")) == before
    assert psutil.wait_procs(own, timeout=60)[1] == []


KILL_AT_FIRST_QUESTION = """
import sys
import psutil
from vllm.v1.engine.core_client import SyncMPClient
from sent.__main__ import main

ask = SyncMPClient.call_utility

def kill_and_ask(client, *question):
    for child in psutil.Process().children(recursive=True):
        if "EngineCore" in " ".join(child.cmdline()):
            child.kill()
    return ask(client, *question)

SyncMPClient.call_utility = kill_and_ask
sys.exit(main(sys.argv[1:]))
"""


def test_an_engine_killed_between_its_start_and_the_first_request_is_one_error(folder):
    before = sorted(folder.rglob("*"))
    command, environment = job(folder, separate=True)
    command[1:3] = ["-c", KILL_AT_FIRST_QUESTION]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    errors = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
    assert run.returncode == 1 and len(errors) == 1, run.stderr[-3000:]
    assert "vllm cannot go on: EngineDeadError" in errors[0]
    assert sorted(folder.rglob("*")) == before


def test_the_next_run_is_whole(folder):
    command, environment = job(folder, separate=True)
    subprocess.run(command, env=environment, check=True, capture_output=True)
    assert tables.count(folder / "samples.parquet") == QUESTIONS * N
