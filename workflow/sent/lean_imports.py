"""Start a job faster: keep out what transformers imports for things that no stage does.

Where they are installed, it imports scikit-learn for assisted generation and SciPy for losses of object detection, a fifth of
the time that it takes itself. It asks two functions of `transformers.utils` for them, which say no here. The packages stay
importable: for sentence-transformers, statsmodels and code of a user's own.
"""

import sys
from importlib.abc import MetaPathFinder

ASKED = ("is_sklearn_available", "is_scipy_available")


class _LeanTransformers(MetaPathFinder):
    """Finds nothing: it only learns that `transformers` is done with its own names and about to import models."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if fullname in ("transformers.generation", "transformers.loss"):
            for name in ASKED:
                setattr(sys.modules["transformers.utils"], name, lambda: False)


def install() -> None:
    """Have transformers imported without scikit-learn and SciPy in this process, if it is imported at all."""
    if not any(isinstance(finder, _LeanTransformers) for finder in sys.meta_path):
        sys.meta_path.insert(0, _LeanTransformers())
