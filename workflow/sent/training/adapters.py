"""Low-rank adapters (peft) around linear layers of a policy's decoder."""

from typing import Any

from torch import nn

from sent.config import Lora
from sent.errors import SentError
from sent.training import recipe


def adapted(model: Any, lora: Lora) -> Any:
    """Return a causal language model with adapters around the layers that ``lora.targets`` names, nothing else trained.

    Raises :class:`SentError` without peft, and where :func:`sent.training.recipe.adapted_layers` does: peft itself passes
    over a name that no layer has, as long as another one fits.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise SentError(
            f"training.lora: needs peft ({error}); `pip install 'sent-rlvr[lora]'`, or leave lora out"
        ) from None
    decoder = {id(module) for module in model.get_decoder().modules()}
    modules = [(name, module) for name, module in model.named_modules() if id(module) in decoder]
    layers = [name for name, module in modules if isinstance(module, nn.Linear)]
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type] # divided by the rank: need not be whole
        target_modules=recipe.adapted_layers(lora, layers, model.config.name_or_path),
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, config)
