"""A SLURM cluster on this machine, which plays two: for tests, and to try the SLURM profile out.

    python tests/workflow/local_slurm.py      prints the variables to export, and runs until interrupted

Needs the Debian packages slurm-wlm and munge. Everything that it writes is in a temporary folder. There is no
accounting: Snakemake must ask squeue. Each node pretends two GPUs, so that jobs can ask for some.
"""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "srun")
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
NODES = ("one", "two")
PRETENDED_GPUS = ("/dev/null", "/dev/zero")
SECONDS_TO_START = 30

CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=2
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
KillWait=30
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SchedulerParameters=defer_batch,bf_interval=1,sched_interval=1
GresTypes=gpu
NodeName=DEFAULT CPUs={processors} RealMemory={memory} Gres=gpu:{gpus} State=UNKNOWN
NodeName={nodes[0]} NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[0]}
NodeName={nodes[1]} NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> list[str]:
    """Return the programs that would have to be installed."""
    return [name for name in PROGRAMS if shutil.which(name, path=SEARCH_PATH) is None]


@contextmanager
def cluster() -> Iterator[dict[str, str]]:
    """Run a cluster; give the environment variables by which commands find it.

    Raises :class:`RuntimeError` with the end of the daemons' logs if it does not come up.
    """
    # Not in pytest's folder: a socket's path may be no longer than 107 characters.
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slurm-")))
        write_configuration(folder)
        environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}

        def ask(*command: str) -> str:
            return subprocess.run(command, env=environment, capture_output=True, text=True).stdout

        munge = {"key-file": "key", "socket": "socket", "pid-file": "pid", "seed-file": "seed"}
        own = [f"--{option}={folder}/munge.{name}" for option, name in munge.items()]
        daemons = [
            ("munged", ["--foreground", "--force", "--log-file=/dev/stdout", *own]),
            ("slurmctld", ["-D"]),
            *(("slurmd", ["-D", "-N", node]) for node in NODES),
        ]
        for name, options in daemons:
            stack.enter_context(daemon(name, options, folder, environment))
            if name == "munged":
                wait_until(lambda: (folder / "munge.socket").exists(), name, folder)
            if name == "slurmctld":
                wait_until(lambda: "UP" in ask("scontrol", "ping"), name, folder)
        wait_until(
            lambda: ask("sinfo", "--Node", "--noheader", "--format=%T").split() == ["idle"] * 2,
            "slurmd",
            folder,
        )
        yield {
            "SLURM_CONF": environment["SLURM_CONF"],
            "PATH": f"{folder}/bin{os.pathsep}{os.environ['PATH']}",
        }


def write_configuration(folder: Path) -> None:
    """Write slurm.conf, gres.conf and munge's key."""
    host = socket.gethostname().partition(".")[0]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    text = CONFIGURATION.format(
        host=host,
        user=getpass.getuser(),
        folder=folder,
        processors=os.cpu_count(),
        memory=memory * 9 // 10 // len(NODES),
        gpus=len(PRETENDED_GPUS),
        controller_port=free_port(),
        nodes=NODES,
        ports=[free_port() for _ in NODES],
    )
    (folder / "slurm.conf").write_text(text)
    (folder / "gres.conf").write_text("".join(f"Name=gpu File={file}\n" for file in PRETENDED_GPUS))
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o400)
    for name in ("state", *(f"spool-{node}" for node in NODES)):
        (folder / name).mkdir()
    # Snakemake's plugin hides SLURM_CONF from the srun inside of a job.
    (folder / "bin").mkdir()
    (folder / "bin" / "srun").write_text(
        f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {shutil.which("srun", path=SEARCH_PATH)} "$@"\n'
    )
    (folder / "bin" / "srun").chmod(0o755)
    folder.chmod(0o711)  # munge refuses a socket that others cannot reach


@contextmanager
def daemon(name: str, options: list[str], folder: Path, environment: dict) -> Iterator[None]:
    """Run a daemon in the foreground of a process of ours, and end it afterwards."""
    program = shutil.which(name, path=SEARCH_PATH)
    with (folder / f"{name}.log").open("a") as log:
        # It ends with this process, too, even if that is killed.
        command = ["setpriv", "--pdeathsig", "TERM", program, *options]
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_until(ready: Callable[[], bool], name: str, folder: Path) -> None:
    """Wait until a daemon answers."""
    for _ in range(SECONDS_TO_START * 5):
        if ready():
            return
        time.sleep(0.2)
    logs = "\n".join(path.read_text()[-2000:] for path in sorted(folder.glob("*.log")))
    raise RuntimeError(f"{name} does not answer after {SECONDS_TO_START} seconds:\n{logs}")


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    if names := missing():
        raise SystemExit(f"{', '.join(names)}: not found; `apt-get install slurm-wlm munge`")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with cluster() as variables, suppress(KeyboardInterrupt):
        print(*(f"export {name}={value}" for name, value in variables.items()), sep="\n", flush=True)
        signal.pause()
