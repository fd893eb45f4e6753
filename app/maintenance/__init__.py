"""Backups, encryption keys, retention and erasure."""

from collections.abc import Callable

ProgressCallback = Callable[[int], None]  # called with the amount of work done so far
