"""A grading worker process: ``python -m sent.grading.algebra.worker SETTINGS``; tasks and verdicts are lines of JSON.

It ends when its standard input does. Each task runs under two timers whose signals end the process by default,
whatever it is doing: one counts processor time, so that a busy machine changes no verdict, the other the clock.
"""

import contextlib
import json
import os
import resource
import signal
import sys

READY = "ready"
WALL_FACTOR = 4  # seconds by the clock for each second of processor time that a comparison may take
FORBIDDEN = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "subprocess.",
    "socket.",
    "shutil.",
)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def main() -> None:
    """Set limits, import math-verify, then answer tasks ``[gold, answer, tolerance]`` by true, false or an error's name.

    The tolerance may be missing or null: then the settings' applies.
    """
    settings = json.loads(sys.argv[1])
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # nothing that a library prints may mix with the replies
    limit_memory(settings["memory_mb"])
    try:
        from sent.grading.algebra.verify import algebraically_equal
    except ImportError as error:
        print(json.dumps(str(error)), file=replies)
        return
    from sent.grading.answers import Policy, Rounding, same_answer

    policy = settings["policy"]
    policy = Policy(**{**policy, "rounding": Rounding(**policy["rounding"])})
    seal()
    print(json.dumps(READY), file=replies)
    for line in sys.stdin:
        signal.setitimer(signal.ITIMER_PROF, settings["timeout_seconds"])
        signal.setitimer(signal.ITIMER_REAL, WALL_FACTOR * settings["timeout_seconds"])
        try:
            gold, answer, *tolerance = json.loads(line)
            reply: bool | str | None = same_answer(
                gold, answer, policy.with_tolerance(*tolerance), algebraically_equal
            )
        except MemoryError:
            reply = "memory"
        except Exception as error:  # one answer must not end the batch; the parent counts it as an error
            reply = type(error).__name__
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(json.dumps(reply), file=replies)


def limit_memory(megabytes: int) -> None:
    """Let this process have no more memory than so much, and leave no core file."""
    limit = megabytes * 2**20
    with contextlib.suppress(ValueError, OSError):  # macOS knows no limit of address space
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def seal() -> None:
    """Refuse files to write, processes and sockets from here on, whatever an answer may talk a library into."""
    sys.dont_write_bytecode = True

    def refuse(event: str, args: tuple) -> None:
        if event.startswith(FORBIDDEN) or (event == "open" and args[2] & WRITING):
            raise PermissionError(f"a grading worker may not do this: {event}")

    sys.addaudithook(refuse)


if __name__ == "__main__":
    main()
