"""No path leads to other files or to another host."""

import pytest

from tests.support.raw_http import send_raw, statuses
from tests.support.site import Site

FILES = (b"config.py", b"etc/passwd", b"instance/frontdesk.db", b"app/__init__.py")
UP = (b"../", b"..%2f", b"%2e%2e/", b"%2e%2e%2f", b"..\\", b"..%5c", b"..;/", b"%252e%252e%252f",
      b"....//", b"..%00/", b"%c0%ae%c0%ae/", b"..%c0%af", b"/../", b"./../", b"//../")  # fmt: skip
INSIDE = (b"/", b"/static/", b"/static/css/", b"/location/", b"/location/tiles/", b"/dev/mailbox/",
          b"/contact/received/", b"/api/v1/")  # fmt: skip
AWAY = (
    b"//evil.example/", b"///evil.example/", b"//evil.example/%2f..", b"/%2f%2fevil.example/",
    b"/\\evil.example/", b"/\\/evil.example/", b"/%5cevil.example/", b"/%09/evil.example/",
    b"//evil.example//first-visit/", b"/.evil.example/", b"/https:evil.example/",
    b"/https://evil.example/", b"//evil.example/contact/", b"/%0d%0aLocation:%20//evil.example/",
    b"/first-visit/%0d%0aX-Evil:1/", b"/privacy/?next=//evil.example/", b"/@evil.example/",
    b"/privacy//", b"//privacy/", b"//privacy", b"/privacy%2f", b"/;@evil.example/",
    b"/privacy/?%0d%0aX-Evil:1",
)  # fmt: skip
ABSOLUTE = (
    b"http://evil.example/privacy/",
    b"http://evil.example/",
    b"https://evil.example:443/privacy/",
    b"ftp://evil.example/",
    b"javascript://evil.example/",
)


def ask(site: Site, address: bytes) -> bytes:
    return send_raw(
        site, b"GET " + address + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    )


@pytest.mark.parametrize("place", INSIDE, ids=bytes.decode)
def test_no_file_outside_the_public_folders_is_served(server: Site, place: bytes) -> None:
    for up in UP:
        for file in FILES:
            for times in (1, 6):
                answer = ask(server, place + up * times + file)
                assert statuses(answer)[0] in (301, 308, 400, 404), (up, file)
                for word in (b"root:", b"SQLite format", b"import ", b"create_app"):
                    assert word not in answer, (up, file)


@pytest.mark.parametrize(
    "address",
    [
        *(b"/static/css/base.css%00", b"/static/css/base.css%00.js", b"/static/css/base.css/"),
        *(b"/static/css//base.css", b"/static/./css/base.css", b"/static/css/base.css;x"),
        *(b"/static/css\\base.css", b"/static/CSS/base.css", b"/static/", b"/static/css"),
        *(b"/static/.git/config", b"/static/css/.%00", b"/static/%2e/css/base.css"),
        *(b"/location/tiles/15/16384/16383.mvt%00", b"/location/tiles/15/../15/16383.mvt"),
        *(b"/location/tiles/0/0/0%2f..%2f0.mvt", b"/location/tiles/+0/0/0.mvt"),
        *("/location/tiles/٣/0/0.mvt".encode(), b"/location/tiles/%d9%a3/0/0.mvt"),
    ],
    ids=repr,
)
def test_a_file_is_served_under_one_name_only(server: Site, address: bytes) -> None:
    answer = ask(server, address)
    assert statuses(answer)[0] in (301, 308, 400, 404), answer


@pytest.mark.parametrize("address", [*AWAY, *ABSOLUTE], ids=repr)
def test_no_path_redirects_to_another_host(server: Site, address: bytes) -> None:
    head, _, _ = ask(server, address).partition(b"\r\n\r\n")
    names = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    assert b"x-evil" not in names
    location = names.get(b"location", b"/")
    assert location.startswith((b"http://127.0.0.1/", b"/")), location
    assert not location.startswith((b"//", b"/\\")), location
