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
        ("zen5", None, "avx2"),
        ("zen5", "avx512", "avx512"),
        ("zen3", None, None),
        ("arm", None, None),
        ("no such file", None, None),
    ],
)
def test_only_wider_instructions_are_narrowed(tmp_path, monkeypatch, cpu, given, expected):
    monkeypatch.delenv(cpu_instructions.VARIABLE, raising=False)
    if given:
        monkeypatch.setenv(cpu_instructions.VARIABLE, given)
    if cpu in FLAGS:
        (tmp_path / cpu).write_text(f"processor : 0\n{FLAGS[cpu]}\n", encoding="utf-8")
    cpu_instructions.settle(tmp_path / cpu)
    assert os.environ.get(cpu_instructions.VARIABLE) == expected


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
    environment = {key: value for key, value in os.environ.items() if key != cpu_instructions.VARIABLE}
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=environment, timeout=120
    )
    assert "AVX512" not in run.stdout and run.returncode == 0, run.stderr
