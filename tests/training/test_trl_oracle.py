"""Losses and gradients are TRL's: its own loss function runs on the same numbers."""

from collections import defaultdict
from types import SimpleNamespace

import pytest
import torch
from minibatches import LIMIT, batch_of, share_of
from registry import METHODS
from sent.config import Method
from sent.training.loss import method_loss

TOLERANCE = 1e-6
ROWS, COLUMNS, VOCABULARY = 6, 9, 13


@pytest.fixture(scope="module")
def trl_loss():
    """TRL's GRPO loss as a function of logits, without a trainer around it."""
    trainer = pytest.importorskip("trl.trainer.grpo_trainer").GRPOTrainer

    def loss(logits, batch, method, kind, importance=None):
        logps = logits.log_softmax(-1)
        logp = logps.gather(-1, batch.targets[..., None])[..., 0]
        entropy = -(logps.exp() * logps).sum(-1)
        identity = SimpleNamespace(
            gather=lambda x: x, reduce=lambda x, reduction: x, sync_gradients=True, num_processes=1
        )
        stand_in = SimpleNamespace(
            _get_per_token_logps_and_entropies=lambda *args, **kwargs: (logp, entropy, None),
            args=SimpleNamespace(delta=None, use_bias_correction_kl=False, steps_per_generation=1),
            model=SimpleNamespace(training=True),
            accelerator=identity,
            _metrics={"train": defaultdict(list)},
            loss_type=kind,
            beta=method.reference_kl,
            epsilon_low=method.clip_low,
            epsilon_high=method.clip_high + (kind == "cispo"),  # there it is the bound itself
            entropy_coef=method.entropy,
            _entropy_bonus_enabled=method.entropy != 0,
            use_adaptive_entropy=False,
            top_entropy_quantile=1.0,
            importance_sampling_level=method.ratio,
            off_policy_mask_threshold=None,
            aux_loss_enabled=False,
            use_vllm=importance is not None,
            vllm_importance_sampling_correction=True,
            current_gradient_accumulation_steps=1,
            max_completion_length=LIMIT,
        )
        none = torch.zeros(ROWS, 0, dtype=torch.int64)
        inputs = {
            "prompt_ids": none,
            "prompt_mask": none,
            "completion_ids": batch.targets,
            "completion_mask": batch.mask.long(),
            "advantages": batch.advantages[:, 0],
            "old_per_token_logps": batch.logp_old,
            "ref_per_token_logps": batch.logp_ref,
            "importance_sampling_ratio": importance,
            "num_items_in_batch": batch.mask.sum(),
        }
        return trainer._compute_loss(stand_in, None, inputs), stand_in._metrics["train"]

    return loss


@pytest.fixture(params=[0, 1, 2])
def batch(request):
    """Random float64 numbers with ratios far outside the clip range, and responses of different lengths."""
    generator = torch.Generator().manual_seed(request.param)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    logits = 2 * normal(ROWS, COLUMNS, VOCABULARY)
    targets = torch.randint(VOCABULARY, (ROWS, COLUMNS), generator=generator)
    logp = logits.log_softmax(-1).gather(-1, targets[..., None])[..., 0]
    lengths = torch.randint(1, COLUMNS + 1, (ROWS,), generator=generator)
    return SimpleNamespace(
        logits=logits,
        targets=targets,
        mask=torch.arange(COLUMNS)[None] < lengths[:, None],
        advantages=normal(ROWS, 1).expand(ROWS, COLUMNS),
        logp_old=logp + 0.4 * normal(ROWS, COLUMNS),
        logp_ref=logp + 0.4 * normal(ROWS, COLUMNS),
        importance=2 * torch.rand(ROWS, COLUMNS, generator=generator, dtype=torch.float64),
    )


def ours(method, logits, batch, importance=None):
    """Return our loss and metrics as a function of logits, in three micro-batches of two."""
    logps = logits.log_softmax(-1)
    logp = logps.gather(-1, batch.targets[..., None])[..., 0]
    entropy = -(logps.exp() * logps).sum(-1)
    values = (logp, batch.advantages, entropy, batch.logp_old)
    share = share_of(*(v.detach().numpy() for v in values), mask=batch.mask.numpy())
    sampled = None if importance is None else (batch.logp_old - importance.log())[batch.mask]
    flat = batch_of(method, share, batch.logp_ref[batch.mask], sampled)
    total, metrics = 0, {}
    for rows in ([0, 1], [2, 3], [4, 5]):
        of_rows = [torch.cat([grid[row][batch.mask[row]] for row in rows]) for grid in (logp, entropy)]
        loss, sums = method_loss(method, *of_rows, flat.select(rows), None if importance is None else 100.0)
        total = total + loss
        metrics = {name: metrics.get(name, 0) + value for name, value in sums.items()}
    return total, metrics


