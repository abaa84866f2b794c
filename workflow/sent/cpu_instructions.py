"""The same digits on more CPUs: with AVX-512 PyTorch sums in another order than with AVX2, and a run ends elsewhere.

Measured: a model of the nano study, pretrained and trained on a CPU with AVX-512 by AVX2, has the weights of a CPU that has
no more than AVX2 to the last bit, in about the same time.
"""

import os
from pathlib import Path

VARIABLE = "ATEN_CPU_CAPABILITY"
"""What PyTorch reads when it starts; a value that is there already stays."""

HEAD = 1 << 14
"""Characters of /proc/cpuinfo that hold the first processor's flags."""


def settle(cpuinfo: Path = Path("/proc/cpuinfo")) -> None:
    """Have PyTorch use AVX2 in this process and those that it starts, where the CPU has AVX-512, too."""
    try:
        with cpuinfo.open(encoding="utf-8", errors="replace") as file:
            flags = file.read(HEAD).split()
    except OSError:  # not Linux
        return
    if "avx512f" in flags:
        os.environ.setdefault(VARIABLE, "avx2")
