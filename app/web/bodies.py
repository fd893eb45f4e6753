"""Request bodies come as they are: whoever compresses one is told so, before it is read.

Nothing here unpacks a body, so a small one can never become a large one.
"""

from io import BytesIO

from flask import Flask, current_app, request
from werkzeug.exceptions import NotImplemented as NotImplementedHere
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

PLAIN = "identity"


def init_bodies(app: Flask) -> None:
    """Refuse compressed bodies: 415 by ``Content-Encoding``, 501 by ``Transfer-Encoding``."""
    app.before_request(_take_plain_bodies_only)


def _take_plain_bodies_only() -> None:
    if request.headers.get("Content-Encoding", PLAIN).lower() != PLAIN:
        raise UnsupportedMediaType
    if coding := request.headers.get("Transfer-Encoding"):
        if coding.lower() != "chunked":
            raise NotImplementedHere
        _measure_chunks()


def _measure_chunks() -> None:
    """Know the length of what comes in chunks: Werkzeug would cut it off at its limit, silently."""
    most: int = current_app.config["MAX_CONTENT_LENGTH"]
    body = request.environ["wsgi.input"].read(most + 1)
    if len(body) > most:
        raise RequestEntityTooLarge
    request.environ |= {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
