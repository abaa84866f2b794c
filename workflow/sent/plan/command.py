"""Estimate what an experiment will need before it is run: memory of each model on a GPU, time, GPU-hours and disk by rule.

The formulas and their sources are in docs/plan.md. Where a run has left files, its lengths are used, and its measured
seconds and memory are printed beside the estimates.
"""

from pathlib import Path


def add_arguments(parser) -> None:
    """Add the options of ``sent plan``."""
    parser.add_argument(
        "--configfile", type=Path, default=Path("config/config.yaml"), help="the experiment's file"
    )
    parser.add_argument("--gpu", default="h100-80gb", help="kind of GPU, such as a100-40gb (h100-80gb)")
    parser.add_argument(
        "--results", type=Path, default=Path("results"), help="folder of experiments (results)"
    )
    parser.add_argument(
        "--length-share", type=float, default=1.0, metavar="SHARE",
        help="mean length of responses as a share of their limit, where none was measured (1.0: no more can come)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables; bytes and seconds")


def run(args) -> None:
    """Print the estimate."""
    import json

    import yaml

    from sent.errors import SentError, nearest
    from sent.experiment import load
    from sent.plan import estimate, page
    from sent.plan.devices import GPUS

    if not args.configfile.is_file():
        raise SentError(f"{args.configfile}: no such file; name the experiment's file with --configfile")
    if args.gpu not in GPUS:
        raise SentError(f"--gpu: no GPU is called '{args.gpu}'{nearest(args.gpu, GPUS)}")
    if not 0 < args.length_share <= 1:
        raise SentError(f"--length-share: expected a share above 0 and up to 1, found {args.length_share}")
    try:
        config = yaml.safe_load(args.configfile.read_text())
    except yaml.YAMLError as error:
        said = " ".join(str(error).split())
        raise SentError(f"{args.configfile}: cannot be read as YAML: {said}") from None
    if not isinstance(config, dict):
        raise SentError(f"{args.configfile}: expected keys and values, found {type(config).__name__}")
    own = Path("config")
    registries = own if (own / "models.yaml").is_file() else Path(__file__).resolve().parents[3] / "config"
    found = estimate.estimate(load(config, registries), GPUS[args.gpu], args.results, args.length_share)
    print(json.dumps(found, indent=1) if args.json else page.page(found))
