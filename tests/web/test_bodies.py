"""Bodies come as they are, so that a small one cannot become a large one."""

import gzip
from io import BytesIO

import pytest
from flask import Flask
from flask.testing import FlaskClient

SMALL_BUT_LARGE = gzip.compress(b"message=" + b"x" * 10_000_000)


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "zstd", "GZIP", "identity, gzip"])
def test_a_compressed_body_is_refused_unread(site: Flask, coding: str) -> None:
    answer = site.test_client().post(
        "/letters", data=SMALL_BUT_LARGE, headers={"Content-Encoding": coding}
    )
    assert answer.status_code == 415


def test_a_compressed_transfer_is_refused_too(site: Flask) -> None:
    answer = site.test_client().post("/letters", headers={"Transfer-Encoding": "gzip, chunked"})
    assert answer.status_code == 501


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "identity"}])
def test_a_plain_one_is_taken(site: Flask, headers: dict[str, str]) -> None:
    assert site.test_client().post("/letters", headers=headers).status_code == 200


@pytest.mark.parametrize(("size", "status"), [(256 * 1024, 422), (256 * 1024 + 1, 413)])
def test_a_chunked_body_is_measured_like_another(
    client: FlaskClient, size: int, status: int
) -> None:
    body = {"wsgi.input": BytesIO(b"x" * size), "wsgi.input_terminated": True}
    answer = client.post(
        "/contact",
        content_type="application/x-www-form-urlencoded",
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides=body,
    )
    assert answer.status_code == status
