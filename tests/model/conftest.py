"""What the model's tests share."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Say nothing of the thousands of faults that are meant to be."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
