"""``flask clinic``: create and check a clinic folder, and get its streets."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, timedelta
from pathlib import Path

import click

from app import clock
from app.cli.doctor import print_results
from app.cli.output import json_option
from app.clinic import scaffold
from app.clinic.placeholders import find_placeholders
from config import ROOT

PMTILES_URL = "https://github.com/protomaps/go-pmtiles/releases"
BUILDS_URL = "https://maps.protomaps.com/builds/"
Command = Callable[..., None]
Answers = dict[str, str]
FOLDER = click.Path(path_type=Path)


@click.group()
def clinic() -> None:
    """Create or check a clinic folder. This needs no settings and no database."""


def _question_options(command: Command) -> Command:
    """Add an option for each question."""
    for question in reversed(scaffold.QUESTIONS):
        help_text = f"{question.prompt}."
        command = click.option(question.option, metavar="TEXT", help=help_text)(command)
    return command


@clinic.command(
    "new", epilog='Example: flask clinic new ~/my-clinic --country GB --name "Harbor Clinic"'
)
@click.argument("folder", type=FOLDER)
@_question_options
def create(folder: Path, **options: str | None) -> None:
    """Create a starter clinic in FOLDER, which must be new or empty.

    On a terminal, it asks for what the options do not give. Unanswered questions leave an
    example marked FILL IN: a preview shows it, production refuses it.
    """
    answers = {name: answer for name, answer in options.items() if answer is not None}
    more_locations: list[Answers] = []
    try:
        scaffold.require_empty_folder(folder)
        scaffold.clinic_toml(answers)
        if sys.stdin.isatty():
            click.echo("Press Enter to answer later; the file then contains an example.\n")
            _ask_open_questions(answers, scaffold.QUESTIONS, scaffold.clinic_toml)
            while click.confirm("\nAnother location?"):
                more_locations.append(_ask_for_location(answers, more_locations))
        files = scaffold.write_clinic(folder, answers, more_locations)
    except scaffold.ScaffoldError as error:
        raise click.ClickException(str(error)) from None
    open_places = len(find_placeholders(folder))
    click.echo(f"{folder}: {len(files)} files written, {open_places} places to fill in.")
    click.echo(f"Preview:  make run CLINIC_DIR={folder}")
    click.echo(f"Check:    {_program()} clinic check {folder}")


def _program() -> str:
    """This program as it was called, such as ``.venv/bin/flask``."""
    path = sys.argv[0]
    return os.path.relpath(path) if Path(path).name == "flask" and os.sep in path else "flask"


def _ask_for_location(answers: Answers, others: list[Answers]) -> Answers:
    """Ask for a further location in the country of ``answers``."""
    country = {"country": answers["country"]} if "country" in answers else {}
    location = dict(country)

    def check(given: Answers) -> None:
        scaffold.clinic_toml(answers, [*others, given])

    _ask_open_questions(location, scaffold.LOCATION_QUESTIONS, check)
    return location


def _ask_open_questions(
    answers: Answers, questions: Iterable[scaffold.Question], check: Callable[[Answers], object]
) -> None:
    """Ask those of ``questions`` that ``answers`` leave open, and add the answers.

    ``check`` raises ScaffoldError for an invalid one. The first answer decides what follows.
    """
    asked: set[str] = set()
    while left := [
        one for one in scaffold.open_questions(answers, questions) if one.name not in asked
    ]:
        question = left[0]
        asked.add(question.name)
        if answer := _ask(question, answers, check):
            answers[question.name] = answer


def _ask(question: scaffold.Question, answers: Answers, check: Callable[[Answers], object]) -> str:
    """Ask until the answer is valid. An empty answer keeps the example."""

    def validate(answer: str) -> str:
        answer = answer.strip()
        try:
            check({**answers, question.name: answer} if answer else answers)
        except scaffold.ScaffoldError as error:
            raise click.BadParameter(str(error)) from None
        return answer

    example = f" (for example {question.example})" if question.example else ""
    text = f"{question.prompt}{example}"
    return str(click.prompt(text, default="", show_default=False, value_proc=validate))


@clinic.command(epilog="Example: flask clinic check ~/my-clinic")
@click.argument("folder", type=FOLDER, envvar="CLINIC_DIR", default=ROOT / "clinic")
@click.option("--ready", is_flag=True, help="Exit status 1 also if production would not start.")
@json_option
def check(folder: Path, ready: bool, as_json: bool) -> None:  # noqa: FBT001
    """Check every file of a clinic folder. Exit status 1 if a check failed.

    Prints one line per check: ok, warning, to do (production does not start with it) or failed
    (the site does not start with it), with file, line and what to do. The last line says whether
    production would start. FOLDER defaults to CLINIC_DIR, or else to the demo clinic.
    """
    from app.diagnostics.clinic import check_clinic_folder, obstacles  # noqa: PLC0415  (slow)

    results = check_clinic_folder(folder)
    reasons = obstacles(results)
    try:
        print_results(results, as_json=as_json)
    finally:
        if not as_json:
            click.echo(f"Not ready: {', '.join(reasons)}" if reasons else "Ready for production")
    if ready and reasons:
        raise click.exceptions.Exit(1)


@clinic.command(epilog="Example: flask clinic streets ~/my-clinic --run")
@click.argument("folder", type=FOLDER, envvar="CLINIC_DIR", default=ROOT / "clinic")
@click.option("--build", metavar="YYYYMMDD", help="The map's build. Default: two days ago.")
@click.option("--run", is_flag=True, help="Run the command; needs the pmtiles program.")
def streets(folder: Path, build: str | None, run: bool) -> None:  # noqa: FBT001
    """Show the command that gets the streets around every location.

    The streets come from OpenStreetMap by way of protomaps.com, which publishes a build of the
    whole world each day; only your part is downloaded. FOLDER defaults to CLINIC_DIR, or else to
    the demo clinic.
    """
    from app.clinic import ClinicError, load_clinic  # noqa: PLC0415  (slow to import)
    from app.location.markers import location_markers  # noqa: PLC0415
    from app.location.viewport import street_bounds  # noqa: PLC0415

    try:
        bounds = street_bounds(location_markers(load_clinic(folder).locations))
    except ClinicError as error:
        raise click.ClickException(str(error)) from None
    build = build or f"{clock.now().astimezone(UTC) - timedelta(days=2):%Y%m%d}"
    target = folder / "basemap.pmtiles"
    command = [
        *("pmtiles", "extract", f"https://build.protomaps.com/{build}.pmtiles", str(target)),
        *(f"--bbox={','.join(f'{degree:.4f}' for degree in bounds)}", "--maxzoom=15"),
    ]
    click.echo(shlex.join(command))
    if run:
        _run(command)
    else:
        click.echo(f"\nThe program: {PMTILES_URL}\nIf the build is missing: {BUILDS_URL}", err=True)


def _run(command: list[str]) -> None:
    if not shutil.which(command[0]):
        raise click.ClickException(f"{command[0]} is not installed: get it at {PMTILES_URL}")
    if subprocess.run(command, check=False).returncode:  # noqa: S603
        raise click.ClickException(f"failed; choose another --build at {BUILDS_URL}")
