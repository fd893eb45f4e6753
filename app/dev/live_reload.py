"""Live reload for ``make run CLINIC_DIR=…``.

When a file of the clinic folder changes, the application is created again and open pages
reload. While the files contain an error, the browser and the terminal show it with file and
line, and the last working application continues to accept inquiries.
"""

import hashlib
import re
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask
from markupsafe import Markup
from werkzeug.wrappers import Response

from app.clinic import ClinicError
from app.clinic.errors import FileIssue
from app.services import get_services
from app.web.static_files import integrity_hash

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

FINGERPRINT_PATH, SCRIPT_PATH = "/dev/changes", "/dev/reload.js"
SCRIPT = Path(__file__).with_name("reload.js")
# Removed from requests: the script tag needs an uncompressed, complete page.
CACHING_HEADERS = ("HTTP_ACCEPT_ENCODING", "HTTP_IF_NONE_MATCH")
# With its integrity hash, because the site's Integrity-Policy blocks other scripts.
SCRIPT_TAG = Markup('<script src="{}?{}" integrity="{}" crossorigin defer></script></head>')
ERROR_PAGE = Markup("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Error in the clinic files</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">{css}</head>
<body><main><div class="wrap"><h1>Error in the clinic files</h1>
<p class="lead">Fix it and save the file: this page reloads by itself.</p>{issues}
<p><code>.venv/bin/flask clinic check {folder}</code> checks everything at once.</p></div></main>
</body></html>""")
ISSUE = Markup("<section class='card'><p><strong>{place}</strong><br>{reason}</p>{line}</section>")
# A long line wraps, or scrolls if there is a caret below it.
LINE = Markup("<pre style='overflow-x: auto; white-space: {}'>{}</pre>")
COLUMN = re.compile(r" \(at line \d+, column (\d+)\)")


class LiveReload:
    """A WSGI application that calls ``create_app`` again when the clinic folder changes."""

    def __init__(self, app: Flask, create_app: Callable[[], Flask]) -> None:
        self._app = app
        self._create_app = create_app
        self._folder = get_services(app).settings.clinic_dir
        self._lock = threading.Lock()
        self._fingerprint = fingerprint(self._folder)
        self._error: Exception | None = None

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        with self._lock:
            self._reload_if_changed()
            get_services(self._app).notices.refresh()
        return self._respond(environ)(environ, start_response)

    def _reload_if_changed(self) -> None:
        current = fingerprint(self._folder)
        if current == self._fingerprint:
            return
        self._fingerprint = current
        try:
            app = self._create_app()
        except Exception as error:  # noqa: BLE001 - the next save may fix any error
            self._error = error
            sys.stderr.write(f"{error if isinstance(error, ClinicError) else repr(error)}\n")
            return
        if self._error:
            sys.stderr.write("The clinic files are valid again.\n")
        get_services(self._app).database.engine.dispose()
        self._app, self._error = app, None

    def _respond(self, environ: "WSGIEnvironment") -> Response:
        path = environ["PATH_INFO"]
        if path == FINGERPRINT_PATH:
            return Response(self._fingerprint, mimetype="text/plain")
        if path == SCRIPT_PATH:
            return Response(SCRIPT.read_bytes(), mimetype="text/javascript")
        if self._error and _is_page_request(environ):
            css = self._app.jinja_env.from_string("{{ inline_css() }}").render()
            page = error_page(self._error, Markup(css), self._folder)  # noqa: S704 - our own
            return self._with_script(Response(page, 500, mimetype="text/html"))
        plain = {key: value for key, value in environ.items() if key not in CACHING_HEADERS}
        response = Response.from_app(self._app, plain, buffered=True)
        is_page = response.mimetype == "text/html" and not path.startswith("/dev/")
        return self._with_script(response) if is_page else response

    def _with_script(self, page: Response) -> Response:
        """Add the script that reloads ``page`` when the fingerprint changes."""
        integrity = integrity_hash(SCRIPT.read_bytes())
        tag = SCRIPT_TAG.format(SCRIPT_PATH, self._fingerprint, integrity)
        page.set_data(page.get_data(as_text=True).replace("</head>", tag, 1))
        page.headers.remove("ETag")
        page.headers["Cache-Control"] = "no-store"
        return page


def error_page(error: Exception, css: Markup, folder: Path) -> Markup:
    """Return a page that shows each mistake with its line."""
    issues = error.issues if isinstance(error, ClinicError) else ()
    shown = [_show_issue(issue) for issue in issues]
    text = str(error) if isinstance(error, ClinicError) else repr(error)
    other = ISSUE.format(place=type(error).__name__, reason=text, line="")
    return ERROR_PAGE.format(css=css, issues=Markup().join(shown or [other]), folder=folder)


def _show_issue(issue: FileIssue) -> Markup:
    place = f"{issue.file}, line {issue.line}" if issue.line else str(issue.file)
    line = Markup()
    with suppress(OSError, UnicodeDecodeError, IndexError):
        text = issue.file.read_text(encoding="utf-8").splitlines()[issue.line - 1]
        column = COLUMN.search(issue.reason)
        caret = "\n" + " " * (int(column[1]) - 1) + "^" if column else ""
        line = LINE.format("pre" if caret else "pre-wrap", text + caret) if issue.line else line
    return ISSUE.format(place=place, reason=COLUMN.sub("", issue.reason), line=line)


def fingerprint(folder: Path) -> str:
    """Return a digest of the names, sizes and modification times of all files in ``folder``."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        with suppress(OSError):  # an editor's temporary file, already deleted
            status = file.stat()
            digest.update(f"{file} {status.st_mtime_ns} {status.st_size}\n".encode())
    return digest.hexdigest()[:16]


def _is_page_request(environ: "WSGIEnvironment") -> bool:
    return environ["REQUEST_METHOD"] == "GET" and "text/html" in environ.get("HTTP_ACCEPT", "")
