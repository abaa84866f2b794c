"""The same digits on more CPUs: with AVX-512 PyTorch and oneDNN sum in another order than with AVX2, and a run ends elsewhere.

Measured: models that were pretrained by AVX2 on a CPU that has AVX-512, and a policy trained from one, have the weights of a CPU
without it to the last bit, in about the same time.
"""

import os
from pathlib import Path

PYTORCH, ONEDNN = "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA"
"""What PyTorch and the oneDNN in it read before they first compute; a value that is there already stays."""

HEAD = 1 << 14
"""Characters of /proc/cpuinfo that hold the first processor's flags."""


def narrow(variable: str, cpuinfo: Path = Path("/proc/cpuinfo")) -> None:
    """Have PyTorch or oneDNN use AVX2 in this process and those that it starts, where the CPU has AVX-512, too.

    oneDNN multiplies matrices of 16 bits so, which by AVX2 takes 15 times as long: that is for jobs in float32 alone.
    """
    try:
        with cpuinfo.open(encoding="utf-8", errors="replace") as file:
            flags = file.read(HEAD).split()
    except OSError:  # not Linux
        return
    if "avx512f" in flags:
        os.environ.setdefault(variable, "avx2" if variable == PYTORCH else "AVX2")
