"""Backups, key rotation, retention and erasure."""


class MaintenanceError(Exception):
    """A task cannot be carried out. The message is one line for the operator."""
