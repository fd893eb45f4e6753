"""Which Frontdesk this is. pyproject.toml says so, and nothing else does."""

import tomllib
from functools import cache

import click

from config import ROOT


@cache
def version() -> str:
    """As in CHANGELOG.md: ``1.2.0``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return str(project["project"]["version"])


@click.command("version", epilog="Example: flask --app wsgi version")
def tell_version() -> None:
    """Say which Frontdesk this is."""
    click.echo(f"Frontdesk {version()}")
