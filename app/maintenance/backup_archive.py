"""The file format of `flask backup`: two lines, then a copy of the database.

    frontdesk-backup-1 KEY HMAC    KEY is the fingerprint of the key that signs the next line
    {"version": …}                 manifest: version, time, contents, size and checksum
    …                              SQLite: the database file; PostgreSQL: pg_dump's custom format

It contains no key. Inquiry content is encrypted in it as in the database. Nothing is parsed or
unpacked before the HMAC of the manifest is verified: whoever can only write to the place where
backups are stored cannot change what a restore puts into the database.
"""

import hashlib
import os
import re
import shutil
from datetime import datetime
from hmac import compare_digest
from pathlib import Path

from pydantic import BaseModel

from app.database.key_check_values import MissingKeyError
from app.encryption import KeyRing
from app.maintenance import MaintenanceError

PAYLOAD = "database"
HEADER = re.compile(rb"frontdesk-backup-1 ([0-9a-f]{12}) ([0-9a-f]{64})\n")
HEADER_SIZE = len("frontdesk-backup-1 \n") + 12 + 1 + 64
MAX_MANIFEST = 1 << 20  # bytes


class BackupError(MaintenanceError):
    """A backup or restore failed."""


class BackupContents(BaseModel, frozen=True):
    """What a copied database contains. ``key_check_values`` are by key fingerprint."""

    revision: str
    tables: list[str]
    schema_objects: list[str]
    inquiries: int
    undelivered: int
    key_check_values: dict[str, bytes]


class Manifest(BaseModel, frozen=True):
    """Describes a backup. ``database`` is the dialect's name; the rest is about the payload."""

    version: str
    created_at: datetime
    database: str
    size: int
    sha256: str
    contents: BackupContents


def write(archive: Path, manifest: Manifest, payload: Path, keys: KeyRing) -> None:
    """Write the archive, readable by its owner only, and sync it to disk. Raises OSError."""
    line = manifest.model_dump_json().encode() + b"\n"
    key = keys.fingerprints[0]
    archive.touch(mode=0o600)
    with archive.open("wb") as file, payload.open("rb") as content:
        file.write(f"frontdesk-backup-1 {key} {keys.sign(line, key)}\n".encode() + line)
        shutil.copyfileobj(content, file, 1 << 20)
        file.flush()
        os.fsync(file.fileno())


def read_manifest(path: Path, keys: KeyRing) -> Manifest:
    """Return the manifest of the backup ``path``, which one of ``keys`` must have signed.

    Raises OSError if it cannot be read, MissingKeyError if another key has signed it, and
    BackupError if it is not a backup or was changed.
    """
    with path.open("rb") as file:
        header = HEADER.fullmatch(file.read(HEADER_SIZE))
        line = file.readline(MAX_MANIFEST)
    if header is None:
        raise BackupError(f"{path} is not a backup made by `flask backup`")
    key, signature = (group.decode() for group in header.groups())
    if key not in keys.fingerprints:
        raise MissingKeyError(
            f"a key is missing: ENCRYPTION_KEYS lacks {key}, which signed {path}."
            " Add it after the newest key"
        )
    if not compare_digest(signature, keys.sign(line, key)):
        raise BackupError(f"{path} was changed after `flask backup` made it")
    return Manifest.model_validate_json(line)


def unpack(path: Path, manifest: Manifest, target: Path) -> None:
    """Write the copy of the database to ``target``. Raises BackupError if it is damaged."""
    digest, remaining = hashlib.sha256(), manifest.size
    try:
        with path.open("rb") as file, target.open("xb") as out:
            file.seek(HEADER_SIZE)
            file.readline(MAX_MANIFEST)
            while chunk := file.read(min(remaining, 1 << 20)):
                remaining -= len(chunk)
                digest.update(chunk)
                out.write(chunk)
    except OSError as error:
        raise BackupError(f"{path} cannot be unpacked: {error.strerror}") from None
    if digest.hexdigest() != manifest.sha256:
        raise BackupError(f"{path} is damaged: its checksum is wrong")


def compute_sha256(file: Path) -> str:
    """Return the SHA-256 of ``file`` in hex."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
