"""What there is to compute with and on: devices, and the shapes of decoders with what follows from them."""

import json
from dataclasses import dataclass
from pathlib import Path

from sent.config import Architecture, Model, Pretrain
from sent.errors import SentError

GIB = 2**30


@dataclass(frozen=True)
class Device:
    """One GPU, or one core of a CPU. ``link`` is what it sends to its neighbours in one direction."""

    name: str
    memory: float
    """Bytes that the driver reports; 0 for a CPU core, whose jobs share the machine's."""
    flops: float
    """Dense bfloat16 multiply-adds and adds a second, at most (float32 for a CPU)."""
    bandwidth: float
    """Bytes a second between memory and processor, at most."""
    link: float

    @property
    def is_gpu(self) -> bool:
        """Whether it is a GPU."""
        return self.memory > 0


def _gpu(name: str, gib: float, tflops: float, gb_per_s: float, link_gb_per_s: float) -> Device:
    return Device(name, gib * GIB, tflops * 1e12, gb_per_s * 1e9, link_gb_per_s * 1e9)


# Arithmetic (dense, without sparsity), bandwidth and links: NVIDIA's data sheets of the cards, named beside each.
# Memory: what nvidia-smi reports as total, which is a little less than the data sheet's GB taken as GiB.
GPUS = {
    device.name: device
    for device in (
        _gpu("h100-80gb", 79.6, 989.4, 3350, 450),  # H100 Tensor Core GPU data sheet, SXM5; NVLink 4
        _gpu("h200-141gb", 140.4, 989.4, 4800, 450),  # H200 Tensor Core GPU data sheet, SXM
        _gpu("b200-180gb", 178.0, 2250, 7700, 900),  # DGX B200 data sheet, an eighth of the system; NVLink 5
        _gpu("a100-80gb", 79.3, 312, 2039, 300),  # A100 Tensor Core GPU data sheet, SXM4 80 GB; NVLink 3
        _gpu("a100-40gb", 39.6, 312, 1555, 300),  # the same, 40 GB
        _gpu("l40s-48gb", 45.0, 362, 864, 32),  # L40S data sheet; PCIe 4 x16
        _gpu("l4-24gb", 22.5, 121, 300, 32),  # L4 data sheet; PCIe 4 x16
        _gpu(
            "rtx3060-12gb", 12.0, 25.5, 360, 32
        ),  # GA106 white paper's rate of a core, 112 of them; PCIe 4 x16
        _gpu("rtx4090-24gb", 24.0, 165.2, 1008, 32),  # Ada GPU architecture paper, float32 sums; PCIe 4 x16
    )
}

CPU = Device("cpu", 0, 5e10, 1e10, 1e10)
"""One core: 16 float32 multiply-adds a cycle (AVX2, two units) at somewhat under 3 GHz, about half of it seen in practice."""


EMBEDDED_VOCABULARY = 278
"""Tokens of the embedded tokenizer, which takes seconds to build."""

QKV_BIAS, QK_NORM = ("qwen2",), ("qwen3",)
"""Model types whose config.json does not say that they have these."""


