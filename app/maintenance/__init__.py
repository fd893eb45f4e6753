"""Backups, encryption keys, retention and erasure."""
