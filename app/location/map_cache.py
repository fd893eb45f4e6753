"""map.js and the two SVG images, built once in a subprocess and stored on disk.

Folium, shapely and numpy take 100 MB and a second to load, so a web worker never imports
them. ``python -m app.location.build_maps`` reads the source from its standard input and
writes the files to its standard output. They are stored in one file, named after a digest of
everything that they depend on: workers share it, a changed clinic.toml causes a new build,
and a restart finds it.
"""

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from app.location.markers import Marker
from app.location.pmtiles_reader import PMTilesMetadata

MEDIA_TYPES = {
    "map.js": "text/javascript; charset=utf-8",
    "map.svg": "image/svg+xml",
    "map-dark.svg": "image/svg+xml",
}
LIBRARIES = ("folium", "branca", "mapbox-vector-tile", "shapely")
BUILD_TIMEOUT = 60.0  # seconds
RETRY_DELAY = 300.0  # seconds after a failed build
ROOT = Path(__file__).resolve().parents[2]
log = logging.getLogger("frontdesk.location")


class MapBuildError(Exception):
    """The subprocess failed; the message is the last line of its error output."""


@dataclass(frozen=True)
class MapSource:
    """What the maps are built from. ``basemap`` is the PMTiles file, ``metadata`` describes it."""

    markers: tuple[Marker, ...]
    basemap: str | None
    metadata: PMTilesMetadata | None
    tiles_url: str
    attribution: str

    def json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @property
    def digest(self) -> str:
        """A digest of the contents, this package's code and its libraries; no path."""
        contents = json.dumps({**asdict(self), "basemap": None}, sort_keys=True)
        versions = (f"{name} {version(name)}" for name in LIBRARIES)
        digest = hashlib.sha256("\n".join([contents, *versions]).encode())
        for file in sorted(file for file in Path(__file__).parent.iterdir() if file.is_file()):
            digest.update(file.read_bytes())
        return digest.hexdigest()[:16]


class MapCache:
    """The files built from ``source``, stored in ``folder``; safe for threads and processes."""

    def __init__(self, source: MapSource, folder: Path) -> None:
        self.version = source.digest
        self._source = source
        self._folder = folder
        self._file = folder / f"map-{self.version}.json"
        self._lock = threading.Lock()
        self._contents: dict[str, bytes] = {}
        self._next_try = 0.0
        self._last_error = ""

    def get(self, name: str) -> bytes | None:
        """A file of MEDIA_TYPES, built now if necessary; None when the build failed."""
        if not self._contents:
            with self._lock:
                if not self._contents and time.monotonic() >= self._next_try:
                    self._load()
        return self._contents.get(name)

    def warm_up(self) -> threading.Thread:
        """Build the files in the background, so that no visitor waits."""
        thread = threading.Thread(target=self.get, args=("map.js",), daemon=True)
        thread.start()
        return thread

    def _load(self) -> None:
        try:
            contents = self._read_file() or self._build()
        except (MapBuildError, OSError, subprocess.SubprocessError) as error:
            self._next_try = time.monotonic() + RETRY_DELAY
            if str(error) != self._last_error:
                self._last_error = str(error)
                log.error(
                    "Cannot build the map; pages show addresses and directions without it: %s",
                    error,
                )
            return
        self._contents = {name: contents[name].encode() for name in MEDIA_TYPES}

    def _read_file(self) -> dict[str, str] | None:
        try:
            contents = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        complete = isinstance(contents, dict) and all(
            isinstance(contents.get(name), str) for name in MEDIA_TYPES
        )
        return contents if complete else None

    def _build(self) -> dict[str, str]:
        """Build in a subprocess, under a lock for all workers: one builds, the others read."""
        with _locked(self._folder) as writable:
            if contents := self._read_file():
                return contents
            contents = _run_subprocess(self._source)
            if writable:
                self._write_file(contents)
            return contents

    def _write_file(self, contents: dict[str, str]) -> None:
        """Write the file atomically and delete those of earlier versions."""
        with tempfile.NamedTemporaryFile(
            "w", dir=self._folder, prefix=".map-", delete=False, encoding="utf-8"
        ) as file:
            json.dump(contents, file)
        Path(file.name).replace(self._file)
        for old in self._folder.glob("map-*.json"):
            if old != self._file:
                old.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Hold a lock among all processes; yields False, without one, if ``folder`` is read-only."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / "map.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        log.warning("Cannot store the map; each worker builds its own: %s", error)
        yield False
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield True
    finally:
        os.close(descriptor)


def _run_subprocess(source: MapSource) -> dict[str, str]:
    result = subprocess.run(
        [sys.executable, "-m", "app.location.build_maps"],
        input=source.json(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=BUILD_TIMEOUT,
        check=False,
    )
    if result.returncode:
        error = result.stderr.strip() or f"exit code {result.returncode}"
        raise MapBuildError(error.splitlines()[-1])
    contents: dict[str, str] = json.loads(result.stdout)
    return contents