@dataclass(frozen=True)
class Shape:
    """An architecture with its derived sizes. Parameters are numbers of weights, not bytes."""

    sizes: Architecture

    @property
    def query(self) -> int:
        """Width of all query heads together."""
        sizes = self.sizes
        return sizes.heads * (sizes.head_dim or sizes.hidden // sizes.heads)

    @property
    def key(self) -> int:
        """Width of all key heads together; values have the same."""
        return self.query // self.sizes.heads * self.sizes.kv_heads

    @property
    def projections(self) -> dict[str, tuple[int, int]]:
        """Width of the input and of the output of each linear layer in one layer of the decoder, by its usual name."""
        hidden, inner = self.sizes.hidden, self.sizes.intermediate
        return {
            "q_proj": (hidden, self.query),
            "k_proj": (hidden, self.key),
            "v_proj": (hidden, self.key),
            "o_proj": (self.query, hidden),
            "gate_proj": (hidden, inner),
            "up_proj": (hidden, inner),
            "down_proj": (inner, hidden),
        }

    @property
    def layer_matrices(self) -> int:
        """Weights of one layer's matrices: query, key, value and output projections and the gated MLP's three."""
        return sum(inputs * outputs for inputs, outputs in self.projections.values())

    @property
    def layer(self) -> int:
        """All weights of one layer: matrices, two norms, and biases and head norms where it has them."""
        sizes = self.sizes
        bias = (self.query + 2 * self.key) * sizes.qkv_bias
        return self.layer_matrices + 2 * sizes.hidden + bias + 2 * self.query // sizes.heads * sizes.qk_norm

    @property
    def head(self) -> int:
        """Weights of the matrix that gives logits."""
        return self.sizes.vocabulary * self.sizes.hidden

    @property
    def parameters(self) -> int:
        """All weights; tied embeddings count once."""
        if self.sizes.encoder_parameters:
            return self.sizes.encoder_parameters
        embeddings = self.head * (1 if self.sizes.tied else 2)
        return embeddings + self.sizes.layers * self.layer + self.sizes.hidden

    def forward_flops(self, context: float, with_head: float = 1.0) -> float:
        """Operations of a token's forward pass: 2 a matrix weight, 4 a query weight and token attended to.

        Kaplan et al. 2020, section 2.1 (C = 2N + 2 n_layer n_ctx d_attn, there without the causal half).
        ``context`` is the mean number of tokens attended to; ``with_head`` the share of tokens that get logits.
        """
        body = self.sizes.layers * (2 * self.layer_matrices + 4 * self.query * context)
        return body + 2 * self.head * with_head

    def cache_bytes(self, width: int) -> int:
        """Bytes of a token in the key-value cache, at ``width`` bytes a number."""
        return 2 * self.sizes.layers * self.key * width


def shape_of(name: str, model: Model, fetched: Path) -> Shape:
    """Return a model's shape: from the fetched folder, its local path, its registry entry or its pretraining.

    Raises :class:`SentError` where none of them tells.
    """
    is_encoder = model.architecture is not None and model.architecture.encoder_parameters is not None
    for folder in (fetched, Path(model.path) if model.path else fetched):
        if (folder / "config.json").is_file() and not is_encoder:
            return Shape(read(folder / "config.json"))
    if model.architecture is not None:
        return Shape(model.architecture)
    if model.pretrain is not None:
        return Shape(_embedded(model.pretrain))
    raise SentError(
        f"config/models.yaml: {name}: its sizes are not known before it is fetched; copy them from its config.json into "
        f"`architecture`, or run `snakemake models` first, which makes {fetched}"
    )


def read(path: Path) -> Architecture:
    """Read a transformers config.json. Raises :class:`SentError` for one that is no decoder's of the known kind."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        kind = found.get("model_type", "")
        return Architecture(
            layers=found["num_hidden_layers"],
            hidden=found["hidden_size"],
            intermediate=found["intermediate_size"],
            heads=found["num_attention_heads"],
            kv_heads=found.get("num_key_value_heads") or found["num_attention_heads"],
            head_dim=found.get("head_dim"),
            vocabulary=found["vocab_size"],
            context=found["max_position_embeddings"],
            tied=found.get("tie_word_embeddings", True),
            qkv_bias=found.get("attention_bias", False) or kind in QKV_BIAS,
            qk_norm=kind in QK_NORM,
        )
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise SentError(
            f"{path}: not a decoder's config.json ({type(error).__name__}: {' '.join(str(error).split())}); "
            "`python -m sent plan` knows models like Llama, Qwen2 and Qwen3; give `architecture` in config/models.yaml"
        ) from None


def _embedded(pretrain: Pretrain) -> Architecture:
    """The sizes that :mod:`sent.models.pretrain` builds."""
    return Architecture(
        layers=pretrain.layers,
        hidden=pretrain.hidden,
        intermediate=3 * pretrain.hidden,
        heads=pretrain.heads,
        kv_heads=1,
        head_dim=pretrain.hidden // pretrain.heads,
        vocabulary=EMBEDDED_VOCABULARY,
        context=pretrain.context,
        tied=True,
        qk_norm=True,
    )
