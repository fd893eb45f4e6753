"""The console behind nginx with deploy/nginx: never cached, and kept from other networks."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.staff.conftest import Console
from tests.support.proxy_servers import ProxyServer, production_settings, proxy_server

EXAMPLE = "# allow 192.0.2.0/24;\n        # deny all;"


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[ProxyServer]:
    folder = tmp_path_factory.mktemp("nginx")
    settings = production_settings(folder / "clinic")
    with proxy_server(
        "nginx", folder / "front", sqlite_template, STAFF_CONSOLE="on", **settings
    ) as server:
        yield server


def token(page: httpx.Response) -> str:
    match = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert match
    return match[1]


def test_nothing_of_the_console_is_cached(nginx: ProxyServer) -> None:
    link = Console.link(nginx.flask("staff", "invite", "maria@clinic.example", "--role", "desk"))
    with nginx.client() as maria, nginx.client() as stranger:
        referrer = {"Referer": f"{nginx.url}{link}"}
        maria.post(link, data={"csrf_token": token(maria.get(link))}, headers=referrer)
        for path in ("/staff/account", "/staff/account?v=0a", "/staff/sign-in", "/staff/none"):
            mine, theirs = maria.get(path), stranger.get(path)
            assert mine.headers["Cache-Control"] == "no-store", path
            assert "x-accel-expires" not in mine.headers
            assert "maria@clinic.example" not in theirs.text
        assert maria.get("/staff/account").status_code == 200
        assert stranger.get("/staff/account").status_code == 303
        cookie = maria.cookies.jar
        assert [(one.name, one.path, one.secure) for one in cookie] == [
            ("__Secure-frontdesk_staff", "/staff/", True)
        ]
        assert stranger.get("/").headers.get("Set-Cookie") is None
    files = [file for file in nginx.cache.rglob("*") if file.is_file()]
    assert files, "public pages are cached"
    assert not [file for file in files if b"/staff" in file.read_bytes()[:4096]]


def test_the_example_restricts_the_console_to_a_network(nginx: ProxyServer) -> None:
    """The configuration has the lines, commented out. With them, other networks get 403."""
    file = nginx.runtime_folder / "frontdesk.conf"
    text = file.read_text()
    assert text.count(EXAMPLE) == 1
    location = text.partition("location ^~ /staff/")[2].partition("}")[0]
    assert "proxy_cache" not in location
    allow = EXAMPLE.replace("# ", "").replace("192.0.2.0/24", "127.0.0.2")
    file.write_text(text.replace(EXAMPLE, allow))
    nginx.reload()
    with nginx.client("127.0.0.2") as clinic, nginx.client("127.0.0.3") as elsewhere:
        assert clinic.get("/staff/sign-in").status_code == 200
        assert elsewhere.get("/staff/sign-in").status_code == 403
        assert elsewhere.get("/").status_code == 200
