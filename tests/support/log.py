"""Everything that is logged, at any level, also what pytest's caplog does not get."""

import logging
from collections.abc import Iterator
from io import StringIO

import pytest


@pytest.fixture
def log() -> Iterator[StringIO]:
    """What every library logs. Caplog also has what is not passed on."""
    text, root = StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(text), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield text
    root.removeHandler(handler)
    root.setLevel(level)
