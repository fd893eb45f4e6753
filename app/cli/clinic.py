"""``flask clinic``: a folder of your own to start from, and a look at what is in it.

Both work before any setting exists, and need no database.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import click

from app.cli.doctor import print_results
from app.clinic import scaffold
from app.clinic.placeholders import find_placeholders
from config import ROOT

Command = Callable[..., None]
FOLDER = click.Path(path_type=Path)


@click.group()
def clinic() -> None:
    """Make a clinic's folder, and check one. Neither needs settings or a database."""


def _with_an_option_for_each_question(command: Command) -> Command:
    for question in reversed(scaffold.QUESTIONS):
        name = f"--{question.name.replace('_', '-')}"
        command = click.option(name, metavar="TEXT", help=f"{question.prompt}.")(command)
    return command


@clinic.command("new")
@click.argument("folder", type=FOLDER)
@_with_an_option_for_each_question
def make_new(folder: Path, **flags: str | None) -> None:
    """Write a starter clinic into FOLDER, which must be new or empty.

    On a terminal it asks for what no option says. What stays open holds an example
    marked FILL IN: a preview shows it, production refuses it.

    \b
    Example: flask --app wsgi clinic new ~/my-clinic --name "Harbor Clinic"
    """  # noqa: D301  (click's own mark for a line that is not to be wrapped)
    answers = {name: answer for name, answer in flags.items() if answer is not None}
    try:
        scaffold.require_empty_folder(folder)
        scaffold.clinic_toml(answers)
        if sys.stdin.isatty():
            answers |= _ask(answers)
        written = scaffold.write_clinic(folder, answers)
    except scaffold.ScaffoldError as error:
        raise click.ClickException(str(error)) from None
    _say_what_is_next(folder, len(written))


def _ask(known: scaffold.Answers) -> dict[str, str]:
    """Ask for what is not ``known``; an empty answer leaves the example in its place."""
    click.echo("Press Enter to leave something for later; the file then holds an example.\n")
    answers = {}
    for question in scaffold.QUESTIONS:
        if question.name not in known and (answer := _answer(question)):
            answers[question.name] = answer
    return answers


def _answer(question: scaffold.Question) -> str:
    while True:
        prompt = f"{question.prompt} (such as {question.example})"
        answer: str = click.prompt(prompt, default="", show_default=False).strip()
        try:
            scaffold.clinic_toml({question.name: answer} if answer else {})
        except scaffold.ScaffoldError as error:
            click.echo(f"  {error}")
        else:
            return answer


def _say_what_is_next(folder: Path, count: int) -> None:
    left = len(find_placeholders(folder))
    click.echo(f"{folder}: {count} files written, {left} places in them to fill in.")
    click.echo(f"See it:    make run CLINIC_DIR={folder}")
    click.echo(f"Check it:  flask --app wsgi clinic check {folder}")


@clinic.command()
@click.argument("folder", type=FOLDER, envvar="CLINIC_DIR", default=ROOT / "clinic")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def check(folder: Path, as_json: bool) -> None:  # noqa: FBT001
    """Look at every file of a clinic's folder. Exit status 1 on a fault.

    A line each: ok, warning, or fault (the site does not start with it), with file
    and line, and what to do. Without FOLDER: CLINIC_DIR, or else the demo clinic.

    \b
    Example: flask --app wsgi clinic check ~/my-clinic
    """  # noqa: D301  (click's own mark for a line that is not to be wrapped)
    from app.diagnostics.clinic import check_clinic_folder  # noqa: PLC0415  (geometry; no web worker needs it)

    print_results(check_clinic_folder(folder), as_json=as_json)
