"""The file that `flask backup` makes: one tar with a manifest and a copy of the database.

    manifest.json    what it is, from when, how much is in it, which keys open it
    database         SQLite: the database itself; PostgreSQL: pg_dump's custom format

It holds no key. What visitors wrote is sealed in it as in the database.
"""

import hashlib
import io
import json
import os
import tarfile
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from app.maintenance import ProgressCallback, no_progress

FORMAT = "frontdesk-backup-1"
MANIFEST, PAYLOAD = "manifest.json", "database"


class BackupError(Exception):
    """Not backed up, or not restored; the message is one clear line."""


@dataclass(frozen=True)
class BackupContents:
    """What stands in a copied database. ``canaries`` by fingerprint, in base64."""

    revision: str
    tables: list[str]
    inquiries: int
    undelivered: int
    canaries: dict[str, str]

    def encrypted_canaries(self) -> dict[str, bytes]:
        return {name: b64decode(text) for name, text in self.canaries.items()}


def in_base64(canaries: dict[str, bytes]) -> dict[str, str]:
    return {name: b64encode(text).decode() for name, text in canaries.items()}


@dataclass(frozen=True)
class Manifest:
    """Describes a backup. ``created_at`` is ISO 8601; ``database`` is the dialect name."""

    format: str
    version: str
    created_at: str
    database: str
    sha256: str
    contents: BackupContents


def write(path: Path, manifest: Manifest, payload: Path) -> None:
    """Make the file ``path``, whole or not at all, readable by us alone, on disk when
    this returns. Raises BackupError when there is such a file.
    """
    with new_file(path) as file, tarfile.open(fileobj=file, mode="w") as tar:
        head = json.dumps(asdict(manifest), indent=2).encode()
        entry = tarfile.TarInfo(MANIFEST)
        entry.size, entry.mode = len(head), 0o600
        tar.addfile(entry, io.BytesIO(head))
        tar.add(payload, PAYLOAD, filter=_nobodys)


def _nobodys(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o600
    return entry


@contextmanager
def new_file(path: Path) -> Iterator[io.BufferedWriter]:
    """A file that stands at ``path`` once it is complete. Raises BackupError, also when
    there is one already.
    """
    if path.exists():
        raise BackupError(f"{path} exists already; nothing was written")
    try:
        descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise BackupError(f"cannot write {path}: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.link(unfinished, path)  # unlike a rename, it never takes another file's place
        sync_folder(path.parent)
    except FileExistsError:
        raise BackupError(f"{path} exists already; nothing was written") from None
    except OSError as error:
        raise BackupError(f"cannot write {path}: {error.strerror}") from None
    finally:
        Path(unfinished).unlink()


def sync_folder(folder: Path) -> None:
    """Have the names in ``folder`` on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_manifest(path: Path) -> Manifest:
    """What the backup ``path`` says of itself. Raises BackupError when it is none."""
    try:
        with tarfile.open(path, mode="r:") as tar:
            text = tar.extractfile(MANIFEST)
            found = json.load(text) if text else {}
        if found["format"] != FORMAT:
            raise BackupError(f"{path} is a backup of a kind that this version does not know")
        return Manifest(**{**found, "contents": BackupContents(**found["contents"])})
    except OSError as error:
        if not isinstance(error, tarfile.TarError) and error.strerror:
            raise BackupError(f"cannot read {path}: {error.strerror}") from None
        raise _no_backup(path) from None
    except (tarfile.TarError, KeyError, TypeError, ValueError):
        raise _no_backup(path) from None


def unpack(
    path: Path, manifest: Manifest, target: Path, on_progress: ProgressCallback = no_progress
) -> None:
    """Write the copy of the database into ``target``; ``on_progress`` gets the bytes written so
    far. Raises BackupError when it is damaged.
    """
    digest = hashlib.sha256()
    try:
        with tarfile.open(path, mode="r:") as tar, target.open("xb") as out:
            payload = tar.extractfile(PAYLOAD)
            while payload and (chunk := payload.read(1 << 20)):
                digest.update(chunk)
                out.write(chunk)
                on_progress(out.tell())
    except (OSError, tarfile.TarError, KeyError) as error:
        raise BackupError(f"{path} cannot be unpacked ({type(error).__name__})") from None
    if digest.hexdigest() != manifest.sha256:
        raise BackupError(f"{path} is damaged: it is not what was written")


def sha256_of(payload: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with payload.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _no_backup(path: Path) -> BackupError:
    return BackupError(f"{path} is no backup made by `flask backup`")
