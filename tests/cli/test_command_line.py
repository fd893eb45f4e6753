"""Every command: help with an example that works as it stands, and one line when it fails."""

import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from flask import Flask

from app.cli import COMMAND_PATHS, LazyCommands
from app.cli.progress import progress_bar
from config import ROOT
from tests.cli.test_commands import Desk, desk
from tests.monitoring.test_health import NOWHERE
from tests.support.smtp_relay import Relay, relay

__all__ = ["desk", "relay"]

START = "flask --app wsgi "
# Those whose exit status can be 1 although they did what they were asked to.
TELL_BY_STATUS = {"doctor", "status", "clinic check", "inquiries export", "db current", "db check"}
NEED_NO_DATABASE = {"cache", "clinic", "doctor", "version"}


def walk(group: click.Group, above: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Each command, by its full name."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command
        if isinstance(command, click.Group):
            yield from walk(command, (*above, name))
        else:
            yield " ".join((*above, name)), command


COMMANDS = dict(walk(LazyCommands("flask")))


def help_of(command: click.Command) -> str:
    return f"{command.help or ''}\n{command.epilog or ''}"


def example_of(command: click.Command) -> list[str]:
    """The words behind ``flask --app wsgi``."""
    found = re.search(rf"Examples?:\s+{START}(.+)", help_of(command))
    assert found, "no example in its help"
    return shlex.split(found[1])


@pytest.mark.parametrize("name", COMMANDS)
def test_its_help_says_what_it_does_and_shows_an_example_that_can_be_typed(name: str) -> None:
    command = COMMANDS[name]
    assert len((command.help or "").split()) > 3
    words, path = example_of(command), name.split()
    assert words[: len(path)] == path
    command.make_context(name, words[len(path) :])  # raises when an option or argument is wrong


@pytest.mark.parametrize("name", sorted(TELL_BY_STATUS - {"db current", "db check"}))
def test_its_help_says_what_its_exit_status_tells(name: str) -> None:
    assert re.search(r"[Ee]xit\s+status\s+1", COMMANDS[name].help or "")


def test_exit_statuses_are_in_the_guide() -> None:
    guide = (ROOT / "docs" / "operating.md").read_text()
    table = guide.partition("## Commands")[2].partition("\n## ")[0]
    assert re.findall(r"^\| (\d+) \|", table, re.MULTILINE) == ["0", "1", "2", "78"]
    (telling,) = (line for line in table.splitlines() if line.startswith("| 1 |"))
    assert set(re.findall(r"`([a-z ]+)`", telling)) == TELL_BY_STATUS


@pytest.mark.parametrize("name", [n for n in COMMANDS if n.split()[0] not in NEED_NO_DATABASE])
def test_a_database_that_is_away_is_one_clear_line(
    name: str, make_app: Callable[..., Flask], tmp_path: Path
) -> None:
    if name == "mailer run":
        return  # it waits for the database: that is its work
    words = [
        str(tmp_path / "new.csv") if "/" in one or "." in one else one
        for one in example_of(COMMANDS[name])
    ]
    app = make_app(DATABASE_URL=NOWHERE)
    result = app.test_cli_runner().invoke(args=[*words, *_without_asking(name)])
    assert result.exit_code == 1
    assert result.output.startswith("Error: "), result.output
    assert result.output.count("\n") == 1


def _without_asking(name: str) -> list[str]:
    return ["--yes"] if any(one.name == "yes" for one in COMMANDS[name].params) else []


@pytest.mark.parametrize(
    "words",
    [
        ("inquiries", "show", "AAA-AAA"),
        ("inquiries", "release", "AAA-AAA", "--yes"),
        ("inquiries", "erase", "AAA-AAA", "--yes"),
        ("outbox", "show", "ffff"),
        ("outbox", "cancel", "ffff", "--yes"),
        ("keys", "forget", "ffff", "--yes"),
        ("backup", "/nowhere/at/all"),
        ("restore", "/nowhere/at/all", "--yes"),
    ],
    ids=" ".join,
)
def test_what_does_not_exist_is_one_clear_line(desk: Desk, words: tuple[str, ...]) -> None:
    result = desk.run(*words)
    assert result.exit_code == 1
    assert result.output.startswith("Error: "), result.output
    assert result.output.count("\n") == 1


def test_inquiries_are_listed_for_programs_too(desk: Desk) -> None:
    desk.send()
    (one,) = json.loads(desk.says("inquiries", "list", "--json"))
    assert (one["state"], one["topic"]) == ("received", "billing")


def test_what_is_shown_to_people_is_there_for_programs_too(desk: Desk, relay: Relay) -> None:
    relay.script = {"rcpt": "451 greylisted"}
    desk.send(message="Line one\nline two")
    desk.says("mailer", "run", "--once")
    reference = desk.inquiries()[0].reference
    one = json.loads(desk.says("inquiries", "show", reference, "--json"))
    assert (one["reference"], one["state"], one["mails"]) == (reference, "received", "pending")
    assert one["words"]["name"] == "Ada Example"
    assert one["words"]["message"] == "Line one\nline two"
    [look] = json.loads(desk.says("inquiries", "audit-log", "--json"))
    assert (look["what"], look["reference"]) == ("shown", reference)
    mail = json.loads(desk.says("outbox", "show", str(desk.message().id)[:8], "--json"))
    assert (mail["reference"], mail["state"], mail["attempts"]) == (reference, "pending", 1)
    assert [(a["outcome"], a["code"]) for a in mail["tried"]] == [("failed", 451)]
    desk.says("inquiries", "erase", reference, "--yes")
    assert json.loads(desk.says("inquiries", "show", reference, "--json"))["words"] is None


def test_every_list_has_a_form_for_programs() -> None:
    ends = (" list", " show", " audit-log")
    shown = [name for name in COMMANDS if name.endswith(ends) and not name.startswith("db ")]
    lists = [*shown, "status", "doctor"]
    for name in lists:
        assert "as_json" in {one.name for one in COMMANDS[name].params}, name
    assert len(lists) > len(COMMAND_PATHS) / 3


def test_a_bar_is_shown_only_where_somebody_watches(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for watched in (False, True):
        monkeypatch.setattr("sys.stderr.isatty", lambda: watched)  # noqa: B023
        with progress_bar("Rows", 200) as tell:
            for done in (100, 200, 100):  # a second pass begins again
                tell(done)
        told = capsys.readouterr()
        assert told.out == ""
        assert bool(told.err) is watched
    assert "100%" in told.err
