"""Minimal applications to compare with: the same bytes from Flask and from plain WSGI, and a
Flask view that commits one row for each POST.

BODY=page.br DATABASE_URL=… gunicorn -c bench/baseline.conf.py bench.baseline:flask_app
"""

import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, Response, request

from bench.raw_commits import RawConnection

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

BODY = Path(os.environ["BODY"]).read_bytes() if "BODY" in os.environ else b"ok"
HEADERS = {"Content-Type": "text/html; charset=utf-8", "Content-Encoding": "br"}
ALL_HEADERS = [*HEADERS.items(), ("Content-Length", str(len(BODY)))]

flask_app = Flask("baseline", static_folder=None)
local = threading.local()


@flask_app.get("/")
def page() -> Response:
    return Response(BODY, headers=HEADERS)


@flask_app.post("/")
def commit() -> Response:
    if not hasattr(local, "connection"):
        local.connection = RawConnection(os.environ["DATABASE_URL"])
    local.connection.commit(request.get_data())
    return Response("saved", 201)


def wsgi_app(_environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    start_response("200 OK", ALL_HEADERS)
    return [BODY]
