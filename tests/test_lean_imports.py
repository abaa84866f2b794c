"""Jobs start without scikit-learn and SciPy, which stay there for whoever imports them."""

import subprocess
import sys

SCRIPT = """
import sys
from sent import lean_imports

lean_imports.install()
lean_imports.install()
assert sum(type(finder).__module__ == "sent.lean_imports" for finder in sys.meta_path) == 1
assert "transformers" not in sys.modules

from transformers import Qwen3Config, Qwen3ForCausalLM

found = {"sklearn", "scipy"} & sys.modules.keys()
assert not found, found

import torch

torch.manual_seed(0)
sizes = dict(vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=1)
config = Qwen3Config(**sizes, num_attention_heads=1, num_key_value_heads=1, head_dim=8, eos_token_id=None)
written = Qwen3ForCausalLM(config).generate(torch.tensor([[1, 2]]), max_new_tokens=3, do_sample=False)
assert written.shape == (1, 5)

from scipy.stats import t
from sentence_transformers import CrossEncoder
from sklearn.metrics import roc_curve
"""


def test_models_are_imported_without_packages_that_no_stage_uses():
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
