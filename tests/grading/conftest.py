"""Fixtures of the grading tests."""

import pytest
from sent.config import Grading
from sent.grading.grader import Grader


@pytest.fixture(scope="session")
def grader():
    """A grader with the default settings, but a shorter time limit."""
    with Grader(Grading(timeout_seconds=3)) as shared:
        yield shared


@pytest.fixture
def verdict(grader):
    """The verdict on a bare answer by the default settings."""
    return lambda gold, answer: grader.grade_answers([(gold, answer)])[0].verdict
