"""The version of Frontdesk, as pyproject.toml states it."""

import tomllib
from functools import cache

from config import ROOT


@cache
def version() -> str:
    """Return the version, such as ``1.2.0``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return str(project["project"]["version"])
