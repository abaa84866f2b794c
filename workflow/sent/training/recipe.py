"""What follows from a method's parts: whether they fit, and what the loop must compute for them. No torch here."""

from collections.abc import Callable, Sequence

from sent.code_version import code_version
from sent.config import Lora, Method, Training, given, laid_over
from sent.errors import SentError, nearest
from sent.training import parts


def check(method: Method, where: str, allow_own_code: bool = False) -> None:
    """Raise :class:`SentError`, beginning with ``where``, if a method's parts or constants do not fit.

    Parts that are the user's own code are imported if ``allow_own_code``, and refused if not.
    """
    try:
        if (own := own_code(method)) and not allow_own_code:
            raise SentError(
                f"'{own[0]}' is code from outside the package; if you trust it, set `allow_own_code: true` in the experiment "
                "(by hand: --allow-own-code)"
            )
        _check(method)
    except SentError as error:
        raise SentError("\n".join(f"{where}: {line}" for line in str(error).splitlines())) from None


def _check(method: Method) -> None:
    parts.bind("reward", method.reward)
    parts.bind("advantage", method.advantage)
    parts.bind("weighting", method.weighting)
    surrogate(method)
    weighting = method.weighting
    if method.ratio == "sequence" and parts.TOKEN_RATIO in parts.needed_by("weighting", weighting):
        raise SentError(
            f"weighting '{weighting.name}' weighs the policy gradient of tokens, and `ratio: sequence` has one ratio for a "
            "whole response; set `ratio: token`, or take another weighting"
        )


def surrogate(method: Method) -> Callable:
    """Return the method's surrogate with its constants and bounds. Raises :class:`SentError` if they do not fit."""
    name = method.surrogate.name
    bounds, constants = {}, parts.constants_of("surrogate", name)
    for key in ("clip_low", "clip_high"):
        value = getattr(method, key)
        if key not in constants:
            if value is not None:
                raise SentError(f"surrogate '{name}' has no {key}, found {value}; set `{key}: null`")
        elif value is None:
            raise SentError(f"surrogate '{name}' needs {key}; give a number, or set `surrogate: unclipped`")
        else:
            bounds[key] = value
    return parts.bind("surrogate", method.surrogate, **bounds)


def training_of(method: Method, settings: Training) -> Training:
    """Return the settings of training with those of the method alone laid over them."""
    return Training.model_validate(laid_over(settings.model_dump(mode="json"), given(method.training)))


def check_keep(settings: Training, has_probe: bool) -> None:
    """Raise :class:`SentError` where the best policy is to be kept, and no probe says which that is."""
    if settings.keep == "best_probe" and not has_probe:
        raise SentError(
            "training.keep is 'best_probe', which needs a `probe`; give one, or keep the last policy"
        )


def updates_per_step(settings: Training) -> int:
    """Return the optimizer updates on each rollout. Raises :class:`SentError` if mini-batches would not be whole."""
    updates, rest = divmod(settings.prompts_per_step, settings.minibatch_prompts)
    if rest:
        raise SentError(
            f"training: minibatch_prompts ({settings.minibatch_prompts}) must divide prompts_per_step "
            f"({settings.prompts_per_step})"
        )
    return updates


def check_training(name: str, method: Method, settings: Training) -> None:
    """Refuse a method that the settings would leave without effect, and mini-batches that are not whole.

    On the first update of a rollout the policy is the old one, where only k1 has a gradient. Of k responses
    there is one set alone, so that pass@k needs more.
    """
    k = method.advantage.constants.get("k", 1)
    if k >= settings.responses_per_prompt:
        raise SentError(
            f"method '{name}': k ({k}) of its advantage must be less than training.responses_per_prompt "
            f"({settings.responses_per_prompt}), or all advantages are 0; lower it, or raise those"
        )
    is_without_effect = method.kl_anchor == "old" and method.kl_estimator != "k1"
    if updates_per_step(settings) < 2 and is_without_effect:
        raise SentError(
            f"method '{name}': its KL to the old policy has no gradient on the first update of a rollout, so it needs two "
            f"or more updates a rollout; set training.minibatch_prompts to half of prompts_per_step "
            f"({settings.prompts_per_step}) or less"
        )


def adapted_layers(lora: Lora, layers: Sequence[str], model: str) -> list[str]:
    """Return which linear ``layers`` of a model's decoder get adapters: those whose names are, or end in, a target.

    Raises :class:`SentError` for a target that names none of them, and for a model without any.
    """
    if not layers:
        raise SentError(f"training.lora: {model} has no linear layers (torch.nn.Linear); leave lora out")
    if lora.targets == "all-linear":
        return list(layers)
    chosen: set[str] = set()
    for target in lora.targets:
        found = [layer for layer in layers if f".{layer}".endswith(f".{target}")]
        if not found:
            known = {layer.rpartition(".")[2] for layer in layers}
            raise SentError(
                f"training.lora.targets: no linear layer in the decoder of {model} is called '{target}'{nearest(target, known)}"
            )
        chosen.update(found)
    return [layer for layer in layers if layer in chosen]


def needs_reference(method: Method) -> bool:
    """Return whether the loss needs log-probabilities under the reference."""
    return method.kl_anchor == "reference" or method.reference_kl > 0


def needs_current_policy(method: Method) -> bool:
    """Return whether tokens are weighed by what the policy that an update starts from says of them."""
    return parts.CURRENT_POLICY in parts.needed_by("weighting", method.weighting)


def needs_advantage(method: Method) -> bool:
    """Return whether the policy gradient is 0 where the advantage is."""
    return parts.ADVANTAGE in parts.needed_by("surrogate", method.surrogate)


def needs_clusters(method: Method) -> bool:
    """Return whether advantages look at which answers of a group mean the same."""
    return parts.CLUSTERS in parts.needed_by("advantage", method.advantage)


def needs_entropy_gradient(method: Method) -> bool:
    """Return whether the loss holds the entropy."""
    return method.entropy != 0


def own_code(method: Method) -> list[str]:
    """Return the names of a method's parts that are the user's own code."""
    names = [getattr(method, kind).name for kind in parts.FOLDERS]
    return [name for name in names if parts.is_own(name)]


def code(method: Method) -> str:
    """Return the version of the code that trains by a method: the loop's and that of the method's own parts alone."""
    names = {kind: getattr(method, kind).name for kind in parts.FOLDERS}
    modules = [parts.module_of(kind, name) for kind, name in names.items() if not parts.is_own(name)]
    return code_version("train", also=modules, files=map(parts.file_of, own_code(method)))
