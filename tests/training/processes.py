"""Run by ``accelerate launch`` in test_update.py: gradients of one update, the mini-batch spread over processes."""

import json
import sys

import torch
from accelerate import PartialState
from test_update import gradients
from tiny import batch

output, methods = sys.argv[1], json.loads(sys.argv[2])
state = PartialState(cpu=True)
mine = list(range(12))[state.process_index :: state.num_processes]
if state.process_index == 1:
    mine = mine[:-1]  # shares need not be equal; the rest goes to process 0
if state.process_index == 0 and state.num_processes > 1:
    mine = [*mine, list(range(12))[1 :: state.num_processes][-1]]
found = {method: gradients(method, batch().select(mine), micro_batch_tokens=40) for method in methods}
if state.is_main_process:
    torch.save(found, output)
PartialState().wait_for_everyone()
