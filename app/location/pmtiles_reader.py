"""Reads vector tiles from a local PMTiles file (version 3).

The format: https://github.com/protomaps/PMTiles/blob/main/spec/v3/spec.md. The file is read
with ``pread``: several threads can use it at once and, unlike a memory map, it raises an error
instead of crashing when the file is truncated while the site runs.
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

HEADER_SIZE = 127  # bytes
MAX_DEPTH = 4  # directories can be nested three levels below the root
READ_ERRORS = (
    *(ValueError, EOFError, IndexError, KeyError, OSError, zlib.error),
    *(MagicNumberNotFound, SpecVersionUnsupported),
)


@dataclass(frozen=True)
class PMTilesMetadata:
    """What the maps need to know about the file.

    ``bounds`` are west, south, east, north in degrees; ``version`` changes with the contents,
    and is part of every tile's URL; ``attribution`` is untrusted HTML from the file.
    """

    bounds: tuple[float, float, float, float]
    min_zoom: int
    max_zoom: int
    attribution: str
    version: str

    @property
    def corners(self) -> list[list[float]]:
        """``bounds`` as Leaflet expects them: latitude first, from southwest to northeast."""
        west, south, east, north = self.bounds
        return [[south, west], [north, east]]


class PMTilesReader:
    """Open a PMTiles file of vector tiles. Raises ClinicError, with file and reason, if invalid."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise ClinicError(f"{file}: {error.strerror}") from None
        self._directory = lru_cache(maxsize=64)(self._read_directory)
        try:
            self.metadata = self._read_metadata()
        except READ_ERRORS as error:
            self.close()
            reason = "not a PMTiles file of version 3, or truncated"
            raise ClinicError(f"{file}: {reason} ({error!r})") from None

    def close(self) -> None:
        os.close(self._descriptor)

    def tile(self, zoom: int, x: int, y: int) -> bytes | None:
        """A gzipped tile, or None if the file does not contain it.

        Raises OSError when the file was truncated after it was opened.
        """
        zooms = range(self.metadata.min_zoom, self.metadata.max_zoom + 1)
        if zoom not in zooms or max(x, y) >= 1 << zoom:
            return None
        tile_id = zxy_to_tileid(zoom, x, y)
        offset, length = self._header["root_offset"], self._header["root_length"]
        for _ in range(MAX_DEPTH):
            entry = find_tile(self._directory(offset, length), tile_id)
            if entry is None:
                return None
            if entry.run_length:
                return self._read(self._header["tile_data_offset"] + entry.offset, entry.length)
            offset = self._header["leaf_directory_offset"] + entry.offset
            length = entry.length
        return None

    def _read_metadata(self) -> PMTilesMetadata:
        self._header = header = deserialize_header(self._read(0, HEADER_SIZE))
        if header["tile_type"] is not TileType.MVT:
            raise ValueError(f"contains {header['tile_type'].name} tiles, not vector tiles (MVT)")
        if header["tile_compression"] is not Compression.GZIP:
            raise ValueError(f"tiles compressed with {header['tile_compression'].name}, not gzip")
        if header["internal_compression"] is not Compression.GZIP:
            raise ValueError("the directory is not compressed with gzip")
        end = header["tile_data_offset"] + header["tile_data_length"]
        if end > os.fstat(self._descriptor).st_size:
            raise EOFError("shorter than the header says")
        self._directory(header["root_offset"], header["root_length"])
        metadata = json.loads(
            gzip.decompress(self._read(header["metadata_offset"], header["metadata_length"]))
        )
        with self._file.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        west, south, east, north = (
            header[key] / 1e7 for key in ("min_lon_e7", "min_lat_e7", "max_lon_e7", "max_lat_e7")
        )
        return PMTilesMetadata(
            bounds=(west, south, east, north),
            min_zoom=header["min_zoom"],
            max_zoom=header["max_zoom"],
            attribution=str(metadata.get("attribution") or ""),
            version=digest[:10],
        )

    def _read_directory(self, offset: int, length: int) -> list[Entry]:
        return deserialize_directory(self._read(offset, length))

    def _read(self, offset: int, length: int) -> bytes:
        data = os.pread(self._descriptor, length, offset)
        if len(data) != length:
            raise OSError(f"{self._file}: truncated after it was opened")
        return data
