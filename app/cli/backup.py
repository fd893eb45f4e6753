"""``flask backup`` and ``flask restore``."""

from datetime import datetime
from pathlib import Path

import click
from flask.cli import ScriptInfo, with_appcontext

from app import clock
from app.cli.progress import progress_bar
from app.database.migrations import alembic_for
from app.database.revisions import UnknownRevisionError
from app.maintenance.backup import backup_file_name, create_backup, record_backup
from app.maintenance.backup_archive import BackupError, Manifest
from app.maintenance.encryption_keys import MissingKeyError, register_newest_key
from app.maintenance.restore import RestoreResult, count_rows, read_backup, restore_backup
from app.services import current_services

FAULTS = (BackupError, MissingKeyError, UnknownRevisionError)
PATH = click.Path(path_type=Path)


@click.command(epilog="Example: flask --app wsgi backup /var/backups/frontdesk/")
@click.argument("path", type=PATH)
@with_appcontext
def backup(path: Path) -> None:
    """Write a consistent copy of the database to PATH while the site runs.

    A folder gets a file named by the time. No file is ever overwritten. What visitors
    wrote stays sealed in it: keep ENCRYPTION_KEYS elsewhere, or nobody can read it.
    """
    path = path / backup_file_name(clock.now()) if path.is_dir() else path
    try:
        manifest = create_backup(current_services().database, path.absolute())
    except BackupError as error:
        raise click.ClickException(str(error)) from None
    record_backup(current_services().database, datetime.fromisoformat(manifest.created_at))
    click.echo(f"{path}: {_content(manifest)}")


@click.command(epilog="Example: flask --app wsgi restore frontdesk-20261123T153000Z.backup")
@click.argument("path", type=PATH)
@click.option("--replace", is_flag=True, help="Also when the database is not empty.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
@click.pass_context
def restore(context: click.Context, path: Path, replace: bool, yes: bool) -> None:  # noqa: FBT001
    """Put the backup PATH in the place of the database, and the outbox on hold.

    Nothing is sent until `outbox resume`. What is in the database now is kept in
    a backup of its own, in the instance folder.
    """
    app = context.ensure_object(ScriptInfo).load_app()
    database = current_services().database
    try:
        click.echo(f"{path}: {_content(read_backup(database, path))}")
        rows = count_rows(database)
        if rows and not replace:
            raise BackupError(f"the database is not empty ({rows} rows): say --replace")
        if not yes:
            what = f"Replace the {rows} rows in the database" if rows else "Put it in place"
            click.confirm(f"{what}?", abort=True)
        with progress_bar("Unpacking", path.stat().st_size) as on_progress:
            done = restore_backup(
                database,
                path,
                instance=Path(app.instance_path),
                replace=replace,
                upgrade=alembic_for(app).upgrade,
                on_progress=on_progress,
            )
        register_newest_key(database)
    except FAULTS as error:
        raise click.ClickException(f"{error}; nothing changed") from None
    _tell(done)


def _content(manifest: Manifest) -> str:
    contents = manifest.contents
    return (
        f"{contents.inquiries} inquiries, {contents.undelivered} mails undelivered,"
        f" {manifest.created_at}, revision {contents.revision}"
    )


def _tell(done: RestoreResult) -> None:
    if done.kept_in:
        click.echo(f"What was there before: {done.kept_in}")
    if done.erased_again:
        click.echo(f"Erased again, as before the restore: {done.erased_again}")
    click.echo("Restored. The outbox is on hold: look at `outbox list`, cancel what has arrived")
    click.echo("long ago, then `outbox resume`.")
