"""CPUs with AVX-512 compute by AVX2, unless they are told otherwise."""

import os
import subprocess
import sys

import pytest
from sent import cpu_instructions

FLAGS = {
    "zen5": "flags : fpu avx2 avx512f avx512dq",
    "zen3": "flags : fpu avx2 fma",
    "arm": "Features : asimd",
}


@pytest.mark.parametrize(
    ("cpu", "given", "expected"),
    [
        ("zen5", {}, {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}),
        (
            "zen5",
            {"ATEN_CPU_CAPABILITY": "avx512"},
            {"ATEN_CPU_CAPABILITY": "avx512", "ONEDNN_MAX_CPU_ISA": "AVX2"},
        ),
        ("zen3", {}, {}),
        ("arm", {}, {}),
        ("no such file", {}, {}),
    ],
)
def test_only_wider_instructions_are_narrowed(tmp_path, monkeypatch, cpu, given, expected):
    monkeypatch.setattr(os, "environ", dict(given))
    if cpu in FLAGS:
        (tmp_path / cpu).write_text(f"processor : 0\n{FLAGS[cpu]}\n", encoding="utf-8")
    for variable in (cpu_instructions.PYTORCH, cpu_instructions.ONEDNN):
        cpu_instructions.narrow(variable, tmp_path / cpu)
    assert os.environ == expected


SCRIPT = """
import contextlib
from sent.__main__ import main

with contextlib.suppress(SystemExit):
    main(["train", "--help"])
import torch

print(torch.backends.cpu.get_cpu_capability())
"""


def test_pytorch_heeds_it_in_every_command():
    """Nor is PyTorch imported before, by whatever a command needs."""
    environment = {key: value for key, value in os.environ.items() if key != cpu_instructions.PYTORCH}
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=environment, timeout=120
    )
    assert "AVX512" not in run.stdout and run.returncode == 0, run.stderr
