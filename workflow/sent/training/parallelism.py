"""How a model lies on several devices: a copy on each, or split by FSDP2 or by DeepSpeed ZeRO-3.

What differs between them is here, so that the loop reads the same for all: how models are prepared, when
gradients are exchanged, who takes the optimizer's step, and how a whole weight is had from its pieces.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType
from torch import Tensor, nn
from torch.optim import Optimizer

from sent.errors import SentError
from sent.training.offloaded_adamw import OffloadedAdamW
from sent.training.policy import language_model

Check = Callable[[float], None]
"""What looks at a gradient's norm, and raises where it does not like it."""


def parallelism_of(accelerator: Accelerator) -> "Replicated":
    """Return the way that `accelerate launch` was asked for."""
    kinds = {DistributedType.FSDP: FullyShardedFsdp2, DistributedType.DEEPSPEED: ShardedZero3}
    return kinds.get(accelerator.distributed_type, Replicated)(accelerator)


class Replicated:
    """A whole copy in every process, of one or many (distributed data parallel).

    A ``policy`` is a :class:`sent.training.policy.Policy`, from :meth:`prepare` on in what DDP, FSDP2 or DeepSpeed make of it.
    """

    is_sharded = False
    steps_unseen = False
    """Whether the optimizer steps before the gradient's norm is known."""

    def __init__(self, accelerator: Accelerator):
        self.accelerator = accelerator

    def prepare(self, policy: Any, optimizer: Optimizer, max_grad_norm: float) -> tuple[Any, Any]:
        """Return policy and optimizer, laid out for training."""
        return self.accelerator.prepare(policy, optimizer)

    def prepare_frozen(self, policy: Any, offload: bool = False) -> nn.Module:
        """Return a policy in float32 that is only asked for log-probabilities, laid out likewise.

        It computes as the trained one does: what is split is rounded to 16 bits as a whole, what is whole under autocast.
        With ``offload`` its weights stay in main memory until a pass needs them: all at once if it is whole, else layer by
        layer.
        """
        if self.accelerator.mixed_precision == "bf16":
            policy.keep_factors_in(torch.bfloat16)
            policy.forward = torch.autocast(self.accelerator.device.type, torch.bfloat16)(policy.forward)
        if offload:
            policy.visit(self.accelerator.device)
            return policy
        return policy.to(self.accelerator.device)

    def _rounded(self, policy: Any) -> nn.Module:
        """A frozen policy in the format that pieces of weights are put together in."""
        half = self.accelerator.mixed_precision == "bf16"
        return policy.to(torch.bfloat16 if half else torch.float32).requires_grad_(False)

    def backward(self, policy: Any, loss: Tensor, is_last: bool) -> None:
        """Add the gradient of a micro-batch's loss; after the last one it is the MEAN over processes."""
        self.accelerator.backward(loss)

    def exchanging(self, policy: Any, is_last: bool) -> AbstractContextManager[None]:
        """Return the context of a micro-batch's passes: gradients are exchanged after the last one only.

        Of split models they are after every one: gradients kept back would be whole ones, on every GPU.
        """
        at_once = is_last or self.is_sharded
        return contextlib.nullcontext() if at_once else self.accelerator.no_sync(policy)

    def put_back(self, policy: Any) -> None:
        """Split again what a pass without gradients has left whole; after a backward pass it is so already.

        What waits in main memory goes back there.
        """
        self.accelerator.unwrap_model(policy).leave()

    def clip(self, policy: Any, max_grad_norm: float) -> Tensor:
        """Clip the gradient; return its norm before that."""
        return self.accelerator.clip_grad_norm_(policy.parameters(), max_grad_norm)

    def step(self, policy: Any, optimizer: Optimizer, max_grad_norm: float, check: Check) -> float:
        """Clip, step, and forget the gradient; return its norm."""
        norm = float(self.clip(policy, max_grad_norm))
        check(norm)
        optimizer.step()
        optimizer.zero_grad()
        return norm

    def whole(self, parameter: Tensor) -> Tensor:
        """Return a whole weight. Every process must ask for the same ones in the same order."""
        return parameter.detach()

    def trained(self, policy: Any) -> dict[str, Tensor]:
        """Return what the optimizer changes, by name: the tensors that its state belongs to."""
        named = self.accelerator.unwrap_model(policy).named_parameters()
        return {name: parameter for name, parameter in named if parameter.requires_grad}

    def optimizer_states(self, policy: Any, optimizer: Optimizer) -> dict[Tensor, dict[str, Tensor]]:
        """Return the optimizer's state of each tensor of :meth:`trained` that has some."""
        return optimizer.state

    def overwriting(self, policy: Any) -> AbstractContextManager[None]:
        """Return the context in which the tensors of :meth:`trained` get other values, on all processes."""
        return contextlib.nullcontext()

    def language_model(self, policy: Any) -> Any:
        """Return the language model inside a policy, its layers wrapped by adapters if it has some."""
        return language_model(self.accelerator.unwrap_model(policy).model)

    def weights(self, policy: Any, dtype: torch.dtype) -> Iterator[tuple[str, Tensor]]:
        """Yield every weight of the language model under its own name, whole, in ``dtype``, adapters merged.

        One at a time: no process holds them all. A weight that two layers share comes under both names. Every
        process must take them to the end.
        """
        base = self.language_model(policy)
        parameters = dict(base.named_parameters(remove_duplicate=False))
        for name, parameter in parameters.items():
            if ".lora_" in name:
                continue
            value = self.whole(parameter)
            layer = name.removesuffix(".base_layer.weight")
            if layer != name:
                factors = [self.whole(parameters[f"{layer}.lora_{x}.default.weight"]) for x in "BA"]
                value = value + base.get_submodule(layer).scaling["default"] * (factors[0] @ factors[1])
            yield name.replace(".base_layer", ""), value.to(dtype)


