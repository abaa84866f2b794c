"""Operations on large tensors as one GPU kernel, where PyTorch can compile it."""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch

from sent.log import logger


@cache
def in_one_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function compiled by ``torch.compile``, which reads and writes a large tensor once where each of its operations
    would; or the function itself, with a line in the log, where there is no compiler.

    Sizes of tensors may change from call to call.
    """
    compiled = torch.compile(function, dynamic=True)
    broken: list[RuntimeError] = []

    def run(*args: Any) -> Any:
        if not broken:
            try:
                return compiled(*args)
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:  # of the compiler, else the function itself raises it again
                broken.append(error)
                logger.warning(
                    "%s cannot be compiled (%s) and is computed by several kernels, at half the speed. Triton needs a C compiler",
                    function.__name__.strip("_"), str(error).strip().partition("\n")[0],
                )  # fmt: skip
        return function(*args)

    return run
