"""When a colocated vLLM engine takes memory, and when it gives it back."""

from sent.sampling import vllm_sampler
from sent.sampling.vllm_sampler import VllmSampler


def test_weights_come_before_the_cache_and_neither_before_training_s_memory_is_free(monkeypatch):
    calls = []

    class Engine:
        def wake_up(self, tags):
            calls.append(f"wake {tags}")

        def collective_rpc(self, what, kwargs):
            calls.append(f"{what} {list(kwargs['weights_iterator'])}")

        def reset_prefix_cache(self):
            calls.append("reset")
            return True

        def sleep(self, level):
            calls.append(f"sleep {level}")

    sampler = VllmSampler.__new__(VllmSampler)
    sampler.engine, sampler.can_sleep, sampler.replaceable = Engine(), True, True
    monkeypatch.setattr(vllm_sampler, "free_cache", lambda: calls.append("free"))
    with sampler.awake([("head", 7)]):
        calls.append("rollout")
    assert calls == [
        "free", "wake ['weights']", "reload_weights [('head', 7)]", "reset", "free", "wake ['kv_cache']", "rollout", "sleep 2",
    ]  # fmt: skip
