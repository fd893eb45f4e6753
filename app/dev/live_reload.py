"""``make run CLINIC_DIR=…``: the site of a clinic that is being written.

Whenever a file of the clinic's folder was saved, the site is made anew from it and the
open pages show it. A mistake is shown in the browser and on the terminal, with file and
line, until the next save; meanwhile the last good site takes what visitors send.
"""

import base64
import hashlib
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
from app.services import services_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

CHANGES, SCRIPT = "/dev/changes", "/dev/reload.js"
RELOAD = Path(__file__).with_name("reload.js")
ASKS_FOR_ITS_OWN = ("HTTP_ACCEPT_ENCODING", "HTTP_IF_NONE_MATCH")
# With its digest: the site's Integrity-Policy lets no other script run.
TAG = Markup('<script src="{}?{}" integrity="{}" crossorigin defer></script></head>')
FAULT = Markup("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>A fault in the clinic&rsquo;s files</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><h1>A fault in the clinic&rsquo;s files</h1><pre>{}</pre>
<p>Mend it and save: this page goes on by itself.</p></body></html>""")


class LiveReload:
    """A WSGI application: the newest good site that ``create_app`` made of ``folder``."""

    def __init__(self, app: Flask, create_app: Callable[[], Flask]) -> None:
        self._app = app
        self._folder = folder = services_of(app).settings.clinic_dir
        self._create_app = create_app
        self._lock = threading.Lock()
        self._seen = stamp(folder)
        self._fault = ""

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        with self._lock:
            self._keep_up()
        return self._answer(environ)(environ, start_response)

    def _keep_up(self) -> None:
        """Make the site anew when a file has changed."""
        now = stamp(self._folder)
        if now == self._seen:
            return
        self._seen = now
        try:
            fresh = self._create_app()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next save may mend it
            self._fault = str(error) if isinstance(error, ClinicError) else repr(error)
            sys.stderr.write(f"{self._fault}\n")
            return
        if self._fault:
            sys.stderr.write("The clinic's files are in order again.\n")
        services_of(self._app).database.engine.dispose()
        self._app, self._fault = fresh, ""

    def _answer(self, environ: "WSGIEnvironment") -> Response:
        path = environ["PATH_INFO"]
        if path == CHANGES:
            return Response(self._seen, mimetype="text/plain")
        if path == SCRIPT:
            return Response(RELOAD.read_bytes(), mimetype="text/javascript")
        if self._fault and _is_for_people(environ):
            return self._that_reloads(
                Response(FAULT.format(self._fault), 500, mimetype="text/html")
            )
        plain = {key: value for key, value in environ.items() if key not in ASKS_FOR_ITS_OWN}
        response = Response.from_app(self._app, plain, buffered=True)
        is_page = response.mimetype == "text/html" and not path.startswith("/dev/")
        return self._that_reloads(response) if is_page else response

    def _that_reloads(self, page: Response) -> Response:
        """``page``, which is shown again as soon as a file is newer than what it was made from."""
        digest = base64.b64encode(hashlib.sha256(RELOAD.read_bytes()).digest()).decode()
        tag = TAG.format(SCRIPT, self._seen, f"sha256-{digest}")
        page.set_data(page.get_data(as_text=True).replace("</head>", tag, 1))
        page.headers.remove("ETag")
        page.headers["Cache-Control"] = "no-store"
        return page


def stamp(folder: Path) -> str:
    """Changes whenever a file in ``folder`` is saved, made or removed."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        with suppress(OSError):  # an editor's own file, gone again
            facts = file.stat()
            digest.update(f"{file} {facts.st_mtime_ns} {facts.st_size}\n".encode())
    return digest.hexdigest()[:16]


def _is_for_people(environ: "WSGIEnvironment") -> bool:
    return environ["REQUEST_METHOD"] == "GET" and "text/html" in environ.get("HTTP_ACCEPT", "")
