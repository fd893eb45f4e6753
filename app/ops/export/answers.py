"""What a web server may answer from disk: every answer that the site gives alike to everybody.

The site itself is asked, and what it says is written down, headers included.
So nothing here decides what a page looks like or how long it is kept.
"""

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from flask import Flask, Response, request
from flask.ctx import RequestContext

from app.location.artefacts import MEDIA_TYPES
from app.web.assets import asset
from app.web.cache import KEEP
from app.web.errors import while_away

# The web server writes these itself, or the site writes them anew each time.
OF_THE_SERVER = {"Content-Length", "ETag", "Date", "X-Request-Id"}
DOWN = "/errors/down"  # what a visitor reads, and a program, while the site does not answer
DOWN_API = "/api/errors/down"


@dataclass(frozen=True)
class Answer:
    """The answer to ``path``, without its encodings.

    Where ``version`` is not empty, ``path?v=version`` is kept as ``kept`` says.
    """

    path: str
    status: int
    headers: dict[str, str]
    body: bytes = field(repr=False)
    version: str = ""
    kept: str = ""

    @property
    def file(self) -> str:
        """Where it is written, below the folder of an export."""
        if not self.headers["Content-Type"].startswith("text/html"):
            return self.path[1:]
        return f"{self.path[1:] or 'index'}.html"

    @property
    def rule(self) -> dict[str, Any]:
        """What a web server has to know of it; all but the words."""
        known = asdict(self) | {"file": self.file}
        del known["body"]
        return known


def rules_digest(answers: list[Answer]) -> str:
    """Another one when a web server has to be told anew."""
    told = json.dumps([one.rule for one in answers], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def fixed_answers(app: Flask, site: str) -> list[Answer]:
    """All of them, ordered by path, and two for the time when the site does not answer.

    ``site`` is the address that visitors use: https decides about a header.
    """
    found = [one for path, version in _addresses(app) if (one := _ask(app, site, path, version))]
    down = [_down(app, site, path) for path in (DOWN, DOWN_API)]
    return sorted(found, key=lambda one: one.path) + down


def _addresses(app: Flask) -> Iterator[tuple[str, str]]:
    """Paths that could have a fixed answer, each with the version that its address can name."""
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and not rule.arguments:
            yield rule.rule, ""
    with app.test_request_context():
        named = [asset(name) for name in app.extensions["assets"]]
    named += [app.extensions["map"].address(name) for name in MEDIA_TYPES]
    for address in named:
        path, _, version = address.partition("?v=")
        yield path, version


def _ask(app: Flask, site: str, path: str, version: str) -> Answer | None:
    """The answer to ``path``; None where it may be another one for the next visitor."""
    response, fixed = _dispatch(app, site, path)
    if not fixed or response.status_code != 200:
        return None
    named = _dispatch(app, site, f"{path}?v={version}")[0] if version else response
    return Answer(
        path,
        200,
        _headers(response),
        response.get_data(),
        version,
        named.headers["Cache-Control"] if version else "",
    )


def _dispatch(app: Flask, site: str, address: str) -> tuple[Response, bool]:
    with _visit(app, site, address):
        return app.full_dispatch_request(), KEEP in request.environ


def _visit(app: Flask, site: str, address: str) -> RequestContext:
    """A request that no visitor made: it leaves no line in the log."""
    quiet = {"wsgi.errors": io.StringIO()}
    return app.test_request_context(address, base_url=site, environ_overrides=quiet)


def _headers(response: Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name not in OF_THE_SERVER}


def _down(app: Flask, site: str, path: str) -> Answer:
    with _visit(app, site, path):
        app.preprocess_request()
        response = app.process_response(while_away())
    return Answer(path, 503, _headers(response), response.get_data())
