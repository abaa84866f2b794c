"""Start another command on GPUs of its own: one process, or one a GPU by `accelerate launch`, on one or more machines."""

import argparse
import os
import subprocess
import sys

from sent import devices
from sent.errors import SentError
from sent.log import logger

SECONDS_TO_SAVE = 3600
"""How long training may take to save after SIGTERM before torch's launcher kills it; its own default is 30."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``sent launch``."""
    parser.add_argument("--gpus", type=int, required=True, help="number of GPUs, on all machines together")
    parser.add_argument("--nodes", type=int, default=1, help="number of machines; more than one under srun")
    parser.add_argument("--accelerate", help="accelerate's config file: one process a GPU")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="command of sent and its options")


def run(args: argparse.Namespace) -> None:
    """Assign the GPUs of this machine, and become the command.

    Raises :class:`SentError` if there are too few GPUs, or if it is not known which machine of several this is.
    """
    if not args.command:
        raise SentError("launch: no command given, as in `python -m sent launch --gpus 1 sampling ...`")
    if args.nodes < 1 or args.gpus % args.nodes:
        raise SentError(f"launch: {args.gpus} GPUs cannot be split evenly over {args.nodes} machines")
    command = command_line(args)
    if args.gpus:
        names = devices.assign(args.gpus // args.nodes)
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(names)
        logger.info("on GPU %s", ", ".join(names))
    os.environ.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", str(SECONDS_TO_SAVE))
    sys.stderr.flush()
    os.execv(command[0], command)


def command_line(args: argparse.Namespace) -> list[str]:
    """Return the command that this process becomes."""
    stage = ["-m", "sent", *args.command]
    if not args.accelerate:
        return [sys.executable, *stage]
    options = ["--config_file", args.accelerate, "--num_processes", str(max(args.gpus, args.nodes))]
    if args.nodes > 1:
        options += machines(args.nodes)
    else:
        options += ["--main_process_port", "0"]  # any free one: several jobs may run on a machine
    return [sys.executable, "-m", "accelerate.commands.launch", *options, *stage]


def machines(nodes: int) -> list[str]:
    """Return accelerate's options for this machine of ``nodes``, from what srun tells its tasks.

    MASTER_ADDR and MASTER_PORT go before the name of the first machine and a port made of the job's number. Raises
    :class:`SentError` outside of srun.
    """
    rank, job = os.environ.get("SLURM_NODEID"), os.environ.get("SLURM_JOB_ID")
    if rank is None or job is None:
        raise SentError(
            f"launch: {nodes} machines need SLURM: run it by `srun --nodes {nodes} --ntasks-per-node 1`, one a machine"
        )
    address = os.environ.get("MASTER_ADDR") or first_host(os.environ.get("SLURM_STEP_NODELIST", ""))
    port = os.environ.get("MASTER_PORT") or str(20000 + int(job) % 10000)
    return [
        *("--num_machines", str(nodes), "--machine_rank", rank),
        *("--main_process_ip", address, "--main_process_port", port),
        *("--deepspeed_multinode_launcher", "standard"),  # srun has started us on every machine already
    ]


def first_host(hosts: str) -> str:
    """Return the first of the machines that SLURM writes as ``node[03-04,7]``.

    Raises :class:`SentError` where SLURM's own tool for it cannot be run.
    """
    try:
        names = subprocess.run(
            ["scontrol", "show", "hostnames", hosts], capture_output=True, text=True, check=True
        )
        return names.stdout.split()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        raise SentError(
            f"launch: cannot read the machines '{hosts}' by `scontrol show hostnames`; set MASTER_ADDR to the first one"
        ) from None
