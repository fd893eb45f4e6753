"""Request bodies for tests."""

import pytest


class UnreadableBody:
    """A WSGI input that fails the test when anything reads it."""

    def read(self, *_size: int) -> bytes:
        pytest.fail("the body was read")
