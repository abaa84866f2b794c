"""What a run has done, does and still has to do: jobs by stage, progress of the running, logs of the failed."""

from pathlib import Path


def add_arguments(parser) -> None:
    """Add the options of ``sent status``."""
    parser.add_argument(
        "--configfile", type=Path, default=Path("config/config.yaml"), help="the experiment's file"
    )
    parser.add_argument(
        "--results", type=Path, default=Path("results"), help="folder of experiments (results)"
    )
    parser.add_argument("--directory", type=Path, default=Path("."), help="where snakemake was started (.)")


def run(args) -> None:
    """Print the state of every stage."""
    import yaml
    from tabulate import tabulate

    from sent.errors import SentError
    from sent.experiment import load
    from sent.results import status

    if not args.configfile.is_file():
        raise SentError(f"{args.configfile}: no such file; name the experiment's file with --configfile")
    registries = Path(__file__).resolve().parents[3] / "config"
    experiment = load(yaml.safe_load(args.configfile.read_text()), registries)
    running = status.is_running(args.directory)
    states = status.look(args.results / experiment.name, status.jobs(experiment), running)

    names = ("done", "running", "failed", "interrupted", "waiting")
    stages = dict.fromkeys(state.job.stage for state in states)
    rows = [
        [stage, *(sum(s.state == n and s.job.stage == stage for s in states) or "" for n in names)]
        for stage in stages
    ]
    done = sum(state.state == "done" for state in states)
    at_work = "Snakemake is at work" if running else "Snakemake is not running"
    print(f"{experiment.name}: {done} of {len(states)} jobs done; {at_work}")
    print(tabulate(rows, ["stage", *names], tablefmt="rounded_outline", disable_numparse=True))
    for state in states:
        if state.state == "running":
            print(
                f"\n{state.job.stage} {state.job.name}: {state.tail[-1] if state.tail else 'no output yet'}"
            )
        elif state.state in ("failed", "interrupted"):
            print(f"\n{state.job.stage} {state.job.name} {state.state}; the end of {state.job.log}:")
            print("\n".join(f"    {line}" for line in state.tail))
