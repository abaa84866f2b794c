"""The policy as training sees it: sequences in, log-probabilities and entropies of response tokens out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers.modeling_layers import GradientCheckpointingLayer

from sent.config import Model
from sent.errors import SentError
from sent.models import architecture
from sent.models.loading import load_model, load_tokenizer
from sent.training.batch import Batch, offsets_of
from sent.training.logprobs import token_logprobs
from sent.training.recomputation import keeping


@dataclass(frozen=True)
class Sequences:
    """Prompts and responses, padded on the right for the model, or packed into one row.

    ``ids`` int64 ``[B, L]``, packed ``[1, T]``.
    """

    ids: Tensor
    rows: Tensor
    """int64 ``[n]``: the row of each response token, response after response."""
    columns: Tensor
    """int64 ``[n]``: its column."""
    borders: Tensor | None = None
    """int32 ``[B + 1]``: where the sequences of a packed row begin, and the last one ends."""
    longest: int = 0
    """Tokens of the longest sequence of a packed row."""

    @classmethod
    def of(cls, batch: Batch, device: torch.device | str, packed: bool = False) -> "Sequences":
        """Lay out a batch. One without sequences becomes a prompt of one token without a response."""
        prompts = np.array([len(prompt) for prompt in batch.prompts], dtype=np.int64)
        whole = prompts + batch.lengths if len(batch) else np.ones(1, dtype=np.int64)
        borders, rows = offsets_of(whole), np.arange(len(batch))
        begins = borders[: len(batch)] if packed else np.zeros_like(rows)
        ids = np.zeros((1, borders[-1]) if packed else (len(whole), whole.max()), dtype=np.int64)
        rows = np.zeros_like(rows) if packed else rows
        for row, begin, prompt in zip(rows, begins, batch.prompts, strict=True):
            ids[row, begin : begin + len(prompt)] = prompt
        rows = np.repeat(rows, batch.lengths)
        columns = np.arange(len(rows)) + np.repeat(begins + prompts - batch.offsets[:-1], batch.lengths)
        ids[rows, columns] = batch.ids.numpy()

        def there(values: np.ndarray) -> Tensor:
            return torch.from_numpy(values).to(device)

        found = cls(there(ids), there(rows), there(columns))
        if not packed:
            return found
        return replace(found, borders=there(borders.astype(np.int32)), longest=int(whole.max()))

    def apart(self) -> dict[str, Any]:
        """Return what keeps the sequences of a packed row apart in transformers' models: their borders, and new positions."""
        if self.borders is None:
            return {}
        tokens, borders = self.ids.shape[1], self.borders
        begins = torch.repeat_interleave(borders[:-1], borders.diff(), output_size=tokens)
        return {
            "position_ids": (torch.arange(tokens, device=borders.device) - begins)[None],
            # Else they would make one of all pairs of tokens. Attention that takes no borders fails on it.
            "attention_mask": borders.new_zeros(1, 1, 0, 0, dtype=torch.bool),
            **dict.fromkeys(("cu_seq_lens_q", "cu_seq_lens_k"), borders),
            **dict.fromkeys(("max_length_q", "max_length_k"), self.longest),
        }


