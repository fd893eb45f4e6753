"""Request bodies: never compressed, so that a small one cannot become a large one, and limited."""

from io import BytesIO
from typing import IO

from flask import Flask, Request, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.exceptions import NotImplemented as NotImplementedHere
from werkzeug.utils import cached_property


class LimitedRequest(Request):
    """A request whose chunked body, too, is refused with 413 when it is too large."""

    @cached_property
    def stream(self) -> IO[bytes]:
        """The body. Nothing is read before this is first used."""
        if "Transfer-Encoding" not in self.headers or self.max_content_length is None:
            return super().stream
        # Werkzeug's LimitedStream.readall() stops at the limit without an error (3.1).
        try:
            body = self.environ["wsgi.input"].read(self.max_content_length + 1)
        except Exception:  # noqa: BLE001 - malformed chunks: each server has its own exceptions
            raise BadRequest from None
        if len(body) > self.max_content_length:
            raise RequestEntityTooLarge
        return BytesIO(body)


def init_bodies(app: Flask) -> None:
    """Refuse compressed bodies: 415 by ``Content-Encoding``, 501 by ``Transfer-Encoding``."""
    app.request_class = LimitedRequest
    app.before_request(_refuse_compressed_bodies)


def _refuse_compressed_bodies() -> None:
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType
    if request.headers.get("Transfer-Encoding", "chunked").lower() != "chunked":
        raise NotImplementedHere
