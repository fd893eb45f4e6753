"""``flask site``: the pages as files, and what a web server has to know of them."""

import fcntl
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext

from app import clock
from app.clinic import current_clinic, hours
from app.ops.duties import current_settings
from app.ops.export import caddy, follow, nginx, tree
from app.ops.export.answers import Answer, fixed_answers
from app.ops.progress import progress

FOLDER = click.Path(path_type=Path, file_okay=False, resolve_path=True)
SERVERS = {"nginx": nginx.rules, "caddy": caddy.rules}


@click.group()
def site() -> None:
    """Let nginx or Caddy give the pages from disk."""


@site.command(epilog="Example: flask --app wsgi site export /var/cache/frontdesk --follow")
@click.argument("folder", type=FOLDER)
@click.option("--follow", "keep_on", is_flag=True, help="Go on, each time the words change.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_appcontext
def export(folder: Path, keep_on: bool, as_json: bool) -> None:  # noqa: FBT001
    """Write every page and file into FOLDER, with Brotli and gzip variants.

    The switch from the old pages to the new ones is one step. They say whether the
    clinic is open: they are right until the time that is told at the end.
    """
    if keep_on:
        command = [sys.executable, "-I", "-S", follow.__file__, str(folder)]
        os.execv(sys.executable, command)  # noqa: S606 - ourselves
    now = clock.now()
    until = hours.next_change(current_clinic(), now).astimezone(UTC)
    answers = _answers()
    try:
        with _alone(folder), progress("Writing", len(answers)) as tell:
            link = tree.write(folder, answers, now, until, tell)
    except OSError as error:
        raise click.ClickException(f"{folder}: {error.strerror}; nothing changed") from None
    told = {"folder": str(link), "answers": len(answers), "until": until.isoformat()}
    words = f"{link}: {len(answers)} answers, right until {until:%Y-%m-%d %H:%M} UTC"
    click.echo(json.dumps(told) if as_json else words)


@site.command(epilog="Example: flask --app wsgi site rules nginx /var/cache/frontdesk")
@click.argument("server", type=click.Choice(list(SERVERS)))
@click.argument("folder", type=FOLDER)
@with_appcontext
def rules(server: str, folder: Path) -> None:
    """Print what SERVER has to know of the files in FOLDER: paths and headers.

    The same headers as the site's own. Once the site's version, settings or pages
    change them, FOLDER is not read under these rules any more, and the site answers
    instead: print them anew then.
    """
    try:
        click.echo(SERVERS[server](folder, _answers()), nl=False)
    except ValueError as error:
        raise click.ClickException(str(error)) from None


def _answers() -> list[Answer]:
    return fixed_answers(current_app._get_current_object(), current_settings().site)  # type: ignore[attr-defined]  # noqa: SLF001


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two exports at once would tidy away each other's work."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
