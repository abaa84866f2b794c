"""Fixtures that several test folders share, and one thread for all tests.

One thread, set before anything imports torch: sums split over threads round otherwise, and results that must be
equal to the last bit are promised for one thread, as embedded models run in the workflow.
"""

import os
import sys
from pathlib import Path

import pytest

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).parent))  # for :mod:`families`

WORDS = ["<pad>", "<eos>", "<unk>", "\\boxed{4}", "\\boxed{9}", "what", "is", "?", "2", "3", "+"]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with real benchmark and sample files that stands beside some checkouts; skips where it does not."""
    folder = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no folder of real data beside this checkout")
    return folder


@pytest.fixture
def uncovered() -> dict[str, str]:
    """The environment of a child whose files are kept small: what measures coverage could not write its own there."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request) -> str:
    """A device to compute on. `make gpu-check` runs the GPU's half; the CPU's shows that the test itself is sound."""
    if request.param == "cuda":
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA GPU")
    return request.param


@pytest.fixture(scope="session")
def boxing_policy(tmp_path_factory):
    """The folder of a model that always answers \\boxed{4} at temperature 0, and often elsewhere."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    raw = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>"
    )
    config = Qwen3Config(
        vocab_size=len(WORDS),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=1,
        num_key_value_heads=1,
        head_dim=16,
        max_position_embeddings=64,
        eos_token_id=1,
        tie_word_embeddings=False,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Qwen3ForCausalLM(config)
    with torch.no_grad():
        # No attention and no feed-forward: the next token depends on the last one only.
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        model.model.embed_tokens.weight.copy_(torch.eye(16)[: len(WORDS)])
        model.lm_head.weight.zero_()
        model.lm_head.weight[3, 7] = 1.0  # after "?": \boxed{4}
        model.lm_head.weight[4, 7] = 0.5  # or \boxed{9}
        model.lm_head.weight[1, 3] = model.lm_head.weight[1, 4] = 2.0  # after a box: the end
    folder = tmp_path_factory.mktemp("policy")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_nli(tmp_path_factory):
    """Make a folder of a tiny NLI model of random weights: ``make(labels=..., scale=..., ...)``."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    def make(labels=("contradiction", "entailment", "neutral"), scale=1.0, context=64, spread=0.3) -> Path:
        folder = tmp_path_factory.mktemp("nli")
        words = [
            "[PAD]",
            "[UNK]",
            "[CLS]",
            "[SEP]",
            *map(str, range(100)),
            "the",
            "answer",
            "is",
            ".",
            "what",
            "?",
        ]
        tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()]
        )
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]",
            pair="[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
        )
        PreTrainedTokenizerFast(
            tokenizer_object=tokenizer,
            pad_token="[PAD]",
            unk_token="[UNK]",
            cls_token="[CLS]",
            sep_token="[SEP]",
            model_max_length=context,
        ).save_pretrained(folder)
        torch.manual_seed(0)
        model = BertForSequenceClassification(
            BertConfig(
                vocab_size=len(words),
                hidden_size=16,
                num_hidden_layers=2,
                num_attention_heads=2,
                intermediate_size=32,
                max_position_embeddings=context,
                initializer_range=spread,
                id2label=dict(enumerate(labels)),
                label2id={name: i for i, name in enumerate(labels)},
            )
        )
        with torch.no_grad():
            model.classifier.weight *= scale
        model.save_pretrained(folder)
        return folder

    return make
