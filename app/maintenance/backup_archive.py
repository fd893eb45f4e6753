"""The file format of `flask backup`: a tar file with a manifest and a copy of the database.

    manifest.json    version, time, contents, checksum and key canaries
    database         SQLite: the database file; PostgreSQL: pg_dump's custom format

It contains no key. Inquiry content is encrypted in it as in the database.
"""

import hashlib
import io
import json
import os
import tarfile
from base64 import b64decode
from dataclasses import asdict, dataclass
from pathlib import Path

FORMAT = "frontdesk-backup-1"
MANIFEST, PAYLOAD = "manifest.json", "database"


class BackupError(Exception):
    """A backup or restore failed; the message is one line for the operator."""


@dataclass(frozen=True)
class BackupContents:
    """What a copied database contains. ``canaries`` are base64, by key fingerprint."""

    revision: str
    tables: list[str]
    inquiries: int
    undelivered: int
    canaries: dict[str, str]

    def encrypted_canaries(self) -> dict[str, bytes]:
        return {name: b64decode(text) for name, text in self.canaries.items()}


@dataclass(frozen=True)
class Manifest:
    """Describes a backup. ``created_at`` is ISO 8601; ``database`` is the dialect's name."""

    format: str
    version: str
    created_at: str
    database: str
    sha256: str
    contents: BackupContents


def write(path: Path, manifest: Manifest, payload: Path) -> None:
    """Write the archive, readable by its owner only, and sync it to disk. Raises OSError."""
    path.touch(mode=0o600)
    text = json.dumps(asdict(manifest), indent=2).encode()
    entry = tarfile.TarInfo(MANIFEST)
    entry.size, entry.mode = len(text), 0o600
    with path.open("wb") as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            tar.addfile(entry, io.BytesIO(text))
            tar.add(payload, PAYLOAD, filter=_without_owner)
        file.flush()
        os.fsync(file.fileno())


def read_manifest(path: Path) -> Manifest:
    """Return the manifest of the backup ``path``. Raises BackupError if it is not a backup."""
    try:
        with tarfile.open(path, mode="r:") as tar:
            file = tar.extractfile(MANIFEST)
            values = json.load(file) if file else {}
        if values["format"] != FORMAT:
            raise BackupError(f"{path} has a backup format that this version does not know")
        return Manifest(**{**values, "contents": BackupContents(**values["contents"])})
    except OSError as error:
        if not isinstance(error, tarfile.TarError) and error.strerror:
            raise BackupError(f"cannot read {path}: {error.strerror}") from None
        raise _not_a_backup(path) from None
    except (tarfile.TarError, KeyError, TypeError, ValueError):
        raise _not_a_backup(path) from None


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


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of ``file`` in hex."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _without_owner(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o600
    return entry


def _not_a_backup(path: Path) -> BackupError:
    return BackupError(f"{path} is not a backup made by `flask backup`")
