"""Sampling by a Hugging Face causal language model in this process: the default for embedded models.

A plain decode loop with three savings over ``generate``: the prompt of a question's n samples is read once,
finished rows leave the cache, and a step costs little beside the model itself. It works on a live model in
training as well as on a loaded one.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sent.config import Decoding, Evaluation, Model, Sampling
from sent.errors import SentError
from sent.log import progress
from sent.models import architecture
from sent.models import folder as model_folder
from sent.models.loading import load_model, load_tokenizer
from sent.sampling.choosing import choose
from sent.sampling.sampler import Completion, Request, check_room, requests_for
from sent.sampling.slot_cache import COLUMNS, SlotCache, round_up
from sent.sampling.stopping import Stopper
from sent.seeding import uniforms

ROWS = 16
"""Batches are filled up to a multiple of so many rows: matrix products of fewer rows take other kernels,
which round otherwise."""
ONE_THREAD_BELOW = 20_000_000
"""Parameters. Smaller models gain little from threads, and attention by several rounds as they share the rows."""


def load(
    policy: str | Path, model: Model, settings: Sampling | Evaluation, journal: Path | None = None
) -> "TransformersSampler":
    """Load the policy folder, onto the GPU where there is one; responses are kept in no journal."""
    tokenizer = load_tokenizer(policy, model)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    loaded = load_model(policy, model, getattr(torch, model.dtype)).to(device)
    sampler = TransformersSampler(loaded, tokenizer, settings.batch_tokens, bar=True)
    check_against_plain(sampler)
    return sampler


class TransformersSampler:
    """Samples from ``model``, an ``AutoModelForCausalLM`` whose layers have full or sliding-window attention."""

    def __init__(self, model: Any, tokenizer: Any, batch_tokens: int = 32768, bar: bool = False):
        """Use the live ``model`` as it is. ``batch_tokens`` bounds sequences x longest length in a batch."""
        self.model, self.tokenizer = model, tokenizer
        self.batch_tokens = batch_tokens
        self.bar = bar
        _check_attention(model)
        config = architecture.text_config(model)
        self.windows = architecture.windows_of(config)
        self.context = architecture.context_of(config) or 2**31
        self.is_end = torch.zeros(config.vocab_size, dtype=torch.bool, device=model.device)
        self.is_end[_end_tokens(model, tokenizer, config.vocab_size)] = True

    def sample(self, requests: list[Request], decoding: Decoding) -> list[Completion]:
        """Draw one completion a request, in their order; see :class:`sent.sampling.sampler.Sampler`.

        Raises :class:`SentError` for a prompt that is empty or leaves no room in the model's context.
        """
        check_room(requests, self.context)
        completions: dict[int, Completion] = {}
        shown = progress(total=len(requests), desc="sampling") if self.bar else contextlib.nullcontext()
        with _evaluating(self.model), shown as bar:
            for batch in self._batches(requests, decoding):
                drawn = self._decode([requests[i] for i in batch], decoding)
                completions.update(zip(batch, drawn, strict=True))
                if bar is not None:
                    bar.update(len(batch))
        return [completions[i] for i in range(len(requests))]

    def _batches(self, requests: list[Request], decoding: Decoding) -> Iterator[list[int]]:
        """Yield lists of request numbers: longest prompts first, equal prompts together."""
        order = sorted(
            range(len(requests)), key=lambda i: (-len(requests[i].prompt_ids), requests[i].prompt_ids)
        )
        start = 0
        while start < len(order):
            longest = len(requests[order[start]].prompt_ids) + decoding.max_new_tokens
            size = max(1, self.batch_tokens // min(longest, self.context))
            if size > ROWS:
                size -= size % ROWS
            yield order[start : start + size]
            start += size

    def _decode(self, requests: list[Request], decoding: Decoding) -> list[Completion]:
        """Draw one batch to its end."""
        device = self.model.device
        count = len(requests)
        padded = requests + [requests[-1]] * (round_up(count, ROWS) - count)
        lengths = torch.tensor([len(r.prompt_ids) for r in padded], device=device)
        limits = (self.context - lengths).clamp(max=decoding.max_new_tokens)
        seeds = np.array([r.seed for r in padded], dtype=np.uint64)
        slots = torch.arange(len(padded), device=device)
        alive = slots < count
        current = torch.tensor([r.prompt_ids[-1] for r in padded], device=device)
        longest, steps = int(lengths.max()), int(limits.max())
        cache = self._prefill(padded)

        tokens = torch.zeros(steps, len(padded), dtype=torch.int64, device=device)
        logprobs = torch.zeros(steps, len(padded), device=device)
        sizes = torch.zeros(len(padded), dtype=torch.int64, device=device)
        stopper = Stopper(self.tokenizer, decoding.stop, len(self.is_end), device)
        stopped = torch.zeros(len(padded), dtype=torch.bool, device=device)
        n_alive = count
        for step in range(steps):
            mask = cache.open(longest + step)
            logits = self.model(
                input_ids=current[:, None],
                position_ids=cache.positions[:, None],
                attention_mask=mask,
                past_key_values=cache,
                use_cache=True,
            ).logits[:, -1]
            drawn = None if decoding.temperature == 0 else torch.from_numpy(uniforms(seeds, step)).to(device)
            current, logprob = choose(logits, decoding, drawn)
            tokens[step, slots] = current
            logprobs[step, slots] = logprob
            cache.positions += 1

            end = self.is_end[current] | stopper.reached(current, alive, tokens[: step + 1], slots)
            finished = alive & (end | (limits <= step + 1))
            n_finished = int(finished.sum())
            if not n_finished:
                continue
            sizes[slots[finished]] = step + 1
            stopped[slots[finished]] = end[finished]
            alive &= ~finished
            n_alive -= n_finished
            if n_alive == 0:
                break
            size = round_up(n_alive, ROWS)
            if size < len(slots):
                source = size + torch.nonzero(alive[size:])[:, 0]
                target = torch.nonzero(~alive[:size])[: len(source), 0]
                cache.move(source, target, size)
                rows = torch.arange(len(slots), device=device).index_copy(0, target, source)[:size]
                slots, alive, limits, current = slots[rows], alive[rows], limits[rows], current[rows]
                seeds = seeds[rows.cpu().numpy()]

        written, scores = tokens.T.cpu().numpy(), logprobs.T.cpu().numpy()
        return [
            Completion(written[i, :size].tolist(), scores[i, :size].tolist(), "stop" if stop else "length")
            for i, (size, stop) in enumerate(
                zip(sizes[:count].tolist(), stopped[:count].tolist(), strict=True)
            )
        ]

    def _prefill(self, requests: list[Request]) -> SlotCache:
        """Read each distinct prompt once, but for its last token: the first step reads that."""
        device = self.model.device
        distinct = {prompt: i for i, prompt in enumerate(dict.fromkeys(r.prompt_ids for r in requests))}
        longest = max(map(len, distinct))
        columns = round_up(longest - 1, COLUMNS) or COLUMNS
        ids = np.zeros((len(distinct), columns), dtype=np.int64)
        for prompt, i in distinct.items():
            ids[i, : len(prompt) - 1] = prompt[:-1]
        cache = SlotCache(self.windows)
        self.model(
            input_ids=torch.from_numpy(ids).to(device),
            # No position beyond the longest prompt's: some kinds of RoPE look at the largest one.
            position_ids=torch.arange(columns, device=device).clamp(max=longest - 1)[None, :],
            attention_mask=cache.of_prompts(columns, self.model.dtype, device),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        source = torch.tensor([distinct[r.prompt_ids] for r in requests], device=device)
        cached = torch.tensor([len(r.prompt_ids) - 1 for r in requests], device=device)
        cache.spread(source, cached)
        return cache


@contextlib.contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    """Switch dropout off, gradients out and, for a small model, all threads but one; and back afterwards."""
    training, threads = model.training, torch.get_num_threads()
    model.eval()
    if model.device.type == "cpu" and sum(p.numel() for p in model.parameters()) < ONE_THREAD_BELOW:
        torch.set_num_threads(1)
    try:
        # Takes about a tenth less of a small model's time than a mode without gradients alone.
        with torch.inference_mode():
            yield
    finally:
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        model.train(training)


def _end_tokens(model: Any, tokenizer: Any, vocabulary: int) -> list[int]:
    """Return every token that ends a response: the tokenizer's, and those of the generation settings."""
    listed = model.generation_config.eos_token_id if model.generation_config else None
    listed = listed if isinstance(listed, list) else [listed]
    found = sorted({token for token in [*listed, tokenizer.eos_token_id] if token is not None})
    if not found:
        raise SentError(
            f"{tokenizer.name_or_path}: its tokenizer has no end token (eos_token): responses would never end"
        )
    if found[0] < 0 or found[-1] >= vocabulary:
        raise SentError(
            f"{tokenizer.name_or_path}: generation_config.json: 'eos_token_id': expected tokens below {vocabulary}, found "
            f"{found}; take the file that belongs to the model"
        )
    return found