class FullyShardedFsdp2(Replicated):
    """Weights, gradients and optimizer split by PyTorch's ``fully_shard``, layer by layer."""

    is_sharded = True

    def __init__(self, accelerator: Accelerator):
        super().__init__(accelerator)
        if not accelerator.is_fsdp2:
            raise SentError("training: FSDP of version 1 is not supported; set fsdp_version: 2")
        if accelerator.mixed_precision == "bf16":
            from torch.distributed.fsdp import MixedPrecisionPolicy

            # accelerate's own policy would round log-probabilities and summed gradients to 16 bits.
            accelerator.state.fsdp_plugin.mixed_precision_policy = MixedPrecisionPolicy(
                param_dtype=torch.bfloat16, reduce_dtype=torch.float32
            )

    def prepare_frozen(self, policy: Any, offload: bool = False) -> nn.Module:
        from accelerate.utils.fsdp_utils import fsdp2_prepare_model
        from torch.distributed.fsdp import CPUOffloadPolicy

        plugin = self.accelerator.state.fsdp_plugin
        trained = plugin.cpu_offload
        if offload:
            plugin.cpu_offload = CPUOffloadPolicy(pin_memory=torch.cuda.is_available())
        try:
            return fsdp2_prepare_model(self.accelerator, self._rounded(policy))
        finally:
            plugin.cpu_offload = trained

    def put_back(self, policy: Any) -> None:
        policy.reshard()  # the outermost module keeps its own weights whole after a forward pass

    def clip(self, policy: Any, max_grad_norm: float) -> Tensor:
        norm = super().clip(policy, max_grad_norm)
        return norm.full_tensor() if hasattr(norm, "full_tensor") else norm

    def whole(self, parameter: Any) -> Tensor:
        return parameter.detach().full_tensor()  # of a DTensor


class ShardedZero3(Replicated):
    """Weights, gradients and optimizer split by DeepSpeed, whose engine clips and steps by itself."""

    is_sharded = steps_unseen = True

    def __init__(self, accelerator: Accelerator):
        super().__init__(accelerator)
        self.settings = accelerator.state.deepspeed_plugin.deepspeed_config
        if self.settings["zero_optimization"]["stage"] != 3:
            raise SentError("training: of DeepSpeed, ZeRO stage 3 is supported; set zero_stage: 3")
        from transformers.integrations.deepspeed import unset_hf_deepspeed_config

        # Else transformers would split models while loading them, before they can be checked.
        unset_hf_deepspeed_config()
        # Batches are cut by tokens and averaged by us; the engine only wants to know some number.
        self.settings["train_micro_batch_size_per_gpu"] = 1
        if accelerator.mixed_precision == "bf16":
            self.settings |= {"communication_data_type": "fp32", "data_types": {"grad_accum_dtype": "fp32"}}

    def prepare(self, policy: Any, optimizer: Optimizer, max_grad_norm: float) -> tuple[Any, Any]:
        self.settings["gradient_clipping"] = max_grad_norm
        if isinstance(optimizer, OffloadedAdamW):
            # DeepSpeed keeps weights in float32 and state in main memory, and steps there; by our AdamW, not one to compile.
            self.settings["zero_optimization"]["offload_optimizer"] = {"device": "cpu"}
            self.settings["zero_force_ds_cpu_optimizer"] = False
        return super().prepare(policy, optimizer, max_grad_norm)

    def prepare_frozen(self, policy: Any, offload: bool = False) -> nn.Module:
        import deepspeed

        kept = ("train_micro_batch_size_per_gpu", "bf16", "zero_optimization")
        settings = {key: self.settings[key] for key in kept if key in self.settings}
        places = {
            "offload_optimizer": {"device": "none"},
            "offload_param": {"device": "cpu" if offload else "none"},
        }
        settings["zero_optimization"] = settings["zero_optimization"] | places
        engine, *_ = deepspeed.initialize(model=self._rounded(policy), config=settings)
        return engine

    def put_back(self, policy: Any) -> None:
        """The engine splits its weights again by itself."""

    def backward(self, policy: Any, loss: Tensor, is_last: bool) -> None:
        policy.set_gradient_accumulation_boundary(is_boundary=is_last)
        policy.backward(loss)

    def step(self, policy: Any, optimizer: Optimizer, max_grad_norm: float, check: Check) -> float:
        """Step first, check then: the engine tells the norm no sooner."""
        policy.step()
        norm = float(policy.get_global_grad_norm())
        check(norm)
        return norm

    def whole(self, parameter: Tensor) -> Tensor:
        from deepspeed import zero

        with zero.GatheredParameters([parameter]):
            return parameter.detach().clone()

    def trained(self, policy: Any) -> dict[str, Tensor]:
        """Return this process's share of each group of weights, in float32, which the engine holds beside the model."""
        groups = policy.optimizer.fp32_partitioned_groups_flat
        return {f"group{number:05d}": group for number, group in enumerate(groups)}

    def optimizer_states(self, policy: Any, optimizer: Optimizer) -> dict[Tensor, dict[str, Tensor]]:
        return policy.optimizer.optimizer.state

    @contextlib.contextmanager
    def overwriting(self, policy: Any) -> Iterator[None]:
        """Take the model's weights from the engine's groups afterwards, as the engine does after a step.

        Its own checkpoints would be pickles, which run what is in them.
        """
        engine = policy.optimizer
        engine.checkpoint_event_prologue()
        yield
        for number in range(len(engine.fp32_partitioned_groups_flat)):
            engine._reassign_or_swap_out_partitioned_parameters(number)
        engine.checkpoint_event_epilogue()
