"""Every setting of the project: one pydantic model a stage, with defaults, bounds and meaning, one file a stage.

The JSON schema (``python -m sent schema``), config/README.md's tables and the checks on a user's files come
from here. Nothing here imports torch.
"""

from sent.config.backends import SAMPLERS
from sent.config.base import Name, Settings, given, laid_over
from sent.config.curriculum import Adaptive, Curriculum
from sent.config.data import Data, Generator, Hub, ReasoningGym, Recorded, RowFormat, Source
from sent.config.evaluation import Benchmark, Evaluation
from sent.config.experiment import BASELINE, Experiment
from sent.config.grading import Grading
from sent.config.models import PAPER_PROMPT, Architecture, Model, NliTraining, Pretrain, Resources
from sent.config.parsing import dump, parse, parse_yaml, read_yaml, science
from sent.config.probe import Probe
from sent.config.results import Results
from sent.config.sampling import Backend, Decoding, Sampling, Server, Vllm
from sent.config.semantic_entropy import SemanticEntropy
from sent.config.training import ColocatedVllm, EntropyController, Lora, Method, Part, Training

__all__ = [
    "BASELINE",
    "PAPER_PROMPT",
    "SAMPLERS",
    "Adaptive",
    "Architecture",
    "Backend",
    "Benchmark",
    "ColocatedVllm",
    "Curriculum",
    "Data",
    "Decoding",
    "EntropyController",
    "Evaluation",
    "Experiment",
    "Generator",
    "Grading",
    "Hub",
    "Lora",
    "Method",
    "Model",
    "Name",
    "NliTraining",
    "Part",
    "Pretrain",
    "Probe",
    "ReasoningGym",
    "Recorded",
    "Resources",
    "Results",
    "RowFormat",
    "Sampling",
    "SemanticEntropy",
    "Server",
    "Settings",
    "Source",
    "Training",
    "Vllm",
    "dump",
    "given",
    "laid_over",
    "parse",
    "parse_yaml",
    "read_yaml",
    "science",
]
