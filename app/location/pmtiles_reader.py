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
READ_ERRORS = (ValueError, EOFError, IndexError, KeyError, OSError, zlib.error, MagicNumberNotFound)


@dataclass(frozen=True)
class PMTilesMetadata:
    """What the maps need to know about the file.

    ``bounds`` are west, south, east, north in degrees; ``digest`` is of the file's contents;
    ``attribution`` is untrusted HTML from the file.
    """

    bounds: tuple[float, float, float, float]
    min_zoom: int
    max_zoom: int
    attribution: str
    digest: str

    @property
    def version(self) -> str:
        """Changes with the contents; part of every tile's URL."""
        return self.digest[:10]


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
        except SpecVersionUnsupported:
            self.close()
            raise ClinicError(f"{file}: not PMTiles version 3") from None
        except READ_ERRORS as error:
            self.close()
            raise ClinicError(f"{file}: not a PMTiles file, or truncated ({error!r})") from None

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
                tile = self._read(self._header["tile_data_offset"] + entry.offset, entry.length)
                return tile if self._gzipped else gzip.compress(tile, mtime=0)
            offset = self._header["leaf_directory_offset"] + entry.offset
            length = entry.length
        return None

    def _read_metadata(self) -> PMTilesMetadata:
        self._header = header = deserialize_header(self._read(0, HEADER_SIZE))
        if header["tile_type"] is not TileType.MVT:
            raise ValueError(f"contains {header['tile_type'].name} tiles, not vector tiles (MVT)")
        if header["tile_compression"] not in (Compression.GZIP, Compression.NONE):
            raise ValueError(f"tiles compressed with {header['tile_compression'].name}, not gzip")
        if header["internal_compression"] is not Compression.GZIP:
            raise ValueError("the directory is not compressed with gzip")
        if header["min_zoom"] > header["max_zoom"] or header["max_zoom"] > 26:
            raise ValueError("invalid zoom levels")
        end = header["tile_data_offset"] + header["tile_data_length"]
        if end > os.fstat(self._descriptor).st_size:
            raise EOFError("shorter than the header says")
        self._directory(header["root_offset"], header["root_length"])
        metadata = json.loads(
            gzip.decompress(self._read(header["metadata_offset"], header["metadata_length"]))
        )
        self._gzipped = header["tile_compression"] is Compression.GZIP
        west, south, east, north = (
            header[key] / 1e7 for key in ("min_lon_e7", "min_lat_e7", "max_lon_e7", "max_lat_e7")
        )
        if not (west < east and south < north):
            raise ValueError("invalid bounds")
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
        data = os.pread(self._descriptor, length, offset)
        if len(data) != length:
            raise OSError(f"{self._file}: truncated after it was opened")
        return data
