"""A shard that fails is repeated alone: the others' samples are kept until they are gathered."""

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SAMPLES = "results/trial/samples/nano-smoke.parquet"
SHARDS = {"sampling": {"shards": 3}}
FAILURE = 'case "$*" in *2-of-3*) echo "no memory" >&2; exit 1;; esac\nwhile'


def sampled(checkout) -> list[str]:
    """Return the shards that were sampled, and forget the calls."""
    calls = checkout.calls()
    for path in (checkout.root / "bin" / "calls").iterdir():
        path.unlink()
    return sorted(call[call.index("--shard") + 1] for call in calls if "--shard" in call)


def test_a_failed_shard_repeats_alone(own_checkout):
    python = own_checkout.root / "bin" / "python"
    works = python.read_text()
    python.write_text(works.replace("while", FAILURE, 1))
    run = own_checkout.snakemake("--keep-going", SAMPLES, changes=SHARDS)
    assert run.returncode != 0 and "no memory" in run.stdout + run.stderr
    assert sampled(own_checkout) == ["1-of-3", "2-of-3", "3-of-3"]
    python.write_text(works)
    run = own_checkout.snakemake(SAMPLES, changes=SHARDS)
    assert run.returncode == 0, run.stdout + run.stderr
    assert sampled(own_checkout) == ["2-of-3"]
    assert (own_checkout.work / SAMPLES).is_file()
