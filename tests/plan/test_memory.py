"""Memory by phase against sums made by hand, and settings that make a training fit."""

from dataclasses import replace

import pytest
from sent.config import Architecture, ColocatedVllm, Decoding, Lora, Model, Resources, Training
from sent.plan.memory import RESERVED, TrainingMemory
from sent.plan.remedies import problems, remedy_of, with_adapters
from sent.plan.sizes import CPU, GIB, GPUS, Device, Shape

SIZES = Architecture(
    layers=4, hidden=64, intermediate=128, heads=4, kv_heads=2, vocabulary=1000, context=256, tied=True
)


def trainer(
    device: Device = GPUS["h100-80gb"], gpus: int = 1, reference: bool = False, **settings
) -> TrainingMemory:
    resources = settings.pop("resources", {})
    entry = Model(hub={"repo": "a/b"}, resources=Resources(gpus=gpus, **resources))
    return TrainingMemory(Shape(SIZES), entry, Training(**settings), reference, device)


def sums(one: TrainingMemory, phase: str, *parts: str) -> float:
    (found,) = [p for p in one.phases() if p.name == phase]
    return sum(found.parts[part] for part in parts)


@pytest.mark.parametrize(("strategy", "gpus", "shared_by"), [("fsdp2", 4, 4), ("zero3", 8, 8), ("ddp", 4, 1)])
def test_states_are_sixteen_bytes_a_weight_shared_out_as_zero_does(strategy, gpus, shared_by):
    """Rajbhandari et al. 2020, section 3.1: 16 bytes a weight for Adam in mixed precision; stage 3 divides all of it."""
    one = trainer(gpus=gpus, resources={"accelerate": strategy})
    kept_gradients = 4 * one.shape.parameters / shared_by
    states = sums(one, "backward", "weights", "optimizer") + kept_gradients
    per_weight = 18 if strategy == "zero3" else 16  # it keeps 16-bit weights, too
    assert states == pytest.approx(per_weight * one.shape.parameters / shared_by)
    assert sums(one, "backward", "gradients") >= kept_gradients


def test_a_single_gpu_keeps_everything():
    one = trainer(reference=True)
    weights = one.shape.parameters
    assert one.strategy == "one" and one.precision == "autocast"
    assert sums(one, "backward", "weights", "optimizer", "gradients") == 16 * weights
    assert sums(one, "backward", "gathered") == 2 * weights
    assert sums(one, "backward", "reference") == 2 * weights + 2 * one.embeddings
    assert "gradients" not in one.phases()[0].parts
    assert sums(one, "step", "gradients", "summing and stepping") == 4 * weights


def test_a_sharded_reference_and_the_weights_handed_to_vllm():
    one = trainer(gpus=4, reference=True, backend="vllm", vllm=ColocatedVllm(gpu_memory_utilization=0.5))
    assert sums(one, "rollout", "reference") == 2 * one.shape.parameters / 4
    assert (
        sums(one, "rollout", "handed to vLLM") == 6 * 1000 * 64
    )  # the head, whole in float32 and in 16 bits
    assert sums(one, "rollout", "vLLM") == 0.5 * one.device.memory
    assert one.engine_cache() == 0.5 * one.device.memory - 2 * one.shape.parameters - 2 * GIB


def test_a_sampler_that_cannot_read_split_weights_has_a_copy_of_its_own():
    assert "sampler's copy" not in trainer().states()
    assert trainer(gpus=4).states()["sampler's copy"] == 4 * trainer().shape.parameters
    assert "sampler's copy" not in trainer(gpus=4, backend="vllm").states()


@pytest.mark.parametrize("targets", ["all-linear", ["q_proj", "mlp.down_proj"]], ids=["all", "named"])
def test_adapters_have_gradients_and_moments_of_their_own_size(targets):
    transformers = pytest.importorskip("transformers")
    peft = pytest.importorskip("peft")
    model = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=SIZES.vocabulary, hidden_size=SIZES.hidden, intermediate_size=SIZES.intermediate,
            num_hidden_layers=SIZES.layers, num_attention_heads=SIZES.heads, num_key_value_heads=SIZES.kv_heads,
        )
    )  # fmt: skip
    lora = peft.LoraConfig(r=8, target_modules=targets, task_type="CAUSAL_LM")
    wrapped = peft.get_peft_model(model, lora)
    one = trainer(lora=Lora(rank=8, targets=targets))
    assert one.trained == sum(p.numel() for p in wrapped.parameters() if p.requires_grad)
    assert sums(one, "backward", "optimizer") == 8 * one.trained


