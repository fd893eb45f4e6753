"""Rivals under gunicorn: the least that Flask and WSGI can do with the same bytes, the
least that Flask and the database can do with a post.

BODY=page.br DATABASE_URL=… gunicorn -c bench/baseline.conf.py bench.baseline:in_flask
"""

import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, Response, request

from bench.raw_commits import Rows

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

BODY = Path(os.environ["BODY"]).read_bytes() if "BODY" in os.environ else b"ok"
HEADERS = {"Content-Type": "text/html; charset=utf-8", "Content-Encoding": "br"}
ALL_HEADERS = [*HEADERS.items(), ("Content-Length", str(len(BODY)))]

in_flask = Flask("bare", static_folder=None)
of_thread = threading.local()


@in_flask.get("/")
def constant() -> Response:
    return Response(BODY, headers=HEADERS)


@in_flask.post("/")
def commit() -> Response:
    if not hasattr(of_thread, "rows"):
        of_thread.rows = Rows(os.environ["DATABASE_URL"])
    of_thread.rows.commit(request.get_data())
    return Response("kept", 201)


def in_wsgi(_environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    start_response("200 OK", ALL_HEADERS)
    return [BODY]
