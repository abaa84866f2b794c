"""A backend whose judgements are a table, and tiny models that need no training."""

from pathlib import Path

import pytest
from sent.semantic_entropy.entailment import Judgement, Label, Pair


class Relation:
    """Judges by a function of two texts and records every call."""

    symmetric = False

    def __init__(self, label_of):
        self.label_of, self.calls = label_of, []

    def judge(self, pairs, advance=lambda done: None):
        self.calls.append([(pair.premise, pair.hypothesis) for pair in pairs])
        advance(len(pairs))
        return [Judgement(self.label_of(pair.premise, pair.hypothesis), "relation") for pair in pairs]

    @property
    def judged(self):
        return sum(map(len, self.calls))

    def key(self, pair: Pair) -> Pair:
        return pair

    def facts(self):
        return {}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass


@pytest.fixture
def relation():
    """Make a backend from a function that says whether, or with which label, a premise entails."""

    def make(entails):
        def label_of(premise, hypothesis):
            found = entails(premise, hypothesis)
            return found if isinstance(found, Label) else Label.ENTAILMENT if found else Label.NEUTRAL

        return Relation(label_of)

    return make


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
