"""Work that sites of a test run share, because each of hundreds of sites would repeat it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from app import pages
from app.pages.loader import load_pages
from config import ROOT

MAPS = "FRONTDESK_TEST_MAPS"  # the folder, which workers and nested runs of pytest inherit
if MAPS not in os.environ:
    _maps = tempfile.TemporaryDirectory(prefix="frontdesk-test-maps-")  # deleted at the end
    os.environ[MAPS] = _maps.name


def share_maps(instance: Path) -> None:
    """Let the site in ``instance`` use the maps that another site of the demo clinic has built.

    Not for another clinic: its maps would replace them.
    """
    instance.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):  # started before
        (instance / "cache").symlink_to(os.environ[MAPS])


@pytest.fixture(scope="session", autouse=True)
def demo_pages_are_parsed_once() -> Iterator[None]:
    """Parse the demo clinic's pages once. It takes most of the time of ``create_app``."""
    parsed = dict[str, Any]()

    def load(folder: Path, *arguments: Any) -> Any:
        if folder != ROOT / "clinic":
            return load_pages(folder, *arguments)
        key = repr(arguments)
        if key not in parsed:
            parsed[key] = load_pages(folder, *arguments)
        return parsed[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "load_pages", load)
        yield
