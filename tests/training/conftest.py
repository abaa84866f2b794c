"""Lets the tests of this folder import :mod:`tiny` and :mod:`jobs`, and share a job's inputs."""

import sys
from pathlib import Path

import pytest
from sent import tables
from sent.config import Generator
from sent.data.arithmetic import generate

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    from tiny import save_embedded

    save_embedded(folder / "model")
    questions = generate(Generator(families=["chain"], levels=[1], count=10))
    tables.write(folder / "questions.parquet", tables.table(tables.QUESTIONS, questions))
    others = generate(Generator(families=["story"], levels=[1], count=5))
    tables.write(folder / "probe.parquet", tables.table(tables.QUESTIONS, others))
    return folder
