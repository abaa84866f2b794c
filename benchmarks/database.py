"""Build and query a database of ten million graded responses; report seconds and peak memory of each.

    python benchmarks/database.py [--responses 10000000] [--characters 100]

The responses are those of 3 models x 9 methods x 3 seeds to six benchmarks of the paper's sizes. Every response has
a text of so many random characters.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from sent import tables
from sent.log import progress

SIZES = {"aime24": 30, "aime25": 30, "amc23": 40, "math500": 500, "olympiadbench": 675, "minerva": 272}
MODELS = ["small", "medium", "large"]
METHODS = ["base", "grpo", "en", "adv", "mask", "clip_cov", "kl_cov", "high_en", "sent"]
SEEDS = [0, 1, 2]


def main() -> None:
    """Make the files, build the database, query it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--responses", type=int, default=10_000_000)
    parser.add_argument("--characters", type=int, default=100, help="length of a response's text")
    args = parser.parse_args()
    runs = [(model, method, seed) for model in MODELS for method in METHODS for seed in SEEDS]
    n = max(1, round(args.responses / len(runs) / sum(SIZES.values())))
    with tempfile.TemporaryDirectory() as temporary:
        results = Path(temporary)
        root = results / "large"
        _write_questions(root)
        for number, (model, method, seed) in enumerate(progress(runs, desc="making files", unit="file")):
            folder, made = (
                root / f"evaluation/{model}/{method}/seed{seed}",
                _responses(number, n, args.characters),
            )
            tables.write(folder / "responses.parquet", made, tables.RESPONSES)
            tables.write(folder / "verdicts.parquet", made, tables.RESPONSE_VERDICTS)
        size = sum(path.stat().st_size for path in root.rglob("*.parquet"))
        print(f"{len(runs) * n * sum(SIZES.values()):,} responses in {len(runs)} files, {size / 1e9:.2f} GB")

        experiment = {
            "experiment": "large", "models": MODELS, "methods": METHODS, "benchmarks": list(SIZES), "seeds": SEEDS,
            "data": {"train": {"path": "none"}}, "evaluation": {"n": n},
        }  # fmt: skip
        database = root / "results.duckdb"
        command = [
            "results",
            "database",
            "--root",
            root,
            "--experiment",
            json.dumps(experiment),
            "--output",
            database,
        ]
        _report("build", *command)
        print(f"{'database':28}{database.stat().st_size / 1e9:10.2f} GB")
        where = ["sql", "--results", results]
        _report("leaderboard", *where, "SELECT * FROM leaderboard WHERE benchmark = 'average'")
        _report("count by verdict", *where, "SELECT verdict, count(*) FROM responses GROUP BY verdict")
        _report("answers of one question", *where, "FROM responses WHERE question_id = 'aime24-0' LIMIT 5")


def _write_questions(root: Path) -> None:
    for name, size in SIZES.items():
        rows = [
            {"question_id": f"{name}-{i}", "question": f"{name} {i}", "answer": str(i)} for i in range(size)
        ]
        tables.write(root / f"data/benchmarks/{name}.parquet", tables.table(tables.QUESTIONS, rows))


def _responses(run: int, n: int, characters: int) -> pa.Table:
    """Graded responses of one policy: n a question, right with a probability that depends on the question."""
    rng = np.random.default_rng(run)
    names = [name for name, size in SIZES.items() for _ in range(size)]
    ids = [f"{name}-{i}" for name, size in SIZES.items() for i in range(size)]
    skill = np.random.default_rng(0).beta(0.7, 1.0, len(ids))
    right = (rng.random((len(ids), n)) < skill[:, None]).ravel()
    wrong = rng.integers(0, 30, len(right)).astype(str)
    count = len(right)
    letters = rng.integers(97, 123, count * characters, dtype=np.uint8).tobytes()
    offsets = pa.array(np.arange(count + 1, dtype=np.int32) * characters)
    texts = pa.StringArray.from_buffers(count, offsets.buffers()[1], pa.py_buffer(letters))
    return pa.table(
        {
            "benchmark": np.repeat(names, n),
            "question_id": np.repeat(ids, n),
            "sample": np.tile(np.arange(n, dtype=np.int32), len(ids)),
            "text": texts,
            "n_tokens": rng.integers(50, 8000, count, dtype=np.int32),
            "logprob_sum": -rng.random(count) * 100,
            "finish_reason": np.where(rng.random(count) < 0.05, "length", "stop"),
            "prompt_hash": np.full(count, "0123456789abcdef"),
            "extracted": np.where(right, "right", wrong),
            "verdict": np.where(right, "correct", "wrong"),
            "verdict_reason": np.where(right, "same text", "exact fractions"),
            "paper_match": right & (rng.random(count) < 0.9),
        }
    )


def _report(name: str, *arguments: object) -> None:
    """Run ``python -m sent`` as a process of its own; print its wall time, CPU time and peak memory."""
    start = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "sent", *map(str, arguments)], stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    if status:
        raise SystemExit(f"{name} failed")
    cpu = used.ru_utime + used.ru_stime
    print(f"{name:28}{seconds:10.1f} s  {cpu:8.1f} s of CPU  {used.ru_maxrss / 2**20:8.2f} GiB at most")


if __name__ == "__main__":
    main()
