"""The folder that a web server reads: written beside the old one, then switched to in one step.

    DIR/live-<rules> -> releases/<time>-<random>    what is shown now
    DIR/releases/…                                  that one, and the one before it

``<rules>`` is the digest of what the web server has been told (headers, paths).
A server that was told something older finds nothing here and asks the site
instead, so words never appear under the headers of another version.
"""

import json
import os
import secrets
import shutil
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from app.ops.export.answers import Answer, rules_digest
from app.ops.progress import Tell, untold
from app.web.cache import Representation

SUFFIXES = {None: "", "gzip": ".gz", "br": ".br"}
KEEP = 2  # releases; a request may still be reading the one before
READABLE = 0o755, 0o644  # folders and files: the web server is another user


def link_of(folder: Path, answers: list[Answer]) -> Path:
    """Where a web server that knows the rules of ``answers`` looks for them."""
    return folder / f"live-{rules_digest(answers)}"


def write(
    folder: Path,
    answers: list[Answer],
    made_at: datetime,
    until: datetime,
    tell: Tell = untold,
) -> Path:
    """Write and show ``answers``, made at ``made_at`` and right before ``until``; the link.

    What has not changed keeps its file, and with it the time by which browsers know it.
    Raises OSError; what was shown before is shown then too.
    """
    link = link_of(folder, answers)
    releases = _made(folder / "releases")
    name = f"{made_at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    unfinished = _made(releases / f".{name}")
    try:
        for number, answer in enumerate(answers, start=1):
            _write_answer(unfinished, answer, _newest(releases))
            tell(number)
        told = {
            "made_at": made_at.isoformat(),
            "until": until.isoformat(),
            "answers": [one.rule for one in answers],
        }
        _write_file(unfinished / "manifest.json", json.dumps(told, indent=1).encode())
        unfinished.rename(releases / name)
    except OSError:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    _switch(link, Path("releases", name))
    _tidy(folder, link)
    return link


def withdraw(folder: Path) -> None:
    """Let the site answer for itself: nothing here is shown any more."""
    for link in folder.glob("live-*"):
        link.unlink()


def _write_answer(folder: Path, answer: Answer, before: Path | None) -> None:
    file = folder / answer.file
    for parent in reversed(file.relative_to(folder).parents[:-1]):
        _made(folder / parent)
    same = before / answer.file if before else None
    if same and same.is_file() and same.read_bytes() == answer.body:
        for one in _variants(same):
            os.link(one, file.with_name(one.name))
        return
    for coding, body in _encodings(answer).items():
        _write_file(file.with_name(file.name + SUFFIXES[coding]), body)


def _encodings(answer: Answer) -> dict[str | None, bytes]:
    """The body in every coding that the site offers, each as small as the site makes it."""
    made = Representation(answer.body, answer.headers["Content-Type"])
    if not made.compressible:
        return {None: answer.body}
    made.shrink()
    return {coding: made.encoded(coding) for coding in SUFFIXES}


def _variants(file: Path) -> Iterable[Path]:
    named = (file.with_name(file.name + suffix) for suffix in SUFFIXES.values())
    return [one for one in named if one.is_file()]


def _switch(link: Path, target: Path) -> None:
    new = link.with_name(f".{link.name}-{secrets.token_hex(3)}")
    new.symlink_to(target)
    new.replace(link)


def _tidy(folder: Path, link: Path) -> None:
    """Remove what is told by older rules, and what is not read any more."""
    for other in folder.glob("live-*"):
        if other != link:
            other.unlink()
    for old in sorted((folder / "releases").iterdir())[:-KEEP]:
        shutil.rmtree(old)


def _newest(releases: Path) -> Path | None:
    return max((one for one in releases.iterdir() if one.name[0] != "."), default=None)


def _made(folder: Path) -> Path:
    """``folder``, made where it is missing and readable whatever the umask."""
    if not folder.is_dir():
        folder.mkdir(parents=True)
        folder.chmod(READABLE[0])
    return folder


def _write_file(file: Path, content: bytes) -> None:
    with file.open("xb") as stream:
        os.fchmod(stream.fileno(), READABLE[1])
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
