"""``flask cache warm``."""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from werkzeug.serving import make_server

from app.services import get_services
from tests.support.site import free_port

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from werkzeug.serving import BaseWSGIServer


class WebServer:
    """The application at 127.0.0.1 with a record of requests: method, address, encoding."""

    def __init__(self, app: Flask, port: int) -> None:
        self.requests: set[tuple[str, str, str]] = set()
        self._app = app.wsgi_app
        self._server: BaseWSGIServer = make_server("127.0.0.1", port, self._record)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _record(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        query = environ.get("QUERY_STRING", "")
        address = environ["PATH_INFO"] + (f"?{query}" if query else "")
        encoding = environ["HTTP_ACCEPT_ENCODING"]
        self.requests.add((environ["REQUEST_METHOD"], address, encoding))
        return self._app(environ, start_response)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(BASE_URL=f"http://localhost:{free_port()}")


@pytest.fixture
def web_server(app: Flask) -> Iterator[WebServer]:
    made = WebServer(app, int(get_services(app).settings.site_url.rpartition(":")[2]))
    yield made
    made.close()


def test_every_page_and_linked_file_is_requested_in_three_encodings(
    app: Flask, web_server: WebServer
) -> None:
    done = app.test_cli_runner().invoke(args=["cache", "warm", "--address", "127.0.0.1"])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"{get_services(app).settings.site_url}: ")
    addresses = {address for _, address, _ in web_server.requests}
    with app.test_request_context():
        script = app.jinja_env.globals["asset"]("site.js")  # type: ignore[operator]
    expected = {
        "/", "/evidence", "/contact", "/location", "/sitemap.xml", "/robots.txt", "/favicon.svg",
        "/location/assets.json", "/unavailable", "/api/unavailable", "/social-card.png", script,
    }  # fmt: skip
    assert expected <= addresses
    for address in expected:
        for encoding in ("br", "gzip", "identity"):
            assert ("GET", address, encoding) in web_server.requests
    assert {method for method, _, _ in web_server.requests} == {"GET"}


def test_an_unreachable_web_server_is_reported_in_one_line(app: Flask) -> None:
    done = app.test_cli_runner().invoke(args=["cache", "warm", "--address", "127.0.0.1"])
    assert done.exit_code == 1
    assert done.output.startswith(f"Error: {get_services(app).settings.site_url} does not answer: ")
    assert done.output.count("\n") == 1
