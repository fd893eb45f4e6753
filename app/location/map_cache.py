"""map.js and the two SVG images, made once by a child process and kept.

Folium, shapely and numpy cost 100 MB and a second: a web worker never loads
them. ``python -m app.location.build_maps`` does, takes the source on its standard
input and gives the texts on its standard output. They are kept in one file,
named after a digest of everything that they depend on, so that several workers
share them, a changed clinic.toml makes new ones, and a restart finds them.
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
MAKERS = ("folium", "branca", "mapbox-vector-tile", "shapely")
PATIENCE = 60.0  # seconds that a build may take
PAUSE = 300.0  # seconds before another try after a failure
ROOT = Path(__file__).resolve().parents[2]
log = logging.getLogger("frontdesk.location")


class MapBuildError(Exception):
    """The child process did not make the maps; the message is its last words."""


@dataclass(frozen=True)
class MapSource:
    """What the maps are made from. ``basemap`` is the PMTiles file, ``facts`` its contents."""

    markers: tuple[Marker, ...]
    basemap: str | None
    metadata: PMTilesMetadata | None
    tiles_url: str
    attribution: str

    def json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @property
    def digest(self) -> str:
        """The same for the same maps: contents, our own code and its libraries, no paths."""
        contents = {**asdict(self), "basemap": None}
        stamp = [
            json.dumps(contents, sort_keys=True),
            *(f"{name} {version(name)}" for name in MAKERS),
        ]
        code = sorted(file for file in Path(__file__).parent.iterdir() if file.is_file())
        digest = hashlib.sha256("\n".join(stamp).encode())
        for file in code:
            digest.update(file.read_bytes())
        return digest.hexdigest()[:16]


class MapCache:
    """The finished maps of ``source``, kept in ``folder``; safe for threads and processes."""

    def __init__(self, source: MapSource, folder: Path) -> None:
        self.version = source.digest
        self._source = source
        self._folder = folder
        self._lock = threading.Lock()
        self._made: dict[str, bytes] = {}
        self._not_before = 0.0
        self._last_words = ""

    def get(self, name: str) -> bytes | None:
        """``map.js``, ``map.svg`` or ``map-dark.svg``; made now if need be. None: it failed."""
        if not self._made:
            with self._lock:
                if not self._made and time.monotonic() >= self._not_before:
                    self._make()
        return self._made.get(name)

    def warm_up(self) -> threading.Thread:
        """Make them in the background, so that no visitor waits."""
        thread = threading.Thread(target=self.get, args=("map.js",), daemon=True)
        thread.start()
        return thread

    def _make(self) -> None:
        try:
            texts = self._kept() or self._build()
        except (MapBuildError, OSError, subprocess.SubprocessError) as error:
            self._not_before = time.monotonic() + PAUSE
            if str(error) != self._last_words:
                self._last_words = str(error)
                log.error(
                    "The map cannot be made; pages show addresses and directions without it: %s",
                    error,
                )
            return
        self._made = {name: texts[name].encode() for name in MEDIA_TYPES}

    @property
    def _file(self) -> Path:
        return self._folder / f"map-{self.version}.json"

    def _kept(self) -> dict[str, str] | None:
        try:
            texts = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        complete = isinstance(texts, dict) and all(
            isinstance(texts.get(name), str) for name in MEDIA_TYPES
        )
        return texts if complete else None

    def _build(self) -> dict[str, str]:
        """Made by a child, under a lock that the other workers wait for."""
        with _locked(self._folder) as writable:
            if texts := self._kept():
                return texts
            texts = _run_child(self._source)
            if writable:
                self._keep(texts)
            return texts

    def _keep(self, texts: dict[str, str]) -> None:
        """Written whole or not at all; those of earlier recipes go."""
        with tempfile.NamedTemporaryFile(
            "w", dir=self._folder, prefix=".map-", delete=False, encoding="utf-8"
        ) as file:
            json.dump(texts, file)
        Path(file.name).replace(self._file)
        for old in self._folder.glob("map-*.json"):
            if old != self._file:
                old.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Alone among all processes; False where the folder cannot be written: then just go on."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / "map.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        log.warning("The map is not kept, each worker makes its own: %s", error)
        yield False
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield True
    finally:
        os.close(descriptor)


def _run_child(source: MapSource) -> dict[str, str]:
    done = subprocess.run(  # noqa: S603  (ours)
        [sys.executable, "-m", "app.location.build_maps", str(os.getpid())],
        input=source.json(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode:
        raise MapBuildError(
            (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
        )
    texts: dict[str, str] = json.loads(done.stdout)
    return texts
