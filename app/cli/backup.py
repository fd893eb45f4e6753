"""``flask backup`` and ``flask restore``."""

from datetime import timedelta
from pathlib import Path

import click
from flask.cli import ScriptInfo, with_appcontext

from app import clock
from app.cli import db  # noqa: F401  (imports the models of all tables)
from app.cli.output import confirm, pluralize, yes_option
from app.database.key_check_values import register_newest_key, require_keys
from app.database.migrations import get_alembic
from app.maintenance import backup_folder, erasure_list
from app.maintenance.backup import create_backup, expect_backups, record_backup
from app.maintenance.backup_archive import Manifest
from app.maintenance.restore import count_rows, read_backup, restore_backup
from app.services import current_services

PATH = click.Path(path_type=Path)


@click.command(epilog="Example: flask backup /var/backups/frontdesk/")
@click.argument("path", type=PATH)
@click.option(
    "--keep",
    metavar="DAYS",
    type=click.IntRange(min=1),
    help="First delete backups in the folder PATH, except those of the last 24 hours, the newest"
    " of each day for DAYS days, and the newest of all.",
)
@click.option(
    "--every",
    metavar="HOURS",
    type=click.IntRange(min=1),
    help="How often this command runs: an alert is sent when three backups are missing.",
)
@with_appcontext
def backup(path: Path, keep: int | None, every: int | None) -> None:
    """Back up the database to PATH while the site runs.

    In a folder, the file is named by the time. No file is overwritten. Inquiry content
    stays encrypted: store ENCRYPTION_KEYS elsewhere, or nobody can read it. A list of erased
    inquiries is kept next to the backups: copy it with them.
    """
    services = current_services()
    database, instance = services.database, services.settings.instance_dir
    backup_folder.delete_abandoned_folders(instance)
    interval = timedelta(hours=every) if every else None
    if interval:
        expect_backups(database, clock.now(), interval)
    if keep and not path.is_dir():
        raise click.UsageError("with --keep, PATH must be a folder")
    if keep and (deleted := backup_folder.delete_old_backups(path, keep, clock.now())):
        click.echo(f"Old backups deleted: {deleted}")
    path = path / backup_folder.backup_file_name(clock.now()) if path.is_dir() else path
    manifest = create_backup(database, path.absolute())
    erasure_list.update_list(database, path.absolute().parent, instance)
    require_keys(manifest.contents.key_check_values, database.keys)
    record_backup(database, manifest.created_at, interval)
    click.echo(f"{path}: {_describe(manifest)}")


@click.command(epilog="Example: flask restore frontdesk-20261123T153000Z.backup")
@click.argument("path", type=PATH)
@click.option("--replace", is_flag=True, help="Replace a database that is not empty.")
@yes_option
@with_appcontext
@click.pass_context
def restore(context: click.Context, path: Path, replace: bool, yes: bool) -> None:  # noqa: FBT001
    """Restore the backup PATH and pause the outbox.

    Nothing is sent until `outbox resume`. The current content of the database is first
    backed up to the instance folder. Inquiries on the list of erased inquiries, beside PATH
    or in the instance folder, are erased again.
    """
    database = current_services().database
    instance = current_services().settings.instance_dir
    instance.mkdir(parents=True, exist_ok=True)
    manifest = read_backup(database, path)
    click.echo(f"{path}: {_describe(manifest)}")
    rows = count_rows(database)
    if rows and not replace:
        raise click.ClickException(f"the database is not empty ({rows} rows): use --replace")
    confirm(f"Replace the {rows} rows in the database?" if rows else "Restore it?", yes=yes)
    previous_backup, erased_again = restore_backup(
        database,
        path,
        manifest,
        instance=instance,
        upgrade=get_alembic(context.ensure_object(ScriptInfo).load_app()).upgrade,
    )
    register_newest_key(database)
    if previous_backup:
        click.echo(f"Backup of the previous content: {previous_backup}")
    if erased_again:
        click.echo(f"Erased again, as before the restore: {erased_again}")
    if not (path.parent / erasure_list.FILE_NAME).exists():
        click.echo(f"There is no {erasure_list.FILE_NAME} next to the backup. Erase again what was")
        click.echo(f"erased after {manifest.created_at:%Y-%m-%d %H:%M} UTC.")
    click.echo("Restored. The outbox is paused: check `outbox list`, cancel what was delivered")
    click.echo("long ago, then run `outbox resume`.")


def _describe(manifest: Manifest) -> str:
    contents = manifest.contents
    return (
        f"{pluralize(contents.inquiries, 'inquiry')},"
        f" {pluralize(contents.undelivered, 'undelivered email')},"
        f" {manifest.created_at:%Y-%m-%d %H:%M:%S} UTC, revision {contents.revision}"
    )
