"""``python -m app.cli.doctor``: the same also when the site cannot start."""

import io
from contextlib import redirect_stderr
from pathlib import Path

import click
from flask import Flask

from app.cli.doctor import print_results, valid_address
from app.clinic import ClinicError, load_clinic
from app.diagnostics.checks import run_checks
from app.diagnostics.result import CheckResult, failed, ok, warning
from config import READER, ROOT, Settings, SettingsError


class NoStartError(Exception):
    """The site does not start; the message is the report it ends with."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option(
    "--send-test", metavar="ADDRESS", callback=valid_address, help="Send one real mail there."
)
def main(as_json: bool, send_test: str | None) -> None:  # noqa: FBT001
    """Look at every part of the site and say what to do. Exit status 1 on a fault."""
    print_results(look(send_test), as_json=as_json)


def look(send_test: str | None) -> list[CheckResult]:
    """All findings, or what keeps the site from starting when it cannot."""
    try:
        Settings.from_env()
    except SettingsError as error:
        values, _ = READER.read()
        folder = Path(values.get("CLINIC_DIR") or ROOT / "clinic")
        faults = [failed("settings", line, "See .env.example") for line in _lines(error)[1:]]
        return [*faults, *_clinic_alone(folder), _rest()]
    try:
        app = _site()
    except NoStartError as error:
        return [ok("settings", "complete"), *_clinic_faults(error), _rest()]
    with app.app_context():
        return run_checks(send_test)


def _site() -> Flask:
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            from wsgi import app  # noqa: PLC0415  (importing it starts the site)
    except SystemExit:
        raise NoStartError(said.getvalue()) from None
    return app


def _clinic_alone(folder: Path) -> list[CheckResult]:
    try:
        load_clinic(folder)
    except ClinicError as error:
        return _clinic_faults(error)
    return [ok("clinic", f"{folder} can be read")]


def _clinic_faults(error: Exception) -> list[CheckResult]:
    return [failed("clinic", line, "See docs/customize.md") for line in _lines(error)]


def _rest() -> CheckResult:
    return warning("the rest", "not looked at", "Mend this first, then look again")


def _lines(error: Exception) -> list[str]:
    return [line.strip() for line in str(error).splitlines()]


if __name__ == "__main__":
    main()