def compare(trl_loss, batch, method, kind, with_importance) -> tuple[dict, dict]:
    """Assert that losses and gradients agree; return our metrics and TRL's."""
    importance = batch.importance if with_importance else None
    logits = batch.logits.clone().requires_grad_()
    found, sums = ours(method, logits, batch, importance)
    (gradient,) = torch.autograd.grad(found, logits)
    expected, metrics = trl_loss(logits, batch, method, kind, importance)
    (expected_gradient,) = torch.autograd.grad(expected, logits)
    assert abs(found.item() - expected.item()) < TOLERANCE
    assert (gradient - expected_gradient).abs().max() < TOLERANCE
    assert expected_gradient.abs().max() > 1e-3  # there was something to get right
    if method.reference_kl:
        assert (sums["kl_reference"] / sums["tokens"]).item() == pytest.approx(metrics["kl"][0])
    return sums, metrics


@pytest.mark.parametrize("with_importance", [False, True])
@pytest.mark.parametrize(
    ("aggregation", "kind"),
    [("sequence_mean", "grpo"), ("token_mean", "bnpo"), ("token_mean", "dapo"), ("constant", "dr_grpo")],
)
@pytest.mark.parametrize(
    ("reference_kl", "clip_low", "clip_high", "entropy"),
    [(0.001, 0.2, 0.2, 0.0), (0.001, 0.2, 0.2, 0.001), (0.0, 0.2, 0.28, 0.0), (0.5, 0.1, 0.4, 0.3)],
    ids=["grpo", "en", "asymmetric clip without KL", "all terms large"],
)
def test_loss_and_gradients_equal_trl(
    trl_loss,
    batch,
    aggregation,
    kind,
    reference_kl,
    clip_low,
    clip_high,
    entropy,
    with_importance,
):
    method = Method(
        aggregation=aggregation,
        clip_low=clip_low,
        clip_high=clip_high,
        reference_kl=reference_kl,
        entropy=entropy,
    )
    sums, metrics = compare(trl_loss, batch, method, kind, with_importance)
    clip_fraction = (sums["clipped"] / sums["tokens"]).item()
    assert clip_fraction == pytest.approx(metrics["clip_ratio/region_mean"][0]) and clip_fraction > 0.05


@pytest.mark.parametrize("with_importance", [False, True])
@pytest.mark.parametrize("reference_kl", [0, 0.01])
def test_ratios_of_sequences_are_trl_s(trl_loss, batch, reference_kl, with_importance):
    """GSPO, with bounds that some of six responses pass. TRL counts responses where we count their tokens."""
    method = Method(ratio="sequence", clip_low=0.03, clip_high=0.04, reference_kl=reference_kl)
    sums, metrics = compare(trl_loss, batch, method, "grpo", with_importance)
    assert (sums["clipped"] > 0) == (metrics["clip_ratio/region_mean"][0] > 0)


@pytest.mark.parametrize("with_importance", [False, True])
@pytest.mark.parametrize(("clip_high", "reference_kl"), [(4, 0), (0.1, 0.01)])
def test_cispo_is_trl_s(trl_loss, batch, clip_high, reference_kl, with_importance):
    """Of the tokens beyond the bound TRL counts those with a positive advantage alone."""
    method = Method(
        surrogate="cispo",
        clip_low=None,
        clip_high=clip_high,
        aggregation="token_mean",
        reference_kl=reference_kl,
    )
    sums, metrics = compare(trl_loss, batch, method, "cispo", with_importance)
    count = sums["clipped"].item()
    assert metrics["cispo_clip_ratio"][0] * sums["tokens"].item() <= count
    assert (count > 0) == (clip_high == 0.1)


def test_the_registry_entries_are_the_ones_compared():
    common = {"aggregation": "sequence_mean", "reference_kl": 0.001}
    assert METHODS["grpo"] == Method(label="GRPO", **common)
    assert METHODS["en"] == Method(label="w/ En", entropy=0.001, **common)
