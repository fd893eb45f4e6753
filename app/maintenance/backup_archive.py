"""The file format of `flask backup`: a tar file with a manifest and a copy of the database.

    manifest.json    version, time, contents, checksum and key check values
    database         SQLite: the database file; PostgreSQL: pg_dump's custom format

It contains no key. Inquiry content is encrypted in it as in the database.
"""

import hashlib
import os
import tarfile
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from app.maintenance import MaintenanceError

MANIFEST, PAYLOAD = "manifest.json", "database"


class BackupError(MaintenanceError):
    """A backup or restore failed."""


class BackupContents(BaseModel, frozen=True):
    """What a copied database contains. ``key_check_values`` are by key fingerprint."""

    revision: str
    tables: list[str]
    inquiries: int
    undelivered: int
    key_check_values: dict[str, bytes]


class Manifest(BaseModel, frozen=True):
    """Describes a backup. ``database`` is the dialect's name, ``sha256`` that of the payload."""

    format: Literal["frontdesk-backup-1"] = "frontdesk-backup-1"
    version: str
    created_at: datetime
    database: str
    sha256: str
    contents: BackupContents


def write(archive: Path, manifest: Manifest, payload: Path) -> None:
    """Write the archive, readable by its owner only, and sync it to disk. Raises OSError."""
    manifest_file = payload.with_name(MANIFEST)
    manifest_file.write_text(manifest.model_dump_json(indent=2), encoding="utf-8")
    archive.touch(mode=0o600)
    with archive.open("wb") as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            tar.add(manifest_file, MANIFEST)
            tar.add(payload, PAYLOAD)
        file.flush()
        os.fsync(file.fileno())


def read_manifest(path: Path) -> Manifest:
    """Return the manifest of the backup ``path``.

    Raises OSError if it cannot be read, and BackupError if it is not a backup.
    """
    try:
        with path.open("rb") as archive, tarfile.open(fileobj=archive, mode="r:") as tar:
            file = tar.extractfile(MANIFEST)
            return Manifest.model_validate_json(file.read() if file else b"")
    except (tarfile.TarError, KeyError, ValueError):
        raise BackupError(f"{path} is not a backup made by `flask backup`") from None


def unpack(path: Path, manifest: Manifest, target: Path) -> None:
    """Write the copy of the database to ``target``. Raises BackupError if it is damaged."""
    digest = hashlib.sha256()
    try:
        with tarfile.open(path, mode="r:") as tar, target.open("xb") as out:
            payload = tar.extractfile(PAYLOAD)
            while payload and (chunk := payload.read(1 << 20)):
                digest.update(chunk)
                out.write(chunk)
    except (OSError, tarfile.TarError, KeyError) as error:
        raise BackupError(f"{path} cannot be unpacked ({type(error).__name__})") from None
    if digest.hexdigest() != manifest.sha256:
        raise BackupError(f"{path} is damaged: its checksum is wrong")


def compute_sha256(file: Path) -> str:
    """Return the SHA-256 of ``file`` in hex."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
