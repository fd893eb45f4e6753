"""Generates docs/settings.md from .env.example, and docs/cli.md from the commands' help.

``make docs`` runs it. A test fails when either page is out of date.
"""

import inspect
import re
from collections.abc import Iterator

import click

from app.cli import LazyCommands
from config import ROOT, SECRET_NAMES, Settings

SETTINGS_INTRO = """\
# Settings

Generated from `.env.example` by `make docs`. [deploy.md](deploy.md#3-settings) shows a complete
example.
"""
COMMANDS_INTRO = """\
# Commands

Generated from the commands' help by `make docs`. [operating.md](operating.md) explains when to
use them, and what the exit statuses mean.
"""
SECTION = re.compile(r"^# --- (.+?) -+$", re.MULTILINE)
VARIABLE = re.compile(r"(# )?([A-Z_]+)=(.*)")


def settings_page() -> str:
    """Return the settings reference, by the sections of .env.example."""
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    introduction, *sections = SECTION.split(example)
    parts = [SETTINGS_INTRO, _prose(introduction.splitlines()[1:])]
    for title, text in zip(sections[::2], sections[1::2], strict=True):
        parts.append(f"## {title}")
        parts += [_group(block) for block in text.strip().split("\n\n") if "=" in block]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _group(block: str) -> str:
    """Return the settings of one block of .env.example, below the comment that describes them."""
    lines = block.splitlines()
    found = [match for line in lines if (match := VARIABLE.fullmatch(line))]
    comment = [line for line in lines if not VARIABLE.fullmatch(line)]
    title = ", ".join(f"`{match[2]}`" for match in found)
    facts = "\n".join(f"- {_facts(*match.groups())}" for match in found)
    return "\n\n".join(part for part in (f"### {title}", _prose(comment), facts) if part)


def _facts(optional: str | None, name: str, default: str) -> str:
    if Settings.model_fields[name.lower()].is_required():
        value = "required"
    elif not optional:
        value = "required in production"
    else:
        value = f"default `{default}`" if default else "not set by default"
    file = f"; `{name}_FILE` reads it from a file" if name in SECRET_NAMES else ""
    return f"`{name}`: {value}{file}"


def _prose(comment: list[str]) -> str:
    """Comment lines as Markdown: indented ones become code blocks."""
    text = "\n".join(line.removeprefix("#").removeprefix(" ") for line in comment).strip()
    return re.sub(
        r"((?:^ {2,}.*\n?)+)",
        lambda match: f"\n```\n{inspect.cleandoc(match[1])}\n```\n\n",
        text,
        flags=re.MULTILINE,
    ).strip()


def commands_page() -> str:
    """Return the command reference, by group."""
    root = LazyCommands("flask")
    context = click.Context(root, info_name="flask")
    return "\n\n".join([COMMANDS_INTRO.strip(), *_below(root, context, "##")]) + "\n"


def _below(group: click.Group, context: click.Context, heading: str) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command
        below = click.Context(command, parent=context, info_name=name)
        yield _command(command, below, heading)
        if isinstance(command, click.Group):
            yield from _below(command, below, f"{heading}#")


def _command(command: click.Command, context: click.Context, heading: str) -> str:
    parts = [f"{heading} {context.command_path}"]
    if not isinstance(command, click.Group):
        parts.append(f"```\n{' '.join(command.get_usage(context).split()[1:])}\n```")
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    parts += [_paragraph(text) for text in paragraphs]
    if command.epilog:
        parts.append(_paragraph(command.epilog))
    options = [
        record
        for option in command.params
        if isinstance(option, click.Option) and (record := option.get_help_record(context))
    ]
    if options:
        rows = "\n".join(f"| `{_cell(names)}` | {_cell(text)} |" for names, text in options)
        parts.append(f"| option | description |\n|---|---|\n{rows}")
    return "\n\n".join(parts)


def _paragraph(text: str) -> str:
    """Return a paragraph of click's help as Markdown. Examples and unwrapped lines are code."""
    text = text.removeprefix("\b").strip()
    start, colon, example = text.partition(":")
    if colon and start in ("Example", "Examples"):
        return f"{start}:\n\n```sh\n{inspect.cleandoc(example)}\n```"
    return text


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


PAGES = {"settings.md": settings_page, "cli.md": commands_page}


def main() -> None:
    for name, page in PAGES.items():
        (ROOT / "docs" / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
