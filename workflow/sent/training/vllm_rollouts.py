"""Rollouts by a vLLM engine that shares the process and the GPU with the trainer."""

import contextlib

from sent.config import Model, Training


class VllmRollouts:
    """Brings the engine the policy's weights before each rollout and lets it sleep afterwards."""

    def __init__(self, sampler, weights):
        """``sampler`` is a :class:`~sent.sampling.vllm_sampler.VllmSampler`; ``weights()`` gives names and tensors."""
        self.sampler, self.weights = sampler, weights

    @contextlib.contextmanager
    def __call__(self):
        """Wake the engine with the current weights for the time of the block."""
        self.sampler.wake_up()
        self.sampler.update_weights(self.weights())
        yield
        self.sampler.sleep()


def colocated(folder: str, model: Model, settings: Training, accelerator, policy):
    """Return a vLLM sampler that starts from ``folder``, and the context in which it samples the policy's weights."""
    from sent.sampling.vllm_sampler import VllmSampler

    sampler = VllmSampler(folder, model, settings.vllm, settings.decoding.temperature)
    sampler.sleep()

    def weights():
        core = accelerator.unwrap_model(policy).model
        merged = hasattr(core, "merge_adapter")
        if merged:
            core.merge_adapter()
        base = core.get_base_model() if merged else core
        for name, value in base.state_dict().items():
            if "lora_" not in name:
                whole = value.full_tensor() if hasattr(value, "full_tensor") else value
                yield name.replace(".base_layer", ""), whole.clone() if merged else whole
        if merged:
            core.unmerge_adapter()

    return sampler, VllmRollouts(sampler, weights)
