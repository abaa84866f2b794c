"""What an engine of vLLM runs in processes of their own, and that its caller hears when one of them is gone.

vLLM 0.32 sees that its engine's process has ended and stops the thread that receives the answers, but leaves whoever
waits for an answer waiting for ever.
"""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from sent.errors import SentError


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Let every wait for an ``LLM`` that is made in the context end with vLLM's EngineDeadError when its process has ended.

    That is from the moment that the process is connected: making the ``LLM`` asks it a few things, too. Without such a
    process this does nothing; at a normal end nobody waits.
    """
    from vllm.v1.engine.core_client import SyncMPClient

    start = SyncMPClient.__init__

    def start_watched(client: Any, *args: Any, **kwargs: Any) -> None:
        start(client, *args, **kwargs)
        # Of the client itself nothing is held: it ends its process when it is collected.
        parts = client.output_queue_thread, client.resources, client.outputs_queue, client.utility_results
        threading.Thread(target=_end_waiting, args=parts, name="vllm-end", daemon=True).start()

    SyncMPClient.__init__ = start_watched
    try:
        yield
    finally:
        SyncMPClient.__init__ = start


def _end_waiting(receiver: threading.Thread, resources: Any, answers: Any, calls: dict) -> None:
    from vllm.v1.engine.exceptions import EngineDeadError

    # A process that ends before the receiver listens does not stop it.
    while receiver.is_alive() and not resources.engine_dead:
        receiver.join(timeout=1)
    resources.engine_dead = True
    answers.put_nowait(EngineDeadError())
    for call in list(calls.values()):
        if not call.done():
            call.set_exception(EngineDeadError())


@contextlib.contextmanager
def end_told(engine: Any) -> Iterator[None]:
    """Raise one :class:`SentError` for whatever vLLM raises in the context because a process of ``engine`` has ended."""
    try:
        yield
    except Exception as error:
        if _has_ended(engine.llm_engine.engine_core):
            raise SentError(
                "vllm cannot go on: a process of its engine is gone; the log above says why, or `dmesg` if the kernel "
                "killed it for its memory; then run the same again"
            ) from error
        raise


def _has_ended(client: Any) -> bool:
    if hasattr(client, "resources"):
        return client.resources.engine_dead
    return getattr(client.engine_core.model_executor, "is_failed", False)  # its workers' processes
