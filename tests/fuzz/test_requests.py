"""Any path and any header gets a response, and never a server error."""

from typing import Any
from urllib.parse import quote, unquote_to_bytes, urljoin

from hypothesis import given
from hypothesis import strategies as st

from tests.attacks import hostile_input
from tests.fuzz.case_counts import cases
from tests.support.contact_harness import EMPTY, ContactHarness

latin = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=60)
HEADERS = (
    "Authorization", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded",
    "Accept", "Accept-Encoding", "Accept-Language", "If-None-Match", "If-Modified-Since",
    "If-Match", "Range", "If-Range", "Idempotency-Key", "Origin", "Sec-Fetch-Site", "Referer",
    "Content-Type", "Expect", "Cookie", "X-Request-Id", "Connection", "X-HTTP-Method-Override",
)  # fmt: skip
VALUES = (
    "", "Bearer", "Bearer \xe9\xff", "Basic YTpi", 'Digest x="', "[::1", "::1%eth0", "1.2.3.4:5",
    "unknown", "*", "W/", '"', "bytes=0-", "bytes=9-1,-5", "gzip;q=nan", "br;q=1e999", "*;q=0",
    "application/json;charset=", "https://[", "a=b; a=c; $Version", "9" * 400, "x" * 9000,
)  # fmt: skip
PATHS = (
    "/", "/contact", "/location", "/location/map.svg", "/location/tiles/0/0/0.mvt", "/opening",
    "/static/css/base.css", "/healthz", "/metrics", "/api/", "/api/openapi.json", "/sitemap.xml",
    "/dev/mailbox", "/contact/received/BBB-BBB",
)  # fmt: skip
PIECES = ("..", "//", "\\", "%00", "%ff", "%2e%2e", "%", ";", "?", "#", "@", ":", "\u2028", "😀",
          "-1", "9" * 40, "static", "location", "tiles", "received", "api", "v1")  # fmt: skip
pieces = st.sampled_from((*PIECES, *hostile_input.MARKUP)) | st.text(max_size=8)
headers = st.dictionaries(st.sampled_from(HEADERS), st.sampled_from(VALUES) | latin, max_size=4)


@cases(quick=100, long=10_000)
@given(path=st.sampled_from(PATHS), sent=headers, method=st.sampled_from(("GET", "HEAD", "POST")))
def test_any_header_gets_a_response(
    shared_harness: ContactHarness, path: str, sent: dict[str, Any], method: str
) -> None:
    body = EMPTY if method == "POST" else None
    response = shared_harness.client.open(path, method=method, headers=sent, data=body)
    assert response.status_code < 500 or (path, response.status_code) == ("/healthz", 503)
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@cases(quick=100, long=10_000)
@given(parts=st.lists(pieces, max_size=5), begin=st.sampled_from(PATHS))
def test_any_path_gets_a_response_and_no_open_redirect(
    shared_harness: ContactHarness, parts: list[str], begin: str
) -> None:
    path, _, query = f"{begin}/{'/'.join(parts)}".partition("?")
    # As gunicorn hands it over; the test client would read "//host/" as another host.
    asked = {"PATH_INFO": unquote_to_bytes(path).decode("latin-1"), "QUERY_STRING": quote(query)}
    response = shared_harness.client.get("/", environ_overrides=asked)
    assert response.status_code < 500 or begin == "/healthz"
    place = urljoin("http://localhost/", response.headers.get("Location", "/").replace("\\", "/"))
    assert place.startswith("http://localhost/")
