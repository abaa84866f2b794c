"""The sides of benchmarks/train_step.py, each for a process of its own: updates by :mod:`sent.training` and by TRL."""

import argparse
import resource
import time
from collections.abc import Callable
from pathlib import Path

from sent.config import Architecture, Method, Training

SIDES = ("TRL", "ours")
EFFECTS = ("none", "+ little padding", "+ what pulls alone", "+ fused AdamW")
"""Savings of ours, each with those before it."""
OPTIONS = {
    "half recomputed": {"gradient_checkpointing": 0.5},
    "all recomputed": {"gradient_checkpointing": True},
    "optimizer waits": {"offload": ["optimizer"]},
    "packed": {"packing": True},
}
"""Settings, each with all savings and without the others."""
UPDATES = 2
"""Optimizer updates on a rollout."""


def build(shape: Architecture, device: str):
    """Return a model of that shape with random float32 weights, drawn where they are used, the same on both sides."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=shape.vocabulary, hidden_size=shape.hidden, intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers, num_attention_heads=shape.heads, num_key_value_heads=shape.kv_heads,
        max_position_embeddings=shape.context, tie_word_embeddings=shape.tied, attn_implementation="sdpa",
        pad_token_id=0, bos_token_id=None, eos_token_id=1,
    )  # fmt: skip
    with torch.device(device):
        return Qwen2ForCausalLM(config)


def rollout(options: argparse.Namespace, vocabulary: int):
    """Return random prompts ``[S, P]``, responses ``[S, R]`` (int64, none of them an end or a pad), their lengths and advantages
    ``[S]``.
    """
    import torch

    generator = torch.Generator().manual_seed(0)
    count = options.prompts * options.group
    sizes = (options.prompt_tokens, options.response_tokens)
    prompts, responses = (torch.randint(2, vocabulary, (count, n), generator=generator) for n in sizes)
    advantages = torch.randn(count, generator=generator)
    shortest = max(1, round(options.shortest * options.response_tokens))
    lengths = torch.randint(shortest, options.response_tokens + 1, (count,), generator=generator)
    flat = torch.randperm(options.prompts, generator=generator)[: round(options.flat * options.prompts)]
    advantages.view(options.prompts, options.group)[flat] = 0
    return prompts, responses, lengths, advantages


def measure_ours(options: argparse.Namespace, meter: "Meter") -> None:
    """Update by :class:`sent.training.update.Updater`."""
    import numpy as np
    import torch
    from accelerate import Accelerator
    from sent.training import packing
    from sent.training import update as updating
    from sent.training.batch import Batch, ScoredBatch, offsets_of
    from sent.training.stage import make_optimizer, make_policy
    from sent.training.update import UpdateId, Updater

    has = EFFECTS[1 : 1 + EFFECTS.index(options.side)] if options.side in EFFECTS else EFFECTS
    if EFFECTS[1] not in has:
        updating.PASS_TOKENS = 1 << 40
    if EFFECTS[2] not in has:
        updating.pulling = lambda method, batch, *_: np.ones(len(batch), dtype=bool)

    shape = options.shape
    accelerator = Accelerator(
        cpu=options.device == "cpu", mixed_precision="bf16" if options.device == "cuda" else "no"
    )
    length = options.prompt_tokens + options.response_tokens
    settings = Training(
        prompts_per_step=options.prompts, responses_per_prompt=options.group,
        minibatch_prompts=options.prompts // UPDATES, micro_batch_tokens=options.micro_batch * length,
        scoring_batch_tokens=options.micro_batch * length, lr=1e-6,
        **{"gradient_checkpointing": options.checkpointing, **OPTIONS.get(options.side, {})},
    )  # fmt: skip
    if settings.packing:
        packing.attend_packed(accelerator, "sdpa")
    policy = make_policy(build(shape, options.device), settings)
    optimizer = make_optimizer(policy, settings)
    if EFFECTS[3] not in has:
        optimizer = torch.optim.AdamW(policy.parameters(), lr=settings.lr, weight_decay=0.0)
    policy, optimizer = accelerator.prepare(policy, optimizer)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 1.0)
    updater = Updater(accelerator, policy, optimizer, scheduler, Method(), settings)
    prompts, responses, lengths, advantages = rollout(options, shape.vocabulary)
    count = len(prompts)
    batch = Batch(
        prompts=[tuple(row) for row in prompts.tolist()],
        questions=[f"q{i // options.group}" for i in range(count)],
        keys=np.arange(count),
        advantages=advantages.numpy(),
        offsets=offsets_of(lengths),
        ids=torch.cat([row[:n] for row, n in zip(responses, lengths, strict=True)]),
        sampler_logp=torch.zeros(int(lengths.sum())),
    )
    logp, entropy = updater.score(policy, batch)
    batch = ScoredBatch(**vars(batch), logp_old=logp, entropy_old=entropy)
    updater._batches = meter.counting(updater._batches)
    size = count // UPDATES
    for step in range(options.rounds + 1):
        for update in range(UPDATES):
            part = batch.select(list(range(update * size, (update + 1) * size)))
            meter.begin()
            figures = updater.update(part, UpdateId(seed=0, stage=1, step=step, update=update))
            meter.end()
            meter.norm = meter.norm or figures["grad_norm"]


def measure_trl(options: argparse.Namespace, meter: "Meter") -> None:
    """Update by TRL's GRPOTrainer, whose rollout is given instead of generated."""
    import tempfile

    import torch
    from datasets import Dataset
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer
    from trl.trainer import grpo_trainer

    words = Tokenizer(models.WordLevel({"<pad>": 0, "<end>": 1, "a": 2}, unk_token="<pad>"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<end>")
    prompts, responses, lengths, advantages = rollout(options, options.shape.vocabulary)
    mask = (torch.arange(options.response_tokens) < lengths[:, None]).long()
    count = len(prompts)
    # Both sides' first update then has the same sequences.
    grpo_trainer.shuffle_sequence_dict = lambda batch: batch

    class Given(GRPOTrainer):
        given = None

        def _generate_and_score_completions(self, inputs):
            if self.given is None:
                device = self.accelerator.device
                ids = torch.cat([prompts, responses], dim=1).to(device)
                read = torch.cat([torch.ones_like(prompts), mask], dim=1).to(device)
                with torch.no_grad():
                    old, *_ = self._get_per_token_logps_and_entropies(
                        self.model, ids, read, options.response_tokens, options.micro_batch
                    )
                self.given = {
                    "prompt_ids": prompts.to(device), "prompt_mask": torch.ones_like(prompts).to(device),
                    "completion_ids": responses.to(device), "completion_mask": mask.to(device),
                    "advantages": advantages.to(device), "old_per_token_logps": old,
                    "num_items_in_batch": (lengths.sum() // UPDATES).to(device),
                }  # fmt: skip
                meter.begin()  # scoring is not timed
            return dict(self.given)

    class Clock(TrainerCallback):
        def on_step_begin(self, *_, **__):
            meter.begin()

        def on_step_end(self, *_, **__):
            meter.end()

        def on_log(self, args, state, control, logs=None, **kwargs):
            meter.norm = logs.get("grad_norm", meter.norm)

    with tempfile.TemporaryDirectory() as folder:
        steps = count // options.micro_batch
        config = GRPOConfig(
            output_dir=folder, per_device_train_batch_size=options.micro_batch, num_generations=options.group,
            gradient_accumulation_steps=steps // UPDATES, steps_per_generation=steps, num_iterations=1, beta=0.0,
            loss_type="grpo", learning_rate=1e-6, weight_decay=0.0, max_grad_norm=1.0, lr_scheduler_type="constant",
            max_completion_length=options.response_tokens, max_steps=UPDATES * (options.rounds + 1),
            gradient_checkpointing=options.checkpointing, bf16=options.device == "cuda", use_cpu=options.device == "cpu",
            logging_steps=10**6, logging_first_step=True, save_strategy="no", report_to="none", disable_tqdm=True,
            dataloader_pin_memory=False,
        )  # fmt: skip
        trainer = Given(
            model=build(options.shape, options.device), args=config,
            reward_funcs=lambda completions, **_: [0.0] * len(completions),
            train_dataset=Dataset.from_dict({"prompt": ["a"] * count}), processing_class=tokenizer, callbacks=[Clock()],
        )  # fmt: skip
        trainer.train()


class Meter:
    """Times updates and watches the memory of this process."""

    def __init__(self, device: str):
        import torch

        self.torch, self.cuda = torch, device == "cuda"
        self.seconds: list[float] = []
        self.processor_seconds: list[float] = []
        self.norm = 0.0
        """Gradient norm of the first update, which shows that both sides learn the same."""
        self.before = self._resident()
        self.positions = self.tokens = 0
        """Places of passes with gradients, and those of them that hold a token; both of all updates, the first, too."""

    def begin(self) -> None:
        """Start, or start again, the clock of an update."""
        self._wait()
        self.start, self.start_of_processor = time.perf_counter(), time.process_time()

    def end(self) -> None:
        """Stop the clock."""
        self._wait()
        self.seconds.append(time.perf_counter() - self.start)
        self.processor_seconds.append(time.process_time() - self.start_of_processor)

    def counting(self, batches: Callable) -> Callable:
        """Return what yields the batches of an update, their places counted."""

        def counted(batch, budget):
            for rows, sequences in batches(batch, budget):
                self.positions += sequences.ids.numel()
                self.tokens += sum(len(batch.prompts[row]) + int(batch.lengths[row]) for row in rows)
                yield rows, sequences

        return counted

    def peak(self) -> int:
        """Return the bytes that model, optimizer and passes took at most: of the GPU, or of this process."""
        if self.cuda:
            return self.torch.cuda.max_memory_allocated()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - self.before

    def _wait(self) -> None:
        if self.cuda:
            self.torch.cuda.synchronize()

    def _resident(self) -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