def test_adapters_of_names_that_only_another_family_has_are_counted_as_all():
    assert trainer(lora=Lora(targets=["c_attn"])).trained == trainer(lora=Lora()).trained


def test_batches_are_no_larger_than_what_a_step_has():
    one = trainer(prompts_per_step=2, minibatch_prompts=1, responses_per_prompt=2, max_prompt_tokens=10,
                  decoding=Decoding(max_new_tokens=20))  # fmt: skip
    assert one.batch_tokens() == (4 * 30, 2 * 30)
    assert trainer(micro_batch_tokens=500).batch_tokens() == (65536, 500)


def test_without_a_gpu_the_job_s_memory_is_the_limit():
    one = trainer(device=CPU, resources={"mem_mb": 4000})
    assert one.precision == "float32"
    assert 3.3e9 < one.room() < 4000 * 2**20
    assert problems(replace(one, settings=Training(micro_batch_tokens=10**6, minibatch_prompts=256)))


def tight(**settings) -> TrainingMemory:
    """A training whose activations are too much for its GPU, unless some are recomputed or batches made smaller."""
    device = Device("small", RESERVED + 0.06 * GIB, 1e12, 1e12, 1e12)
    return trainer(device, max_prompt_tokens=56, decoding=Decoding(max_new_tokens=200), **settings)


def test_a_training_that_fits_has_no_problem_and_one_that_does_not_says_what_helps():
    assert problems(trainer()) == []
    wrong = problems(tight())
    assert any(sentence.startswith("backward needs") and "activations" in sentence for sentence in wrong)
    found = remedy_of(tight())
    assert found.fits and found.changes["training.gradient_checkpointing"] is True
    assert problems(found.trainer) == []
    changed = {key.removeprefix("training."): value for key, value in found.changes.items()}
    assert problems(tight(**changed)) == []  # the named settings are enough, set by hand
    longest = 256
    assert all(value >= longest for key, value in found.changes.items() if key.endswith("batch_tokens"))


def test_vllm_must_hold_its_weights_and_one_sequence():
    device = Device("small", RESERVED + 6 * GIB, 1e12, 1e12, 1e12)
    one = trainer(device, backend="vllm", vllm=ColocatedVllm(gpu_memory_utilization=0.1))
    assert any("it would not start" in sentence for sentence in problems(one))
    found = remedy_of(one)
    assert found.fits
    assert found.changes["training.vllm.gpu_memory_utilization"] > 0.25  # more than vLLM needs for itself


def test_machines_share_what_is_loaded():
    assert trainer(gpus=16, resources={"nodes": 2}).host() == pytest.approx(trainer(gpus=8).host())


def test_what_never_fits_is_said():
    device = Device("tiny", RESERVED + 1e6, 1e12, 1e12, 1e12)
    assert not remedy_of(trainer(device)).fits
    assert with_adapters(trainer(device)) is None
    assert with_adapters(trainer(lora=Lora())) is None


def test_what_waits_in_main_memory_is_not_on_the_gpu():
    plain, waiting = (trainer(reference=True, offload=o) for o in ([], ["optimizer", "reference"]))
    weights = plain.shape.parameters
    for phase, at_home in zip(plain.phases(), waiting.phases(), strict=True):
        assert "optimizer" not in at_home.parts
        assert ("reference" in at_home.parts) == (phase.name == "score")
    assert sums(plain, "backward", "optimizer") == 8 * weights
    visiting = sums(waiting, "step", "summing and stepping")
    assert visiting == 8 * 1000 * 64  # the state of the largest weight
    # While it loads, a process holds policy and reference in float32; later the moments and the reference.
    assert waiting.host() - plain.host() == waiting.reference()
    four, split = (trainer(gpus=4, reference=True, offload=o) for o in ([], ["optimizer", "reference"]))
    assert (
        "reference" not in split.phases()[1].parts
    )  # its layers come one by one: they are in what is gathered
    assert sums(four, "step", "optimizer") == 2 * weights and "optimizer" not in split.states()
    # On a CPU everything is in main memory anyway.
    on_cpu = trainer(device=CPU, reference=True, offload=["optimizer", "reference"])
    assert on_cpu.states() == trainer(device=CPU, reference=True).states()
    small = Device(
        "small", RESERVED + 14 * weights, 1e12, 1e12, 1e12
    )  # the moments alone are 8 bytes a weight
    found = remedy_of(trainer(small, micro_batch_tokens=1, scoring_batch_tokens=1, rollout_batch_tokens=1))
    assert found.fits and found.changes == {"training.offload": ["optimizer"]}