class Policy(nn.Module):
    """A causal language model whose forward pass gives log-probabilities, so that wrappers for many GPUs see one call."""

    def __init__(self, model: Any, temperature: float = 1.0):
        super().__init__()
        self.model = model
        self.temperature = temperature
        self.visits = False
        self.head = architecture.head_of(architecture.text_config(model))
        self._no_split_modules = getattr(model, "_no_split_modules", None)

    @property
    def config(self) -> Any:
        """The language model's configuration, where accelerate and DeepSpeed look for it."""
        return self.model.config

    def train(self, mode: bool = True) -> "Policy":
        """Stay in evaluation mode: dropout and the like would train another network than the one that samples."""
        return super().train(False)

    def keep_factors_in(self, dtype: torch.dtype) -> None:
        """Keep the weights of the decoder's linear layers in the type that autocast would multiply by, for good.

        Embeddings, norms and head stay as they are, so that under autocast log-probabilities have the bits of the whole
        policy's: sums along the layers are float32 in both.
        """
        for layer in language_model(self.model).get_decoder().modules():
            if isinstance(layer, nn.Linear):
                layer.to(dtype)

    def visit(self, device: torch.device) -> None:
        """Stay in main memory but for passes, which take all weights to ``device``; :meth:`leave` takes them back."""

        def arrive(*_: Any) -> None:
            self.to(device)

        self.register_forward_pre_hook(arrive)
        self.visits = True

    def leave(self) -> None:
        """Go back to main memory, if :meth:`visit` was asked for."""
        if self.visits:
            self.to("cpu")

    def tie_weights(self) -> None:
        """Let layers share their weights again, where the model's do; FSDP asks for it."""
        self.model.tie_weights()

    def forward(self, sequences: Sequences, need_entropy: bool = True) -> tuple[Tensor, Tensor | None]:
        """Return log-probabilities of the response tokens and full-vocabulary entropies, ``[n]`` in nats.

        They stand one response after the other, as ``sequences.rows`` and ``columns`` do.
        """
        base = language_model(self.model)
        decoded = base.get_decoder()(input_ids=sequences.ids, use_cache=False, **sequences.apart())
        hidden = decoded.last_hidden_state
        rows, columns = sequences.rows, sequences.columns
        head = base.get_output_embeddings()
        return token_logprobs(
            hidden[rows, columns - 1],
            head.weight,
            sequences.ids[rows, columns],
            self.temperature,
            need_entropy,
            getattr(head, "bias", None),
            self.head.scale,
            self.head.softcap,
        )


def language_model(model: Any) -> Any:
    """The language model itself, without the wrapper that adapters bring."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def load(folder: str | Path, model: Model, dtype: torch.dtype) -> tuple[Any, Any]:
    """Load a causal language model and its tokenizer from a folder. Raises :class:`SentError` if they do not fit.

    Parts that texts do not pass, such as a vision tower, are frozen.
    """
    tokenizer, loaded = load_tokenizer(folder, model), load_model(folder, model, dtype)
    vocabulary = architecture.text_config(loaded).vocab_size
    if len(tokenizer) > vocabulary:
        raise SentError(
            f"{folder}: the tokenizer has {len(tokenizer)} tokens, the model's vocabulary {vocabulary}; "
            "they do not belong together"
        )
    used = {
        id(p) for part in (loaded.get_decoder(), loaded.get_output_embeddings()) for p in part.parameters()
    }
    for parameter in loaded.parameters():
        parameter.requires_grad_(id(parameter) in used)
    return loaded, tokenizer


def recompute_activations(model: Any, share: float = 1.0) -> None:
    """Let a share of the decoder's layers keep no activations for the backward pass, which computes them again.

    transformers' own way is for all layers, and works in training mode only, where dropout acts.
    """

    def recomputed(forward: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            if not torch.is_grad_enabled():
                return forward(*args, **kwargs)
            return checkpoint(forward, *args, use_reentrant=False, preserve_rng_state=False, **kwargs)

        return run

    modules = model.get_decoder().modules()
    layers = [module for module in modules if isinstance(module, GradientCheckpointingLayer)]
    if not layers:
        raise SentError(
            f"training.gradient_checkpointing: {model.config.model_type} has no layers that can be recomputed; set it to false"
        )
    for layer, keeps in zip(layers, keeping(share, len(layers)), strict=True):
        if not keeps:
            layer.forward = recomputed(layer.forward)


@torch.no_grad()
def check_head(policy: Policy) -> None:
    """Refuse a model whose logits are not what its last hidden states and its head give.

    Scaling and capping are known by their usual keys; log-probabilities of a family with others would be wrong.
    """
    device = policy.model.device
    ids = torch.arange(2, 10, device=device)[None, :] % architecture.text_config(policy.model).vocab_size
    columns = torch.arange(1, 8, device=device)
    sequences = Sequences(ids, torch.zeros_like(columns), columns)
    ours, _ = policy(sequences, need_entropy=False)
    logits = policy.model(input_ids=ids, use_cache=False).logits[0, :-1].float() / policy.temperature
    plain = logits.log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0]
    if not torch.allclose(ours.float(), plain, atol=0.1 if policy.model.dtype == torch.bfloat16 else 1e-3):
        raise SentError(
            f"{policy.config.name_or_path}: its logits are not those of its hidden states and its head, which "
            f"{policy.config.model_type} changes in a way that is not known here; this architecture cannot be trained"
        )
