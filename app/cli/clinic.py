"""``flask clinic``: create and check a clinic folder."""

import sys
from collections.abc import Callable
from pathlib import Path

import click

from app.cli.doctor import print_results
from app.cli.output import json_option
from app.clinic import scaffold
from app.clinic.placeholders import find_placeholders
from config import ROOT

Command = Callable[..., None]
FOLDER = click.Path(path_type=Path)


@click.group()
def clinic() -> None:
    """Create or check a clinic folder. Neither needs settings or a database."""


def _question_options(command: Command) -> Command:
    """Add an option for each question."""
    for question in reversed(scaffold.QUESTIONS):
        name = f"--{question.name.replace('_', '-')}"
        command = click.option(name, metavar="TEXT", help=f"{question.prompt}.")(command)
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
    try:
        scaffold.require_empty_folder(folder)
        scaffold.clinic_toml(answers)
        if sys.stdin.isatty():
            click.echo("Press Enter to answer later; the file then contains an example.\n")
            _ask_open_questions(answers)
        files = scaffold.write_clinic(folder, answers)
    except scaffold.ScaffoldError as error:
        raise click.ClickException(str(error)) from None
    open_places = len(find_placeholders(folder))
    click.echo(f"{folder}: {len(files)} files written, {open_places} places to fill in.")
    click.echo(f"Preview:  make run CLINIC_DIR={folder}")
    click.echo(f"Check:    flask clinic check {folder}")


def _ask_open_questions(answers: dict[str, str]) -> None:
    """Ask for what ``answers`` do not have, and add it. The first answer decides what follows."""
    asked: set[str] = set()
    while questions := [one for one in scaffold.open_questions(answers) if one.name not in asked]:
        question = questions[0]
        asked.add(question.name)
        if answer := _ask(question, answers):
            answers[question.name] = answer


def _ask(question: scaffold.Question, answers: dict[str, str]) -> str:
    """Ask until the answer is valid. An empty answer keeps the example."""

    def validate(answer: str) -> str:
        answer = answer.strip()
        try:
            scaffold.clinic_toml({**answers, question.name: answer} if answer else answers)
        except scaffold.ScaffoldError as error:
            raise click.BadParameter(str(error)) from None
        return answer

    text = f"{question.prompt} (such as {question.example})"
    return str(click.prompt(text, default="", show_default=False, value_proc=validate))


@clinic.command(epilog="Example: flask clinic check ~/my-clinic")
@click.argument("folder", type=FOLDER, envvar="CLINIC_DIR", default=ROOT / "clinic")
@json_option
def check(folder: Path, as_json: bool) -> None:  # noqa: FBT001
    """Check every file of a clinic folder. Exit status 1 if a check failed.

    Prints one line per check: ok, warning or failed (the site does not start with it), with
    file, line and what to do. FOLDER defaults to CLINIC_DIR, or else to the demo clinic.
    """
    from app.diagnostics.clinic import check_clinic_folder  # noqa: PLC0415  (slow to import)

    print_results(check_clinic_folder(folder), as_json=as_json)
