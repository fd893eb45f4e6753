"""``flask version``."""

import click

from app.version import version


@click.command("version", epilog="Example: flask version")
def show_version() -> None:
    """Show the version of Frontdesk."""
    click.echo(f"Frontdesk {version()}")
