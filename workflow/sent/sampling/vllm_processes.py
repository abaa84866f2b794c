"""What an engine of vLLM runs in processes of their own, and that its caller hears when one of them is gone.

vLLM 0.32 sees that its engine's process has ended and stops the thread that receives the answers, but leaves whoever
waits for an answer waiting for ever.
"""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from sent.errors import SentError


def end_waiting(engine: Any) -> None:
    """Let every wait for ``engine``, an ``LLM``, end with vLLM's EngineDeadError when its process has ended.

    Without such a process this does nothing; at a normal end nobody waits.
    """
    client = engine.llm_engine.engine_core
    if receiver := getattr(client, "output_queue_thread", None):
        # Of the client itself nothing is held: it ends its process when it is collected.
        parts = receiver, client.resources, client.outputs_queue, client.utility_results
        threading.Thread(target=_end_waiting, args=parts, name="vllm-end", daemon=True).start()


def _end_waiting(receiver: threading.Thread, resources: Any, answers: Any, calls: dict) -> None:
    from vllm.v1.engine.exceptions import EngineDeadError

    receiver.join()
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
