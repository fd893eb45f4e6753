"""``flask keys``: which keys seal visitors' words, and how to change them."""

import json

import click
from flask.cli import with_appcontext

from app.cli.output import show_table
from app.cli.progress import progress_bar
from app.database import Database
from app.maintenance import encryption_keys as key_records
from app.maintenance.key_rotation import (
    RotationResult,
    count_encrypted_rows,
    count_rows_by_key,
    rotate_keys,
)
from app.maintenance.vacuum import purge_deleted
from app.services import current_services


@click.group()
def keys() -> None:
    """The keys that seal what visitors wrote. No command ever shows a key itself."""


@keys.command(name="list", epilog="Example: flask --app wsgi keys list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_appcontext
def list_keys(as_json: bool) -> None:  # noqa: FBT001
    """Each key by its fingerprint, newest first, and how many rows it seals."""
    database = current_services().database
    rows = _rows(database)
    if as_json:
        names = ("fingerprint", "place", "since", "rows")
        click.echo(json.dumps([dict(zip(names, row, strict=True)) for row in rows], indent=2))
    else:
        show_table(("key", "place", "since", "rows"), rows)


@keys.command(epilog="Example: flask --app wsgi keys rotate")
@with_appcontext
def rotate() -> None:
    """Put every sealed text under the newest key, while the site runs.

    First put the new key in front of the others in ENCRYPTION_KEYS and restart the web and
    the mailers. Broken off, it can simply be started again.
    """
    database = current_services().database
    try:
        key_records.register_newest_key(database)
    except key_records.MissingKeyError as error:
        raise click.ClickException(f"{error}; nothing changed") from None
    with progress_bar("Rows", count_encrypted_rows(database)) as on_progress:
        rotation = rotate_keys(database, on_progress)
    click.echo(f"{rotation.reencrypted} rows put under the newest key.")
    _refuse_unfinished(rotation)
    _say_unneeded(database)
    if rotation.undecryptable:
        raise click.ClickException(
            f"{rotation.undecryptable} rows are sealed with a key that is not in ENCRYPTION_KEYS;"
            " they are left as they are"
        )


@keys.command(epilog="Example: flask --app wsgi keys forget 3f2a90c1d4e5")
@click.argument("fingerprint")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
def forget(fingerprint: str, yes: bool) -> None:  # noqa: FBT001
    """Start without a key that is lost for good. What it sealed stays unreadable."""
    database = current_services().database
    with database.read_session() as session:
        known = {one.fingerprint for one in key_records.key_canaries(session)}
    if fingerprint not in known or fingerprint in database.keys.fingerprints:
        raise click.ClickException(f"{fingerprint!r} is no key that is missing; nothing changed")
    lost = count_rows_by_key(database)[None]
    if not yes:
        click.confirm(f"{lost} rows stay unreadable until it is found. Go on?", abort=True)
    with database.session() as session:
        key_records.delete_canaries(session, fingerprint)
    click.echo("forgotten")


def _rows(database: Database) -> list[tuple[str, str, str, int]]:
    counts = count_rows_by_key(database)
    with database.read_session() as session:
        since = {one.fingerprint: one.since for one in key_records.key_canaries(session)}
    ours = database.keys.fingerprints
    places = {name: "newest" if name == ours[0] else "old" for name in ours}
    places |= {name: "missing" for name in since if name not in ours}
    days = {name: since[name].strftime("%Y-%m-%d") if name in since else "" for name in places}
    rows = [(name, place, days[name], counts[name]) for name, place in places.items()]
    return rows + ([("unknown", "missing", "", counts[None])] if counts[None] else [])


def _refuse_unfinished(rotation: RotationResult) -> None:
    if not rotation.complete:
        raise click.ClickException(
            "something still seals with an old key: restart the web and the mailers"
            " with the new ENCRYPTION_KEYS, then run this again"
        )


def _say_unneeded(database: Database) -> None:
    newest, *old = database.keys.fingerprints
    with database.session() as session:
        key_records.delete_canaries(session, *old)
    purge_deleted(database)  # what the old key sealed
    if old:
        click.echo(f"No longer needed in ENCRYPTION_KEYS: {', '.join(old)}")
        click.echo("Keep them as long as you keep a backup from before today.")
    else:
        click.echo(f"Every row is under {newest}, the only key there is.")
