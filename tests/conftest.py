"""Fixtures that several test folders share, and one thread for all tests.

One thread, set before anything imports torch: sums split over threads round otherwise, and results that must be
equal to the last bit are promised for one thread, as embedded models run in the workflow.
"""

import os
from pathlib import Path

import pytest

os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with real benchmark and sample files that stands beside some checkouts; skips where it does not."""
    folder = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no folder of real data beside this checkout")
    return folder


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request) -> str:
    """A device to compute on. `make gpu-check` runs the GPU's half; the CPU's shows that the test itself is sound."""
    if request.param == "cuda":
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA GPU")
    return request.param
