"""What Snakemake and the parsing of settings cost beside the work itself.

    python benchmarks/workflow.py [CHECKOUT]

The dry run of config/paper.yaml with every method, three models and five seeds, also with rules of which only input and
output are left, which is Snakemake's own time for as many jobs; that of the embedded experiment; and, of a CHECKOUT in which
`make demo` ran (default: this one), a run with nothing to do and the share of its first run's time that was no job's work.
"""

import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]

BARE = """
from snakemake.iocontainers import Params

for each in workflow.rules:
    each._params = Params()
    each.resources["_cores"] = 1
    for name in {*each.resources.keys()} - {"_cores", "_nodes", "tmpdir"}:
        del each.resources._data[name]
    each.message = None
    each.shellcmd = each.shellcmd and "true"
"""
"""What leaves of the rules that are read before it only their input and output."""


def main() -> None:
    """Print one line a measurement."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkout", nargs="?", type=Path, default=ROOT)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        everything = Path(folder) / "everything.yaml"
        everything.write_text(yaml.safe_dump(_everything()))
        dry = ("--dry-run", "--configfile", str(everything))
        print(f"{'':28}{_jobs(_run(ROOT, 'dry run, everything', *dry))} jobs")
        bare = Path(folder) / "Snakefile"
        bare.write_text(f'include: "{ROOT}/Snakefile"\n{BARE}')
        said = _run(ROOT, "the same, bare rules", "all", "--snakefile", str(bare), *dry)
        print(f"{'':28}{_jobs(said)} jobs")
    jobs = _run(ROOT, "dry run, nano", "--dry-run", "--forceall")
    print(f"{'':28}{_jobs(jobs)} jobs")
    if (args.checkout / "results/nano/report.html").is_file():
        _nothing_to_do(args.checkout)
    for log in sorted(args.checkout.glob(".snakemake/log/*.log")):
        _overhead(log, args.checkout)


def _everything() -> dict:
    """The paper's experiment with every method of the registry and five seeds."""
    experiment = yaml.safe_load((ROOT / "config/paper.yaml").read_text(encoding="utf-8"))
    methods = yaml.safe_load((ROOT / "config/methods.yaml").read_text(encoding="utf-8"))
    return experiment | {
        "experiment": "everything",
        "methods": ["base", *methods],
        "seeds": list(range(5)),
    }


def _nothing_to_do(checkout: Path) -> None:
    """Run this workflow in a copy of a checkout's results, which count as made by it."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in ("Snakefile", "config", "profiles", "rules", "workflow"):
            (copy / name).symlink_to(ROOT / name)
        shutil.copytree(checkout / "results/nano", copy / "results/nano")
        shutil.copytree(checkout / ".snakemake/metadata", copy / ".snakemake/metadata")
        _run(copy, "touched, nano", "--touch", "--cores", "2")
        said = _run(copy, "nothing to do, nano", "--cores", "2")
    print(f"{'':28}{'nothing was done' if 'Nothing to be done' in said else 'SOMETHING was done'}")


def _run(folder: Path, name: str, *options: str) -> str:
    """Run Snakemake in a checkout with that checkout's package, print wall and CPU seconds, and return what it said."""
    environment = os.environ | {"PYTHONPATH": str(folder / "workflow")}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", *options],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.returncode:
        sys.exit(f"{name}: {run.stderr[-2000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{name:28}{wall:6.1f} s {cpu:8.1f} s of CPU")
    return run.stdout + run.stderr


def _jobs(said: str) -> str:
    found = re.findall(r"^total\s+(\d+)", said, flags=re.M)
    return found[-1] if found else "no"


def _overhead(log: Path, checkout: Path) -> None:
    """Print a run's wall time beside the time of its jobs, which Snakemake's log and benchmark files tell."""
    text = log.read_text(encoding="utf-8")
    times = [
        datetime.strptime(t, "%a %b %d %H:%M:%S %Y") for t in re.findall(r"^\[(.*)\]$", text, flags=re.M)
    ]
    cores = re.search(r"^Provided cores: (\d+)", text, flags=re.M)
    started = datetime.strptime(log.name.partition(".")[0], "%Y-%m-%dT%H%M%S")
    if len(times) < 2 or not cores:
        return
    jobs = [file for file in checkout.glob("results/*/benchmarks/**/*.tsv")]
    jobs = [file for file in jobs if started.timestamp() <= file.stat().st_mtime <= times[-1].timestamp() + 1]
    if len(jobs) < 20:
        return
    rows = [_seconds(file) for file in jobs]
    wall, work, n = (times[-1] - started).total_seconds(), sum(rows), int(cores[1])
    print(f"run of {started:%d %B, %H:%M}: {len(rows)} jobs, {wall:.0f} s on {n} cores, work {work:.0f} s")
    print(f"{'':28}wall less work over cores: {100 * (wall - work / n) / wall:.1f}% of the wall time")


def _seconds(record: Path) -> float:
    return float(record.read_text(encoding="utf-8").splitlines()[1].split("\t")[0])


if __name__ == "__main__":
    main()
