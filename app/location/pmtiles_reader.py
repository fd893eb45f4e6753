"""Vector tiles out of one local PMTiles file (version 3), which never leaves the host.

The format: https://github.com/protomaps/PMTiles/blob/main/spec/v3/spec.md. The file
is read with ``pread``, which several threads may do at once and which, unlike a
memory map, ends in an error rather than in a crash when somebody cuts the file
short under a running site. The kernel's page cache makes both equally fast.
"""

import gzip
import hashlib
import json
import os
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pmtiles.tile import (
    Compression,
    Entry,
    MagicNumberNotFound,
    SpecVersionUnsupported,
    TileType,
    deserialize_directory,
    deserialize_header,
    find_tile,
    zxy_to_tileid,
)

from app.clinic import ClinicError

HEADER = 127  # bytes
DEPTH = 4  # a directory may point to others, at most three steps down
BROKEN = (ValueError, EOFError, IndexError, KeyError, OSError, zlib.error, MagicNumberNotFound)


@dataclass(frozen=True)
class PMTilesMetadata:
    """What map.js and the static map need to know of the basemap.

    ``bounds`` are west, south, east, north in degrees, ``digest`` stands for
    the file's contents, ``attribution`` is HTML from the file: treat it as a stranger's.
    """

    bounds: tuple[float, float, float, float]
    min_zoom: int
    max_zoom: int
    attribution: str
    digest: str

    @property
    def version(self) -> str:
        """Changes with the contents; stands in the address of every tile."""
        return self.digest[:10]


class PMTilesReader:
    """One PMTiles file of vector tiles. Raises ClinicError, with file and reason, if it is not."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise ClinicError(f"{file}: {error.strerror}") from None
        self._directory = lru_cache(maxsize=64)(self._read_directory)
        try:
            self.metadata = self._check()
        except SpecVersionUnsupported:
            self.close()
            raise ClinicError(f"{file}: not version 3 of PMTiles") from None
        except BROKEN as error:
            self.close()
            raise ClinicError(f"{file}: no PMTiles file, or cut short ({error!r})") from None

    def close(self) -> None:
        os.close(self._descriptor)

    def tile(self, zoom: int, x: int, y: int) -> bytes | None:
        """The gzipped tile as it is stored, or None where the file has none.

        Raises OSError when the file was changed since the start.
        """
        facts = self.metadata
        if not (facts.min_zoom <= zoom <= facts.max_zoom and max(x, y) < 1 << zoom):
            return None
        number = zxy_to_tileid(zoom, x, y)
        offset, length = self._header["root_offset"], self._header["root_length"]
        for _ in range(DEPTH):
            entry = find_tile(self._directory(offset, length), number)
            if entry is None:
                return None
            if entry.run_length:
                found = self._read(self._header["tile_data_offset"] + entry.offset, entry.length)
                return found if self._stored_gzipped else gzip.compress(found, mtime=0)
            offset = self._header["leaf_directory_offset"] + entry.offset
            length = entry.length
        return None

    def _check(self) -> PMTilesMetadata:
        self._header = header = deserialize_header(self._read(0, HEADER))
        if header["tile_type"] is not TileType.MVT:
            raise ValueError(f"holds {header['tile_type'].name} tiles, not vector tiles (MVT)")
        if header["tile_compression"] not in (Compression.GZIP, Compression.NONE):
            raise ValueError(f"tiles packed by {header['tile_compression'].name}, not by gzip")
        if header["internal_compression"] is not Compression.GZIP:
            raise ValueError("its directory is not packed by gzip")
        if header["min_zoom"] > header["max_zoom"] or header["max_zoom"] > 26:
            raise ValueError("its zoom levels make no sense")
        end = header["tile_data_offset"] + header["tile_data_length"]
        if end > os.fstat(self._descriptor).st_size:
            raise EOFError("shorter than its header says")
        self._directory(header["root_offset"], header["root_length"])
        metadata = json.loads(
            gzip.decompress(self._read(header["metadata_offset"], header["metadata_length"]))
        )
        self._stored_gzipped = header["tile_compression"] is Compression.GZIP
        west, south, east, north = (
            header[key] / 1e7 for key in ("min_lon_e7", "min_lat_e7", "max_lon_e7", "max_lat_e7")
        )
        if not (west < east and south < north):
            raise ValueError("its bounds make no sense")
        return PMTilesMetadata(
            bounds=(west, south, east, north),
            min_zoom=header["min_zoom"],
            max_zoom=header["max_zoom"],
            attribution=str(metadata.get("attribution") or ""),
            digest=self._digest(),
        )

    def _digest(self) -> str:
        with self._file.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _read_directory(self, offset: int, length: int) -> list[Entry]:
        return deserialize_directory(self._read(offset, length))

    def _read(self, offset: int, length: int) -> bytes:
        found = os.pread(self._descriptor, length, offset)
        if len(found) != length:
            raise OSError(f"{self._file}: cut short since the start")
        return found
