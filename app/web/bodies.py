"""Request bodies come as they are: whoever compresses one is told so, before it is read.

Nothing here unpacks a body, so a small one can never become a large one.
"""

from io import BytesIO

from flask import Flask, current_app, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.exceptions import NotImplemented as NotImplementedHere

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
    """Read a chunked body and set its length: Werkzeug would cut it off at its limit, silently.

    Raises BadRequest when the chunks are malformed or the client has gone: each WSGI server
    has exceptions of its own for that.
    """
    most: int = current_app.config["MAX_CONTENT_LENGTH"]
    try:
        body = request.environ["wsgi.input"].read(most + 1)
    except Exception:  # noqa: BLE001
        raise BadRequest from None
    if len(body) > most:
        raise RequestEntityTooLarge
    request.environ |= {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
