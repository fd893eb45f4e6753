"""map.js and map.svg, built once in a subprocess and stored on disk.

Folium, shapely and numpy take 30 MB and a second to load, so a web worker never imports them:
``python -m app.location.build_maps`` reads the source from its standard input and writes the
files to its standard output. They are stored in one file, named after a digest of everything
that they depend on. All workers share it, also after a restart; a changed clinic.toml causes a
new build.
"""

import fcntl
import hashlib
import logging
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from pydantic import TypeAdapter

from app.location.markers import Marker

MEDIA_TYPES = {
    "map.js": "text/javascript; charset=utf-8",
    "map.svg": "image/svg+xml",
}
LIBRARIES = ("folium", "branca", "mapbox-vector-tile", "shapely")
BUILD_TIMEOUT = 60.0  # seconds
RETRY_DELAY = 300.0  # seconds after a failed build
ROOT = Path(__file__).resolve().parents[2]
log = logging.getLogger("frontdesk.location")


@dataclass(frozen=True)
class MapSource:
    """What the maps are built from. ``basemap_version`` changes with the file's contents."""

    markers: tuple[Marker, ...]
    basemap: Path | None
    basemap_version: str
    tiles_url: str
    attribution: str

    @property
    def version(self) -> str:
        """A digest of this source, this package's code and the versions of its libraries."""
        digest = hashlib.sha256(MAP_SOURCE.dump_json(self, exclude={"basemap"}))
        for library in LIBRARIES:
            digest.update(f"{library} {version(library)}\n".encode())
        for file in sorted(Path(__file__).parent.glob("[!.]*.*")):
            digest.update(file.read_bytes())
        return digest.hexdigest()[:16]


# To JSON and back.
MAP_SOURCE = TypeAdapter(MapSource)
MAP_FILES = TypeAdapter(dict[str, str])


class MapCache:
    """The files built from ``source``, stored in ``folder``; safe for threads and processes."""

    def __init__(self, source: MapSource, folder: Path) -> None:
        self.version = source.version
        self._source = source
        self._file = folder / f"map-{self.version}.json"
        self._lock = threading.Lock()
        self._contents: dict[str, str] = {}
        self._next_try = 0.0

    def get(self, name: str) -> str | None:
        """A file of MEDIA_TYPES, built now if necessary; None if the build failed."""
        with self._lock:
            if not self._contents and time.monotonic() >= self._next_try:
                try:
                    self._contents = self._read_or_build()
                except (OSError, ValueError, subprocess.SubprocessError) as error:
                    self._next_try = time.monotonic() + RETRY_DELAY
                    log.error(
                        "Cannot build the map; pages show addresses and directions without it: %s",
                        error,
                    )
        return self._contents.get(name)

    def _read_or_build(self) -> dict[str, str]:
        """Under a lock for all processes: one builds and stores the files, the others read."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            lock = self._file.with_name("map.lock").open("w")
        except OSError as error:
            log.warning("Cannot store the map; each worker builds its own: %s", error)
            return _run_subprocess(self._source)
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return self._read() or self._store(_run_subprocess(self._source))

    def _read(self) -> dict[str, str] | None:
        try:
            return MAP_FILES.validate_json(self._file.read_bytes())
        except (OSError, ValueError):  # absent, or incomplete after a power failure
            return None

    def _store(self, contents: dict[str, str]) -> dict[str, str]:
        """Write the file and delete those of earlier versions."""
        for old in self._file.parent.glob("map-*.json"):
            old.unlink(missing_ok=True)
        self._file.write_bytes(MAP_FILES.dump_json(contents))
        return contents


def _run_subprocess(source: MapSource) -> dict[str, str]:
    result = subprocess.run(
        [sys.executable, "-m", "app.location.build_maps"],
        input=MAP_SOURCE.dump_json(source),
        cwd=ROOT,
        capture_output=True,
        timeout=BUILD_TIMEOUT,
        check=False,
    )
    if result.returncode:
        error = result.stderr.decode(errors="replace").strip().splitlines() or ["no output"]
        raise subprocess.SubprocessError(f"exit code {result.returncode}: {error[-1]}")
    return MAP_FILES.validate_json(result.stdout)
