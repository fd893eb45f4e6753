"""``flask keys``: list and rotate the encryption keys."""

import click
from flask.cli import AppGroup

from app.cli.output import confirm, json_option, pluralize, print_rows, yes_option
from app.database import key_check_values
from app.maintenance.key_rotation import count_rows_by_key, rotate_keys
from app.maintenance.vacuum import purge_deleted
from app.services import current_services

keys = AppGroup("keys", help="List and rotate encryption keys. No command shows a key itself.")


@keys.command(name="list", epilog="Example: flask keys list")
@json_option
def list_keys(as_json: bool) -> None:  # noqa: FBT001
    """List keys by fingerprint, with the rows they encrypt."""
    database = current_services().database
    counts = count_rows_by_key(database)
    with database.read_session() as session:
        check_values = key_check_values.get_key_check_values(session)
    since = {value.fingerprint: value.since.strftime("%Y-%m-%d") for value in check_values}
    newest, *old = database.keys.fingerprints
    status = {newest: "newest", **dict.fromkeys(old, "old")}
    status |= {name: "missing" for name in since if name not in status}
    rows = [(name, status[name], since.get(name, ""), counts[name]) for name in status]
    if counts[None]:
        rows.append(("unknown", "missing", "", counts[None]))
    print_rows(("fingerprint", "status", "since", "rows"), rows, as_json=as_json)


@keys.command(epilog="Example: flask keys rotate")
def rotate() -> None:
    """Re-encrypt all rows with the newest key while the site runs.

    First add the new key before the others in ENCRYPTION_KEYS, and restart web and mailer.
    An interrupted rotation can be started again.
    """
    database = current_services().database
    key_check_values.register_newest_key(database)
    old = database.keys.fingerprints[1:]
    result = rotate_keys(database)
    if result.complete:
        with database.session() as session:
            key_check_values.delete_check_values(session, *old)
        # From now on nothing is stored under an old key, so this pass finds the last such rows.
        result.reencrypted += rotate_keys(database).reencrypted
    click.echo(f"{pluralize(result.reencrypted, 'row')} re-encrypted with the newest key.")
    if not result.complete:
        raise click.ClickException(
            "a process still uses an old key: restart web and mailer with the new"
            " ENCRYPTION_KEYS, then run this again"
        )
    purge_deleted(database)
    if old:
        click.echo(f"No longer needed in ENCRYPTION_KEYS: {', '.join(old)}")
        click.echo("Keep them as long as you keep a backup made before today.")
    if result.undecryptable:
        raise click.ClickException(
            f"{pluralize(result.undecryptable, 'row')} encrypted with a key that is not in"
            " ENCRYPTION_KEYS; not changed"
        )


@keys.command(epilog="Example: flask keys forget 3f2a90c1d4e5")
@click.argument("fingerprint")
@yes_option
def forget(fingerprint: str, yes: bool) -> None:  # noqa: FBT001
    """Allow starting without a lost key. What it encrypted stays unreadable."""
    database = current_services().database
    with database.read_session() as session:
        known = {value.fingerprint for value in key_check_values.get_key_check_values(session)}
    if fingerprint not in known or fingerprint in database.keys.fingerprints:
        raise click.ClickException(f"{fingerprint!r} is not a missing key; nothing changed")
    rows = pluralize(count_rows_by_key(database)[None], "row")
    confirm(f"{rows} cannot be read unless the key is found. Continue?", yes=yes)
    with database.session() as session:
        key_check_values.delete_check_values(session, fingerprint)
    click.echo("Key forgotten.")
