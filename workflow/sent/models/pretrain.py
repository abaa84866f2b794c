"""Embedded base models: Qwen3-shaped, pretrained from scratch on generated solutions of mixed style."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from sent.config import Pretrain
from sent.data import arithmetic
from sent.log import logger, progress
from sent.models import tokenizer as embedded
from sent.seeding import generator_of, seed_of

POOL = 16
"""Batches that are drawn together and sorted by length, so that a batch is hardly padded."""

TOKENS = 16
"""Typical tokens of a solution. Batches hold texts of like length, so a mean over a batch's own tokens would
weigh the tokens of short texts more and shift the mix of styles."""


def pretrain(settings: Pretrain, folder: Path) -> dict:
    """Pretrain a model and save it with its tokenizer to ``folder``, as any hub model is saved.

    Returns the number of parameters, the last losses and the seconds it took.
    """
    from transformers import Qwen3Config, Qwen3ForCausalLM

    tokenizer = embedded.arithmetic_tokenizer()
    with torch.random.fork_rng():
        torch.manual_seed(seed_of("pretrain", settings.seed))
        model = Qwen3ForCausalLM(
            Qwen3Config(
                vocab_size=len(tokenizer),
                hidden_size=settings.hidden,
                intermediate_size=3 * settings.hidden,
                num_hidden_layers=settings.layers,
                num_attention_heads=settings.heads,
                num_key_value_heads=1,  # one shared head: a third less time at no loss of skill
                head_dim=settings.hidden // settings.heads,
                max_position_embeddings=settings.context,
                initializer_range=settings.hidden
                ** -0.5,  # the usual 0.02 is for wide models; narrow ones then learn late
                tie_word_embeddings=True,
                pad_token_id=tokenizer.pad_token_id,
                eos_token_id=tokenizer.eos_token_id,
                bos_token_id=None,
            )
        )
    parameters = sum(p.numel() for p in model.parameters())
    logger.info(
        "pretraining %s parameters for %s steps of %s solutions", parameters, settings.steps, settings.batch
    )
    start = time.monotonic()
    losses = _fit(model, tokenizer, settings)
    model.generation_config.update(eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id)
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    return {
        "parameters": parameters,
        "steps": settings.steps,
        "final_loss": float(np.mean(losses[-20:])),
        "seconds": time.monotonic() - start,
    }


def _fit(model: Any, tokenizer: Any, settings: Pretrain) -> list[float]:
    """Train with AdamW: linear warm-up, linear decay to a twentieth, loss on the solution's tokens only."""
    warmup = max(1, min(50, settings.steps // 10))

    def schedule(step: int) -> float:
        return min((step + 1) / warmup, max(0.05, 1 - step / settings.steps))

    optimizer = torch.optim.AdamW(
        model.parameters(), lr=settings.lr, betas=(0.9, 0.98), weight_decay=0.01, fused=True
    )
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, schedule)
    losses = []
    model.train()
    bar = progress(_batches(tokenizer, settings), total=settings.steps, desc="pretraining", unit="step")
    for ids, targets in bar:
        logits = model(input_ids=ids).logits
        losses_sum = functional.cross_entropy(
            logits[:, :-1].flatten(0, 1), targets[:, 1:].flatten(), ignore_index=-100, reduction="sum"
        )
        loss = losses_sum / (settings.batch * TOKENS)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
        if len(losses) % 100 == 0:
            bar.set_postfix(loss=f"{np.mean(losses[-100:]):.3f}", refresh=False)
    return losses


def _batches(tokenizer: Any, settings: Pretrain) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield (input ids, targets) of each step: right-padded int64 ``[batch, T]``, targets -100 off the solution."""
    rng = generator_of("pretraining texts", settings.seed)
    for first in range(0, settings.steps, POOL):
        count = min(POOL, settings.steps - first)
        texts = [_text(rng, settings) for _ in range(count * settings.batch)]
        encoded = tokenizer([prompt + solution for prompt, solution in texts])["input_ids"]
        lengths = [len(ids) for ids in tokenizer([prompt for prompt, _ in texts])["input_ids"]]
        order = sorted(range(len(texts)), key=lambda i: len(encoded[i]))
        for chunk in rng.permutation(count):
            rows = order[chunk * settings.batch : (chunk + 1) * settings.batch]
            width = max(len(encoded[i]) for i in rows) + 1
            ids = np.full((len(rows), width), tokenizer.pad_token_id)
            targets = np.full((len(rows), width), -100)
            for row, i in enumerate(rows):
                whole = [*encoded[i], tokenizer.eos_token_id]
                ids[row, : len(whole)] = whole
                targets[row, lengths[i] : len(whole)] = whole[lengths[i] :]
            yield torch.from_numpy(ids), torch.from_numpy(targets)


def _text(rng: np.random.Generator, settings: Pretrain) -> tuple[str, str]:
    if rng.random() < settings.drills:
        return "", arithmetic.drill(rng, settings.families, settings.levels)
    _, _, problem = arithmetic.draw(rng, settings.families, settings.levels, "train")
    solution = arithmetic.solution(rng, problem, settings.worked, settings.guess_accuracy)
    return embedded.prompt(problem.question), solution
