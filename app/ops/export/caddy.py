"""The rules for Caddy, as two snippets that a Caddyfile imports.

``frontdesk-pages`` gives from disk what is there; ``frontdesk-down`` is what
visitors get while the site does not answer (deploy/caddy/Caddyfile).
"""

import re
from collections.abc import Iterator
from pathlib import Path

from app.ops.export.answers import DOWN, DOWN_API, Answer
from app.ops.export.tree import link_of

HEAD = "# Made by `flask --app wsgi site rules caddy`: make it anew after each upgrade.\n"


def rules(folder: Path, answers: list[Answer]) -> str:
    """What a Caddyfile imports, for an export in ``folder``.

    Raises ValueError for what Caddy could not take literally.
    """
    root = _quoted(str(link_of(folder, answers)))
    down = {one.path: one for one in answers if one.path in (DOWN, DOWN_API)}
    pages = [one for one in answers if one.path not in down]
    lines = [
        "(frontdesk-pages) {",
        *(line for nth, one in enumerate(pages) for line in _page(root, nth, one)),
        "}",
        "(frontdesk-down) {",
        "    @api path /api/*",
        *_block("@api", root, down[DOWN_API], status=503),
        *_block("", root, down[DOWN], status=503),
        "}",
    ]
    return HEAD + "".join(f"{line}\n" for line in lines)


def _page(root: str, nth: int, answer: Answer) -> Iterator[str]:
    yield f"    @disk{nth} {{"
    yield "        method GET HEAD"
    yield f"        path_regexp ^{re.escape(answer.path)}$"  # "path" would not mind the case
    yield "        file {"
    yield f"            root {root}"
    yield f"            try_files {_quoted('/' + answer.file)}"
    yield "        }"
    yield "    }"
    yield from _block(f"@disk{nth}", root, answer)


def _block(matcher: str, root: str, answer: Answer, status: int = 0) -> Iterator[str]:
    headers = dict(answer.headers)
    yield f"    handle {matcher} {{"
    yield f"        root * {root}"
    if answer.version:
        yield f"        @named query v={answer.version}"
        yield f"        header @named Cache-Control {_quoted(answer.kept)}"
        yield f"        @unnamed not query v={answer.version}"
        yield f"        header @unnamed Cache-Control {_quoted(headers.pop('Cache-Control'))}"
    if vary := headers.pop("Vary", ""):
        yield "        header {"
        yield f"            Vary {_quoted(vary)}"
        yield "            defer"  # the file server adds it for some codings only
        yield "        }"
    for name, value in headers.items():
        yield f"        header {name} {_quoted(value)}"
    yield f"        rewrite * {_quoted('/' + answer.file)}"
    yield "        file_server {"
    yield "            precompressed br gzip"
    if status:
        yield f"            status {status}"
    yield "        }"
    yield "    }"


def _quoted(text: str) -> str:
    if set(text) & set("{}\\\n"):
        raise ValueError(f"Caddy would not take this literally: {text}")
    return '"' + text.replace('"', r"\"") + '"'