def _check_attention(model: Any) -> None:
    name = model.config.name_or_path
    architecture.check_config(model.config, name)
    architecture.check_class(model, name)
    found, wanted = model.config._attn_implementation, architecture.attention_of(type(model), model.config)
    if found not in ("sdpa", "eager") or (found, wanted) == ("sdpa", "eager"):
        raise SentError(
            f"{name}: loaded with attention '{found}'; the transformers backend needs {wanted}; give "
            f"attn_implementation='{wanted}' when loading it"
        )


def check_against_plain(sampler: TransformersSampler) -> None:
    """Raise :class:`SentError` if log-probabilities differ from those of one plain forward pass.

    Among the families of models that transformers knows some may treat positions or masks in a way of their own.
    """
    model = sampler.model
    name, vocabulary = model.config.name_or_path, len(sampler.is_end)
    prompts = {str(n): tuple(2 + i % max(1, vocabulary - 2) for i in range(n)) for n in (1, 6)}
    requests = requests_for(prompts, 1, "check against plain")
    worst = 0.0
    with model_folder.reading(f"{name}: its forward pass fails with the transformers backend"):
        drawn = sampler.sample(requests, Decoding(max_new_tokens=4))
        for request, completion in zip(requests, drawn, strict=True):
            ids = torch.tensor([[*request.prompt_ids, *completion.token_ids]], device=model.device)
            with _evaluating(model):
                logits = model(input_ids=ids, use_cache=False).logits[0, len(request.prompt_ids) - 1 : -1]
            plain = logits.float().log_softmax(-1).gather(1, ids[0, len(request.prompt_ids) :, None])[:, 0]
            worst = max(worst, (plain.cpu() - torch.tensor(completion.logprobs)).abs().max().item())
    if not worst <= (1e-3 if model.dtype == torch.float32 else 0.5):
        raise SentError(
            f"{name}: log-probabilities with the cache differ from a plain forward pass by up to {worst:.3g} nats; this "
            f"architecture ({model.config.model_type}) is not supported by the transformers backend; set `backend: vllm`"
        )
