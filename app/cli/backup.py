"""``flask backup`` and ``flask restore``."""

from datetime import datetime
from pathlib import Path

import click
from flask.cli import ScriptInfo, with_appcontext

from app import clock
from app.cli import db  # noqa: F401  (imports the models of all tables)
from app.cli.output import count_of, yes_option
from app.database.migrations import alembic_for
from app.database.revisions import UnknownRevisionError
from app.maintenance.backup import backup_file_name, create_backup, record_backup
from app.maintenance.backup_archive import BackupError, Manifest
from app.maintenance.encryption_keys import MissingKeyError, register_newest_key
from app.maintenance.restore import count_rows, read_backup, restore_backup
from app.services import current_services

PATH = click.Path(path_type=Path)


@click.command(epilog="Example: flask backup /var/backups/frontdesk/")
@click.argument("path", type=PATH)
@with_appcontext
def backup(path: Path) -> None:
    """Back up the database to PATH while the site runs.

    In a folder, the file is named by the time. No file is overwritten. Inquiry content
    stays encrypted: store ENCRYPTION_KEYS elsewhere, or nobody can read it.
    """
    path = path / backup_file_name(clock.now()) if path.is_dir() else path
    try:
        manifest = create_backup(current_services().database, path.absolute())
    except BackupError as error:
        raise click.ClickException(str(error)) from None
    record_backup(current_services().database, datetime.fromisoformat(manifest.created_at))
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
    backed up to the instance folder.
    """
    app = context.ensure_object(ScriptInfo).load_app()
    database = current_services().database
    try:
        click.echo(f"{path}: {_describe(read_backup(database, path))}")
        rows = count_rows(database)
        if rows and not replace:
            raise click.ClickException(
                f"the database is not empty ({rows} rows): use --replace; nothing changed"
            )
        if not yes:
            what = f"Replace the {rows} rows in the database" if rows else "Restore it"
            click.confirm(f"{what}?", abort=True)
        result = restore_backup(
            database,
            path,
            instance=Path(app.instance_path),
            replace=replace,
            upgrade=alembic_for(app).upgrade,
        )
        register_newest_key(database)
    except (BackupError, MissingKeyError, UnknownRevisionError) as error:
        raise click.ClickException(f"{error}; nothing changed") from None
    if result.previous_backup:
        click.echo(f"Backup of the previous content: {result.previous_backup}")
    if result.erased_again:
        click.echo(f"Erased again, as before the restore: {result.erased_again}")
    click.echo("Restored. The outbox is paused: check `outbox list`, cancel what was delivered")
    click.echo("long ago, then run `outbox resume`.")


def _describe(manifest: Manifest) -> str:
    contents = manifest.contents
    return (
        f"{count_of(contents.inquiries, 'inquiry')},"
        f" {count_of(contents.undelivered, 'undelivered email')},"
        f" {manifest.created_at}, revision {contents.revision}"
    )
