"""Answers to requests that never reach the site: with the same headers, and no word of theirs."""

from http import HTTPStatus

from gunicorn.http import errors  # type: ignore[import-untyped]

from app.web.headers import bare_headers

STATUSES: dict[type[Exception], int] = {
    errors.LimitRequestLine: 414,
    errors.ExpectationFailed: 417,
    errors.LimitRequestHeaders: 431,
    errors.UnsupportedTransferCoding: 501,
}


def status_of(error: Exception) -> int:
    """What a request that ended in ``error`` is answered: 500 unless the client is to blame."""
    if type(error) in STATUSES:
        return STATUSES[type(error)]
    return 400 if isinstance(error, errors.ParseException) else 500


def refusal(status: int) -> bytes:
    """The whole answer; the connection ends with it."""
    phrase = HTTPStatus(status).phrase
    body = f"{phrase}\n".encode()
    headers = "".join(f"{name}: {value}\r\n" for name, value in bare_headers(len(body)))
    return f"HTTP/1.1 {status} {phrase}\r\n{headers}Connection: close\r\n\r\n".encode() + body
