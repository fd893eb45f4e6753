"""Documents, deploy files and help texts mention nothing that no longer exists."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from app.cli import LazyCommands
from config import ROOT

REMOVED = (
    "site export",
    "site rules",
    "frontdesk-pages",
    "PAGES_RULES",
    "with-env",
    "MAILER_BESIDE_WEB",
    "rehearsal",
    "guardian",
    "danger.toml",
    "strapline",
    "step_free",
)
FOLDERS = ("docs", "deploy", "clinic")
FILES = ("README.md", "Makefile", ".env.example", "gunicorn.conf.py", "Procfile")
BINARY = {".png", ".pmtiles"}


def documents() -> dict[str, str]:
    """Return the texts that people read to install and run the site, by path."""
    files = [file for name in FOLDERS for file in (ROOT / name).rglob("*")]
    files += [ROOT / name for name in FILES]
    return {
        str(file.relative_to(ROOT)): file.read_text(encoding="utf-8")
        for file in files
        if file.is_file() and file.suffix not in BINARY
    }


def help_texts(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    """Yield the help of ``command`` and of all its subcommands."""
    context = click.Context(command, info_name=name)
    yield f"{name} --help", command.get_help(context)
    if isinstance(command, click.Group):
        for subcommand in command.list_commands(context):
            found = command.get_command(context, subcommand)
            assert found
            yield from help_texts(found, f"{name} {subcommand}")


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return documents() | dict(help_texts(LazyCommands("flask"), "flask"))


def test_there_are_documents_and_help_texts(texts: dict[str, str]) -> None:
    assert {"README.md", "docs/deploy.md", "deploy/nginx/frontdesk.conf"} <= set(texts)
    assert "flask cache warm --help" in texts


@pytest.mark.parametrize("name", REMOVED)
def test_no_text_mentions_a_removed_name(name: str, texts: dict[str, str]) -> None:
    found = [place for place, text in texts.items() if name.lower() in text.lower()]
    assert not found


def test_no_file_has_a_removed_name() -> None:
    names = [Path(place).name for place in documents()]
    assert not [file for file in names if Path(file).stem in REMOVED]
