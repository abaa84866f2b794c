"""The embedded entailment model: a small three-label cross-encoder, trained from scratch."""

import json
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from sent import cpu_instructions
from sent.config import NliTraining
from sent.errors import SentError
from sent.log import logger, progress
from sent.models import nli_pairs, nli_tokenizer
from sent.models.nli_pairs import LABELS
from sent.seeding import generator_of, seed_of

LONGEST = 128
"""Tokens of a pair; two statements about an embedded question have at most 80."""
QUESTIONS, HELD_OUT_QUESTIONS = 5000, 500
BRIEF_SHARE, BRIEF_UNTIL = 0.5, 0.6
"""Half of the batches in the first 60% of the steps compare bare answers, at a quarter of the cost."""
WARMUP = 50


def train(settings: NliTraining, folder: Path) -> dict:
    """Train a cross-encoder and save it to ``folder`` as sentence-transformers saves one, with accuracy.json.

    Returns the number of parameters and the held-out accuracy. Held-out pairs are about questions that no
    training pair is about. Raises :class:`SentError` if the accuracy is below ``min_accuracy``.
    """
    cpu_instructions.narrow(cpu_instructions.ONEDNN)
    asked = nli_pairs.problems(generator_of("nli questions", settings.seed), QUESTIONS + HELD_OUT_QUESTIONS)
    held_out, asked = asked[:HELD_OUT_QUESTIONS], asked[HELD_OUT_QUESTIONS:]
    tokenizer = nli_tokenizer.pair_tokenizer(vocabulary_texts(asked), LONGEST)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of("nli", settings.seed))
        model = untrained_classifier(settings, tokenizer)
    _fit(model, tokenizer, asked, settings)
    pairs = nli_pairs.pairs(generator_of("nli held out", settings.seed), held_out, settings.held_out)
    report = measure(model, tokenizer, pairs)
    logger.info("%.2f%% of %s held-out pairs labelled right", 100 * report["accuracy"], len(pairs))
    if report["accuracy"] < settings.min_accuracy:
        raise SentError(
            f"entailment model: {report['accuracy']:.2%} of {len(pairs)} held-out pairs labelled right, "
            f"expected at least {settings.min_accuracy:.2%} (`nli.min_accuracy`); raise `nli.steps`"
        )
    _save(model, tokenizer, folder)
    (folder / "accuracy.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": settings.steps,
        "accuracy": report["accuracy"],
    }


def untrained_classifier(settings: NliTraining, tokenizer: Any) -> Any:
    """Return an untrained BERT classifier in which equal tokens see each other from the start.

    Two answers agree if the same number stands in both: a relation of tokens that a small model takes
    thousands of steps to find. So the first attention head begins by comparing tokens as they are: its queries and
    keys are the part of the embedding that says which token it is. The rest of the embedding begins with what else
    there is to say: is it a number, where, in which text. All other weights are drawn with the usual 1/sqrt(width)
    instead of BERT's 0.02, which is meant for a width of 768.
    """
    from transformers import BertConfig, BertForSequenceClassification

    model = BertForSequenceClassification(
        BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=settings.hidden,
            num_hidden_layers=settings.layers,
            num_attention_heads=settings.heads,
            intermediate_size=2 * settings.hidden,
            max_position_embeddings=LONGEST,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            initializer_range=settings.hidden**-0.5,
            id2label=dict(enumerate(LABELS)),
            label2id={label: number for number, label in enumerate(LABELS)},
        )
    )
    width = settings.hidden // max(settings.heads, 2)
    first: Any = model.bert.encoder.layer[0]
    attention = first.attention.self
    embeddings = model.bert.embeddings
    numbers = tokenizer.convert_tokens_to_ids([str(number) for number in nli_pairs.NUMBERS])
    with torch.no_grad():
        words, types, places = (
            getattr(embeddings, f"{name}_embeddings").weight for name in ("word", "token_type", "position")
        )
        for table, size in ((words, 0.3), (types, 0.3), (places, 0.1)):
            table.normal_(std=size)
        for table in (types, places):
            table[:, :width] = 0
        words[numbers, width:] = words[numbers[0], width:]
        for matrix in (attention.query.weight, attention.key.weight):
            matrix[:width] = 1.7 * torch.eye(width, settings.hidden)
    return model


def vocabulary_texts(asked: list) -> list[str]:
    """Return texts that together hold every word and sign of the pairs about the problems ``asked``."""
    return [
        *(nli_pairs.statement(problem.question, "") for problem in asked),
        *nli_pairs.FORMS,
        *nli_pairs.UNRELATED,
    ]


@torch.no_grad()
def measure(model: Any, tokenizer: Any, pairs: list[nli_pairs.Pair]) -> dict:
    """Return accuracy, number of pairs and confusion table: of each true label, how many got which."""
    model.eval()
    confusion = {true: dict.fromkeys(LABELS, 0) for true in LABELS}
    for first in range(0, len(pairs), 256):
        part = pairs[first : first + 256]
        labels = model(**_encode(tokenizer, part)).logits.argmax(-1).tolist()
        for pair, chosen in zip(part, labels, strict=True):
            confusion[LABELS[pair.label]][LABELS[chosen]] += 1
    right = sum(confusion[label][label] for label in LABELS)
    return {"accuracy": right / len(pairs), "pairs": len(pairs), "confusion": confusion}


def _fit(model: Any, tokenizer: Any, asked: list, settings: NliTraining) -> None:
    """Train with AdamW: linear warm-up, then linear decay."""

    def schedule(step: int) -> float:
        return min(1.0, (step + 1) / WARMUP) * max(0.02, 1 - step / settings.steps)

    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.lr, betas=(0.9, 0.99), weight_decay=0.01)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, schedule)
    rng = generator_of("nli training", settings.seed)
    model.train()
    bar = progress(range(settings.steps), desc="entailment model", unit="step")
    for step in bar:
        brief = step < BRIEF_UNTIL * settings.steps and rng.random() < BRIEF_SHARE
        pairs = nli_pairs.pairs(rng, asked, settings.batch, brief)
        labels = torch.tensor([pair.label for pair in pairs])
        loss = functional.cross_entropy(model(**_encode(tokenizer, pairs)).logits, labels)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        if step % 20 == 0:
            bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)


def _encode(tokenizer: Any, pairs: list[nli_pairs.Pair]) -> Any:
    premises, hypotheses = [pair.premise for pair in pairs], [pair.hypothesis for pair in pairs]
    return tokenizer(premises, hypotheses, padding=True, return_tensors="pt")


def _save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Save for transformers, then let sentence-transformers load that and save what it needs beside it."""
    from sentence_transformers import CrossEncoder

    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    CrossEncoder(str(folder), device="cpu").save_pretrained(str(folder))
