"""Run by test_process_group.py, as one of two processes: MINUTES FOLDER. The first is slow to save, then the second silent."""

import sys
import time
from pathlib import Path

from accelerate.utils import gather_object
from sent.config import Model, Training
from sent.errors import SentError
from sent.training.process_group import one_error, patient_barrier
from sent.training.stage import make_accelerator

minutes = float(sys.argv[1])
settings = Training(process_timeout_minutes=minutes)
accelerator = make_accelerator(Model(path="."), settings, Path(sys.argv[2]))
barrier = patient_barrier(accelerator, minutes)
assert gather_object([accelerator.process_index]) == [0, 1]
if accelerator.is_main_process:
    time.sleep(1.3 * minutes * 60)
barrier()
print("saved", flush=True)
if accelerator.process_index == 1:
    time.sleep(3 * minutes * 60)
try:
    with one_error(accelerator, minutes):
        gather_object([accelerator.process_index])
except SentError as error:
    print(f"error: {error}", flush=True)
