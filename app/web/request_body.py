"""Limits request bodies: no compression, and a maximum size for chunked bodies too."""

from io import BytesIO
from typing import IO

from flask import Flask, Request, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.exceptions import NotImplemented as NotImplementedByServer
from werkzeug.utils import cached_property


class LimitedRequest(Request):
    """A request whose size limit also applies to chunked bodies: status 413."""

    @cached_property
    def stream(self) -> IO[bytes]:
        """The body, which is not read before this is first used."""
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


def init_request_body(app: Flask) -> None:
    """Limit chunked bodies, and refuse compressed ones, which could expand to any size."""
    app.request_class = LimitedRequest
    app.before_request(_reject_compressed_bodies)


def _reject_compressed_bodies() -> None:
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType
    if request.headers.get("Transfer-Encoding", "chunked").lower() != "chunked":
        raise NotImplementedByServer
