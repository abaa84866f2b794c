"""Run by test_process_group.py, as one of two processes: MINUTES FOLDER. The disk is slow to save, then the second is silent."""

import sys
import time
from pathlib import Path

from accelerate.utils import gather_object
from sent.config import Model, Training
from sent.errors import SentError
from sent.training import checkpoint
from sent.training.process_group import one_error, patient_barrier
from sent.training.stage import make_accelerator

minutes = float(sys.argv[1])
settings = Training(process_timeout_minutes=minutes)
accelerator = make_accelerator(Model(path="."), settings, Path(sys.argv[2]))
barrier = patient_barrier(accelerator, minutes)
assert gather_object([accelerator.process_index]) == [0, 1]
checkpoint._sync = lambda folder: time.sleep(1.3 * minutes * 60)


def gathered(own: list) -> list:
    barrier()
    return gather_object(own)


saved = checkpoint.Checkpoints(sys.argv[2], "key", "code").save(
    1, {"step": 1}, lambda folder: [], accelerator.is_main_process, gathered
)
print("saved", (saved / "state.json").is_file(), flush=True)
if accelerator.process_index == 1:
    time.sleep(3 * minutes * 60)
try:
    with one_error(accelerator, minutes):
        gather_object([accelerator.process_index])
except SentError as error:
    print(f"error: {error}", flush=True)
