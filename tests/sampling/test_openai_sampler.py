"""A server on loopback that fails in every way that servers fail."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sent.config import Decoding, Server
from sent.errors import SentError
from sent.sampling.openai_sampler import OpenAISampler
from sent.sampling.sampler import Completion, requests_for

DECODING = Decoding(max_new_tokens=5)
PROMPTS = {f"q{i}": (i, i + 1) for i in range(6)}


class FakeServer(ThreadingHTTPServer):
    """Answers with the prompt's first token; ``plan`` names what to do instead, request by request."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.bodies, self.keys, self.plan = [], [], []
        self.together = self.most_together = 0
        self.barrier = None
        self.lock = threading.Lock()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, *_):
        """Connections that clients break off are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        self.reply(200, {"data": [{"id": "first", "max_model_len": 100}, {"id": "second"}]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        with server.lock:
            server.bodies.append(body)
            server.keys.append(self.headers.get("Authorization"))
            step = server.plan.pop(0) if server.plan else "answer"
            server.together += 1
            server.most_together = max(server.most_together, server.together)
        if server.barrier:
            server.barrier.wait(5)
        with server.lock:
            server.together -= 1
        first, text = body["prompt"][0], f"answer to {body['prompt'][0]}"
        choice = {
            "text": text,
            "finish_reason": "stop",
            "token_ids": [first, 1],
            "logprobs": {"token_logprobs": [-0.5, -0.25]},
        }
        if step == "answer":
            self.reply(200, {"choices": [choice]})
        elif step == "text only":
            self.reply(200, {"choices": [{"text": text, "finish_reason": "length", "logprobs": None}]})
        elif step == "half a character":
            self.reply(200, {"choices": [{**choice, "text": "a\ud83d"}]})
        elif step == "one of two":
            self.reply(200, {"choices": [{**choice, "logprobs": {"token_logprobs": [-0.5]}}]})
        elif step == "cut off":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"choi')
        elif step == "nonsense":
            self.reply(200, ["?"])
        elif step == "unfinished":
            self.reply(200, {"choices": [{**choice, "finish_reason": "abort"}]})
        else:
            self.reply(step, {"error": {"message": f"no: {step}"}})

    def reply(self, status, content):
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def server():
    server = FakeServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def sampler(server, journal=None, **settings):
    settings = {"concurrency": 2, "retries": 2, "timeout_seconds": 10, **settings}
    return OpenAISampler(Server(base_url=server.url, **settings), journal, first_pause=0.001)


def test_completions_in_the_order_of_the_requests(server):
    requests = requests_for(PROMPTS, 2, "test")
    found = sampler(server).sample(requests, DECODING)
    assert [c.text for c in found] == [f"answer to {i}" for i in range(6) for _ in range(2)]
    assert found[2].token_ids == [1, 1] and found[2].logprobs == [-0.5, -0.25]
    assert {c.finish_reason for c in found} == {"stop"}


def test_what_is_asked(server, monkeypatch):
    monkeypatch.setenv("MY_KEY", "secret")
    decoding = Decoding(temperature=0.5, top_p=0.9, top_k=50, max_new_tokens=7, stop=["\n\n"])
    requests = requests_for({"q": (5, 6)}, 2, "test")
    found = sampler(server, api_key_env="MY_KEY", concurrency=1).sample(requests, decoding)
    first, second = server.bodies
    expected = {
        "model": "first",
        "prompt": [5, 6],
        "max_tokens": 7,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 50,
        "stop": ["\n\n"],
    }
    assert expected.items() <= first.items()
    assert first["seed"] == requests[0].seed % 2**31 and first["seed"] != second["seed"]
    assert server.keys == ["Bearer secret"] * 2
    # The server tells log-probabilities at temperature 1, which are not those of this decoding
    assert found[0].logprobs == []


def test_the_context_bounds_the_response(server):
    requests = requests_for({"long": (7,) * 90}, 1, "test")
    sampler(server).sample(requests, Decoding(max_new_tokens=50))
    assert server.bodies[0]["max_tokens"] == 10
    with pytest.raises(SentError, match="question long: its prompt has 100 tokens"):
        sampler(server).sample(requests_for({"long": (7,) * 100}, 1, "test"), DECODING)


def test_a_named_model(server):
    sampler(server, model="second").sample(requests_for(PROMPTS, 1, "test"), DECODING)
    assert {body["model"] for body in server.bodies} == {"second"}
    with pytest.raises(SentError, match="has no model 'secnd'; did you mean 'second'"):
        sampler(server, model="secnd").sample([], DECODING)


def test_a_server_that_tells_text_only(server):
    server.plan = ["text only"]
    (found,) = sampler(server).sample(requests_for({"q": (3, 4)}, 1, "test"), DECODING)
    assert found == Completion([], [], "length", "answer to 3")


def test_half_a_character_and_missing_log_probabilities(server):
    server.plan = ["half a character", "one of two"]
    first, second = sampler(server, concurrency=1).sample(requests_for({"q": (3, 4)}, 2, "test"), DECODING)
    assert (first.text, first.logprobs) == ("a\ufffd", [-0.5, -0.25])
    # A sum over some of the tokens is none of the response
    assert (second.token_ids, second.logprobs) == ([3, 1], [])


def test_an_address_that_is_none():
    with pytest.raises(SentError, match="give `base_url` as http://"):
        OpenAISampler(Server(base_url="127.0.0.1:80/v1")).sample([], DECODING)


def test_passing_failures_are_tried_again(server):
    server.plan = [429, 503, "answer", "cut off", "nonsense", "answer", "unfinished", 500]
    requests = requests_for(PROMPTS, 1, "test")
    found = sampler(server, concurrency=1).sample(requests, DECODING)
    assert [c.text for c in found] == [f"answer to {i}" for i in range(6)]
    assert len(server.bodies) == 6 + 6


def test_a_refusal_is_told_at_once(server):
    server.plan = [400]
    with pytest.raises(SentError, match=r"/completions: status 400: .*no: 400"):
        sampler(server, concurrency=1).sample(requests_for(PROMPTS, 1, "test"), DECODING)
    assert len(server.bodies) == 1


def test_no_server():
    with pytest.raises(SentError, match=r"the list of models: failed 3 times, at last: .*refused"):
        settings = Server(base_url="http://127.0.0.1:9/v1", retries=2)
        OpenAISampler(settings, first_pause=0.001).sample(requests_for(PROMPTS, 1, "test"), DECODING)


def test_what_was_sampled_is_kept_when_the_server_dies(server, tmp_path):
    journal = tmp_path / "answered.jsonl"
    requests = requests_for(PROMPTS, 1, "test")
    server.plan = ["answer"] * 4 + [503] * 3
    with pytest.raises(SentError, match=r"failed 3 times.*4 responses are kept, run again for the rest"):
        sampler(server, journal, concurrency=1).sample(requests, DECODING)
    # A process that was killed leaves half a line, a failing disk anything at all
    bad = [
        b'["ab", {"token',
        b"7",
        b'["ab", 7]',
        b'["ab"]',
        b"\xff\x00",
        b'["ab", {"token_ids": "no"}]',
        b"[" * 9999,
    ]
    with journal.open("ab") as file:
        file.write(b"\n" + b"\n".join(bad))
    server.bodies.clear()
    found = sampler(server, journal, concurrency=1).sample(requests, DECODING)
    assert [c.text for c in found] == [f"answer to {i}" for i in range(6)]
    assert found[0].token_ids == [0, 1] and found[0].logprobs == [-0.5, -0.25]
    assert [body["prompt"][0] for body in server.bodies] == [4, 5]
    # Another decoding is another question
    server.bodies.clear()
    sampler(server, journal).sample(requests, Decoding(max_new_tokens=6))
    assert len(server.bodies) == 6


def test_no_more_requests_at_once_than_allowed(server):
    server.barrier = threading.Barrier(3)
    sampler(server, concurrency=3).sample(requests_for(PROMPTS, 1, "test"), DECODING)
    assert server.most_together == 3
