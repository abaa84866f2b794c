"""A vLLM engine in a process of its own that is killed as it starts: one error, nothing half-made, the next run is whole.

Killed amid sampling it leaves vLLM 0.32's client waiting for ever; by default the engine is in the job's own process.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from sent import tables

pytestmark = [pytest.mark.vllm, pytest.mark.slow, pytest.mark.timeout(1200)]

SETTINGS = {
    "backend": "vllm",
    "n": 112,
    "decoding": {"max_new_tokens": 300},
    "vllm": {"gpu_memory_utilization": 0.1, "enforce_eager": True, "max_model_len": 448},
}


def test_an_engine_killed_as_it_starts_is_one_error_and_the_work_is_done_again(
    make_model, tokenizer, tmp_path
):
    pytest.importorskip("vllm")
    import psutil

    folder, output = tmp_path / "policy", tmp_path / "samples.parquet"
    make_model(2, head_dim=32, max_position_embeddings=512).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    rows = [{"question_id": f"q{i}", "question": f"what is {i} + 2 ?", "answer": "4"} for i in range(9)]
    tables.write(tmp_path / "questions.parquet", tables.table(tables.QUESTIONS, rows))
    model = {"chat": False, "prompt": "{question}", "dtype": "float32"}
    command = [sys.executable, "-m", "sent", "sampling", "--policy", str(folder), "--output", str(output)]
    command += ["--questions", str(tmp_path / "questions.parquet"), "--model", json.dumps(model)]
    command += ["--settings", json.dumps(SETTINGS)]
    environment = os.environ | {
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "TORCHDYNAMO_DISABLE": "1",
        "VLLM_ENABLE_V1_MULTIPROCESSING": "1",
    }
    with (tmp_path / "log").open("w+") as log:
        job = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        engine = None
        while engine is None and job.poll() is None:
            time.sleep(0.2)
            with contextlib.suppress(psutil.NoSuchProcess):  # others come and go
                own = psutil.Process(job.pid).children(recursive=True)
                engine = next((child for child in own if "EngineCore" in " ".join(child.cmdline())), None)
        assert job.poll() is None, (tmp_path / "log").read_text()[-3000:]
        engine.send_signal(signal.SIGKILL)
        status = job.wait(timeout=300)
        log.seek(0)
        said = log.read().splitlines()
    assert (status, output.exists()) == (1, False), said[-20:]
    # Processes that the engine leaves behind may have the last word.
    errors = [line for line in said if line.startswith("error: ")]
    assert len(errors) == 1 and "vllm cannot go on: RuntimeError: Engine core init" in errors[0], said[-20:]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    assert tables.count(output) == 9 * 112
