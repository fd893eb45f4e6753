"""The two rivals under gunicorn: the least that Flask and WSGI can do with the same bytes.

BODY=page.br gunicorn -c bench/bare.conf.py bench.bare:in_flask
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

BODY = Path(os.environ["BODY"]).read_bytes()
HEADERS = {"Content-Type": "text/html; charset=utf-8", "Content-Encoding": "br"}
ALL_HEADERS = [*HEADERS.items(), ("Content-Length", str(len(BODY)))]

in_flask = Flask("bare", static_folder=None)


@in_flask.get("/")
def constant() -> Response:
    return Response(BODY, headers=HEADERS)


def in_wsgi(_environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    start_response("200 OK", ALL_HEADERS)
    return [BODY]
