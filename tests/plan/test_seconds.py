"""Times are those of the slowest of arithmetic, traffic and launches, worked out by hand."""

import pytest
from sent.config import Architecture, Decoding, Method, Model, Resources, Training
from sent.plan.memory import TrainingMemory
from sent.plan.seconds import (
    ARITHMETIC,
    BANDWIDTH,
    ENGINE_STEP,
    HOST_LINK,
    LAUNCH,
    OPTIMIZER_BYTES,
    Lengths,
    Runner,
    TrainingTime,
)
from sent.plan.sizes import CPU, Device, Shape

SHAPE = Shape(
    Architecture(layers=10, hidden=512, intermediate=2048, heads=8, kv_heads=2, vocabulary=5000, context=4096)
)
SLOW = Device("slow", 80e9, 1e12, 1e12, 1e11)
"""Arithmetic is what it waits for."""


def test_arithmetic_or_launches_of_a_gpu_and_both_of_a_cpu():
    gpu = Runner(SHAPE, SLOW, 1, 2)
    assert gpu.compute(4e12, 10) == 4e12 / (ARITHMETIC * 1e12)
    assert gpu.compute(1, 1000) == pytest.approx(1000 * LAUNCH)
    cpu = Runner(SHAPE, CPU, 2, 4)  # two threads
    assert cpu.compute(1e10, 100) == pytest.approx(1e10 / (ARITHMETIC * 2 * CPU.flops) + 100 * LAUNCH)


def test_decoding_reads_weights_and_cache_at_each_step():
    """100 responses of 50 tokens at once: 50 steps, each as long as reading weights and cache takes."""
    fast = Device("fast", 80e9, 1e18, 1e12, 1e11)
    seconds = Runner(SHAPE, fast, 1, 2).generate(100, 0, 50, 100, cache=1e12, engine=True)
    traffic = 2 * SHAPE.parameters + 100 * 25 * SHAPE.cache_bytes(2)
    assert seconds == pytest.approx(50 * (traffic / (BANDWIDTH * 1e12) + ENGINE_STEP), rel=0.01)
    # With room for ten at a time there are ten times as many steps, each of which reads all weights again.
    room = 10 * 25 * SHAPE.cache_bytes(2)
    tenth = 2 * SHAPE.parameters + room
    slower = Runner(SHAPE, fast, 1, 2).generate(100, 0, 50, 100, cache=room, engine=True)
    assert slower == pytest.approx(500 * (tenth / (BANDWIDTH * 1e12) + ENGINE_STEP), rel=0.01)
    assert Runner(SHAPE, fast, 1, 2).generate(0, 0, 50, 1, cache=room, engine=True) == 0


def step(gpus: int = 1, method: dict | None = None, **settings) -> TrainingTime:
    entry = Model(hub={"repo": "a/b"}, resources=Resources(gpus=gpus))
    chosen = Training(
        prompts_per_step=64, responses_per_prompt=8, minibatch_prompts=32,
        decoding=Decoding(max_new_tokens=1000), **settings,
    )  # fmt: skip
    trainer = TrainingMemory(SHAPE, entry, chosen, False, SLOW)
    return TrainingTime(trainer, Method(**(method or {})), Lengths(100, 900, False), 1, 1)


def test_an_update_is_six_operations_a_weight_and_token():
    """Hoffmann et al. 2022: C = 6ND, with attention; logits of responses only, once more in the backward pass."""
    one = step()
    tokens, responses = 512 * 1000, 512 * 900
    body = tokens * 10 * (2 * SHAPE.layer_matrices + 4 * 512 * 500)
    head = responses * 2 * 5000 * 512
    flops = 3 * (body + head) + head
    optimizer = 2 * OPTIMIZER_BYTES * SHAPE.parameters / (BANDWIDTH * 1e12)
    assert one.tokens == tokens
    assert one.phases()["update"] == pytest.approx(flops / (ARITHMETIC * 1e12) + optimizer, rel=1e-6)
    recomputed = step(gradient_checkpointing=True).phases()["update"]
    assert recomputed - one.phases()["update"] == pytest.approx((body + head) / (ARITHMETIC * 1e12), rel=1e-6)
    half = step(gradient_checkpointing=0.5).phases()["update"]
    assert half - one.phases()["update"] == pytest.approx((body + head) / 2 / (ARITHMETIC * 1e12), rel=1e-6)


def test_scoring_is_repeated_by_methods_that_weigh_tokens_and_by_a_reference():
    plain = step().phases()["score"]
    # `mask` looks at its tokens again before the second of two updates, at half of the sequences.
    mask = {"weighting": {"mask": {"share": 0.2}}}
    assert step(method=mask).phases()["score"] == pytest.approx(1.5 * plain)
    assert step(method={"reference_kl": 0.1}).phases()["score"] == pytest.approx(2 * plain)


def test_what_waits_in_main_memory_comes_and_goes():
    plain, waiting = (
        step(method={"reference_kl": 0.1}, offload=o).phases() for o in ([], ["optimizer", "reference"])
    )
    moments, updates = 8 * SHAPE.parameters, 2
    assert waiting["update"] - plain["update"] == pytest.approx(updates * 2 * moments / HOST_LINK, rel=1e-6)
    reference = 2 * SHAPE.parameters + 2 * SHAPE.head * (1 if SHAPE.sizes.tied else 2)
    assert waiting["score"] - plain["score"] == pytest.approx(2 * reference / HOST_LINK, rel=1e-6)


def test_gpus_share_the_work_and_pay_for_exchanging_weights():
    one, four = step().phases(), step(gpus=4).phases()
    assert four["score"] == pytest.approx(one["score"] / 4)
    narrow = Device("narrow", 80e9, 1e12, 1e12, 1e6)  # a link so slow that the exchange is all there is
    sharded = step(gpus=4)
    slow = TrainingTime(
        TrainingMemory(SHAPE, sharded.trainer.model, sharded.trainer.settings, False, narrow),
        sharded.method, sharded.lengths, 1, 1,
    )  # fmt: skip
    batches = -(-512 * 1000 // 4 // 65536)
    assert slow.phases()["score"] == pytest.approx(batches * 2 * SHAPE.parameters * 0.75 / 1e6)


def test_dynamic_sampling_may_draw_every_round():
    often, once = (step(dynamic_sampling_rounds=n).phases()["rollout"] for n in (2, 0))
    assert often == pytest.approx(3 * once)


def test_asking_the_probe_is_a_rollout_and_one_scoring_pass_of_its_size():
    method = {"reference_kl": 0.1}
    asked = step(method=method, dynamic_sampling_rounds=2).asking(64, 8)
    plain = step().phases()
    assert asked.tokens == 64 * 8 * 1000
    assert (asked.phases()["rollout"], asked.phases()["score"]) == pytest.approx(
        (plain["rollout"], plain["score"])
    )
    assert step().asking(16, 8).phases()["score"] == pytest.approx(plain["score"] / 4, rel=0.01)
