"""The rules for nginx: a location for each file that it gives from disk.

Exact locations only, so no other path ever reaches the disk. What is not there,
and every method but GET and HEAD, goes to ``@frontdesk``, which is the site
(deploy/nginx/frontdesk.conf).
"""

from collections.abc import Iterator
from pathlib import Path

from app.ops.export.answers import DOWN, DOWN_API, Answer
from app.ops.export.tree import link_of

HEAD = "# Made by `flask --app wsgi site rules nginx`: make it anew after each upgrade.\n"
AWAY = {DOWN: "/frontdesk-down", DOWN_API: "/frontdesk-down-api"}


def rules(folder: Path, answers: list[Answer]) -> str:
    """What the server's configuration includes, for an export in ``folder``.

    Raises ValueError for what nginx could not take literally.
    """
    root = str(link_of(folder, answers))
    return HEAD + "".join(f"{line}\n" for one in answers for line in _location(root, one))


def _location(root: str, answer: Answer) -> Iterator[str]:
    away = answer.path in AWAY
    yield f"location = {_quoted(AWAY.get(answer.path, answer.path))} {{"
    yield f"    root {_quoted(root)};"
    yield f"    try_files {_quoted('/' + answer.file)} {'=503' if away else '@frontdesk'};"
    yield "    internal;" if away else "    error_page 403 404 405 = @frontdesk;"
    yield f"    types {{}} default_type {_quoted(answer.headers['Content-Type'])};"
    # "Vary" is gzip_vary's, the media type is told above.
    told = answer.headers.keys() - {"Content-Type", "Vary"}
    headers = {name: _quoted(answer.headers[name]) for name in sorted(told)}
    if answer.version:
        yield f"    set $frontdesk_kept {headers['Cache-Control']};"
        yield f"    if ($arg_v = {_quoted(answer.version)}) {{"
        yield f"        set $frontdesk_kept {_quoted(answer.kept)};"
        yield "    }"
        headers["Cache-Control"] = "$frontdesk_kept"
    for name, value in headers.items():
        yield f"    add_header {name} {value}{' always' if away else ''};"
    yield "}"


def _quoted(text: str) -> str:
    if set(text) & set("$\\\n"):
        raise ValueError(f"nginx would not take this literally: {text}")
    return '"' + text.replace('"', r"\"") + '"'
