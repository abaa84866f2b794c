"""Functions compiled for a GPU: sizes may change, and without a compiler work goes on, slower."""

import logging

import pytest
import torch
from sent.training.fusing import in_one_kernel


def double(x):
    return 2 * x


@pytest.fixture(autouse=True)
def anew(monkeypatch):
    monkeypatch.setattr("torch.compile", compiling := Compiling())
    in_one_kernel.cache_clear()
    yield compiling
    in_one_kernel.cache_clear()


class Compiling:
    """A compiler that counts what it is given, and whose functions raise ``error`` when they are called."""

    def __init__(self):
        self.given, self.calls, self.error = [], 0, None

    def __call__(self, function, dynamic):
        self.given.append((function, dynamic))

        def run(*args):
            self.calls += 1
            if self.error:
                raise self.error
            return function(*args)

        return run


def test_a_function_is_compiled_once_for_all_sizes(anew):
    assert [in_one_kernel(double)(x) for x in (1, 2)] == [2, 4]
    assert anew.given == [(double, True)] and anew.calls == 2


@pytest.mark.parametrize(
    "error", [RuntimeError("Failed to find C compiler"), torch._dynamo.exc.TorchDynamoException("no triton")]
)
def test_without_a_compiler_the_function_itself_is_called_and_it_is_said_once(anew, caplog, error):
    anew.error = error
    with caplog.at_level(logging.WARNING, "sent"):
        assert [in_one_kernel(double)(x) for x in (1, 2, 3)] == [2, 4, 6]
    (line,) = caplog.messages
    assert line.startswith(f"double cannot be compiled ({error})") and anew.calls == 1


def test_want_of_memory_is_not_want_of_a_compiler(anew):
    anew.error = torch.OutOfMemoryError("CUDA out of memory")
    with pytest.raises(torch.OutOfMemoryError):
        in_one_kernel(double)(1)
