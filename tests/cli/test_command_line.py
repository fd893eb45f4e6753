"""Every command has help with a working example, and reports an error in one line."""

import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from flask import Flask

from app.cli import COMMAND_PATHS, LazyCommands
from config import ROOT
from tests.cli.test_commands import Desk, desk
from tests.monitoring.test_health import NOWHERE
from tests.support.smtp_relay import Relay, relay

__all__ = ["desk", "relay"]

# Commands whose exit status can be 1 although they ran without an error.
REPORT_BY_STATUS = {
    "doctor", "status", "clinic check", "inquiries export", "db current", "db check",
}  # fmt: skip
NEED_NO_DATABASE = {"cache", "clinic", "doctor", "mail", "version"}


def walk(group: click.Group, above: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Yield each command with its full name."""
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


def example_of(name: str) -> list[str]:
    """Return the arguments of ``flask`` in the example."""
    if name.startswith("db "):
        return name.split()
    found = re.search(r"Example: flask (.+)", help_of(COMMANDS[name]))
    assert found, "no example in its help"
    return shlex.split(found[1])


# The commands below `db` come from Flask-Alembic.
@pytest.mark.parametrize("name", [name for name in COMMANDS if not name.startswith("db ")])
def test_help_describes_the_command_and_shows_a_valid_example(name: str) -> None:
    command = COMMANDS[name]
    assert len((command.help or "").split()) > 3
    arguments, path = example_of(name), name.split()
    assert arguments[: len(path)] == path
    command.make_context(name, arguments[len(path) :])  # raises for a wrong option or argument


@pytest.mark.parametrize("name", sorted(REPORT_BY_STATUS - {"db current", "db check"}))
def test_help_explains_the_exit_status(name: str) -> None:
    assert re.search(r"[Ee]xit\s+status\s+1", COMMANDS[name].help or "")


def test_the_guide_lists_the_exit_statuses() -> None:
    guide = (ROOT / "docs" / "operating.md").read_text()
    table = guide.partition("## Commands")[2].partition("\n## ")[0]
    assert re.findall(r"^\| (\d+) \|", table, re.MULTILINE) == ["0", "1", "2", "78"]
    (reporting,) = (line for line in table.splitlines() if line.startswith("| 1 |"))
    assert set(re.findall(r"`([a-z ]+)`", reporting)) == REPORT_BY_STATUS


@pytest.mark.parametrize("name", [n for n in COMMANDS if n.split()[0] not in NEED_NO_DATABASE])
def test_an_unavailable_database_is_reported_in_one_line(
    name: str, make_app: Callable[..., Flask], tmp_path: Path
) -> None:
    if name == "mailer run":
        return  # it waits until the database is available
    arguments = [
        str(tmp_path / "new.csv") if "/" in one or "." in one else one for one in example_of(name)
    ]
    app = make_app(DATABASE_URL=NOWHERE)
    result = app.test_cli_runner().invoke(args=[*arguments, *_yes_option(name)])
    assert result.exit_code == 1
    assert result.output.startswith("Error: "), result.output
    assert result.output.count("\n") == 1


def _yes_option(name: str) -> list[str]:
    return ["--yes"] if any(one.name == "yes" for one in COMMANDS[name].params) else []


@pytest.mark.parametrize(
    "arguments",
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
def test_an_unknown_object_is_reported_in_one_line(desk: Desk, arguments: tuple[str, ...]) -> None:
    result = desk.run(*arguments)
    assert result.exit_code == 1
    assert result.output.startswith("Error: "), result.output
    assert result.output.count("\n") == 1


def test_inquiries_can_be_listed_as_json(desk: Desk) -> None:
    desk.send()
    (one,) = json.loads(desk.says("inquiries", "list", "--json"))
    assert (one["state"], one["topic"]) == ("received", "billing")


def test_inquiries_and_messages_can_be_shown_as_json(desk: Desk, relay: Relay) -> None:
    relay.script = {"rcpt": "451 greylisted"}
    desk.send(message="Line one\nline two")
    desk.says("mailer", "run", "--once")
    reference = desk.inquiries()[0].reference
    one = json.loads(desk.says("inquiries", "show", reference, "--json"))
    assert (one["reference"], one["state"], one["emails"]) == (reference, "received", "pending")
    assert one["content"]["name"] == "Ada Example"
    assert one["content"]["message"] == "Line one\nline two"
    [event] = json.loads(desk.says("inquiries", "audit-log", "--json"))
    assert (event["action"], event["reference"]) == ("shown", reference)
    [mail] = json.loads(desk.says("outbox", "show", str(desk.message().id)[:8], "--json"))
    assert (mail["reference"], mail["state"], mail["attempts"]) == (reference, "pending", 1)
    assert [(a["outcome"], a["code"]) for a in mail["log"]] == [("failed", 451)]
    desk.says("inquiries", "erase", reference, "--yes")
    assert json.loads(desk.says("inquiries", "show", reference, "--json"))["content"] is None


def test_every_list_has_a_json_option() -> None:
    ends = (" list", " show", " audit-log")
    shown = [name for name in COMMANDS if name.endswith(ends) and not name.startswith("db ")]
    lists = [*shown, "status", "doctor"]
    for name in lists:
        assert "as_json" in {one.name for one in COMMANDS[name].params}, name
    assert len(lists) > len(COMMAND_PATHS) / 3
