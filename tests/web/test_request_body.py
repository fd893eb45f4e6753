"""Compressed request bodies are rejected, because a small one could expand to a large one."""

import gzip
import tempfile
from io import BytesIO

import pytest
from flask import Flask
from flask.testing import FlaskClient

COMPRESSED = gzip.compress(b"message=" + b"x" * 10_000_000)


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "zstd", "GZIP", "identity, gzip"])
def test_a_compressed_body_is_rejected_unread(site: Flask, coding: str) -> None:
    response = site.test_client().post(
        "/letters", data=COMPRESSED, headers={"Content-Encoding": coding}
    )
    assert response.status_code == 415


def test_a_rejected_form_is_not_read(client: FlaskClient) -> None:
    # It is rejected before a rate limit counts it, so it must cost nothing.
    response = client.post(
        "/contact", data={"message": "Typed words"}, headers={"Content-Encoding": "gzip"}
    )
    assert response.status_code == 415
    assert "Typed words" not in response.text


def test_a_compressed_transfer_encoding_is_rejected(site: Flask) -> None:
    response = site.test_client().post("/letters", headers={"Transfer-Encoding": "gzip, chunked"})
    assert response.status_code == 501


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "identity"}])
def test_an_uncompressed_body_is_accepted(site: Flask, headers: dict[str, str]) -> None:
    assert site.test_client().post("/letters", headers=headers).status_code == 200


def test_the_parts_of_a_form_stay_in_memory(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Werkzeug writes parts of more than 500 kB to a file; a body is at most 256 KiB."""

    def fail(**_: object) -> None:
        pytest.fail("a temporary file for what a visitor sent")

    monkeypatch.setattr(tempfile, "TemporaryFile", fail)
    parts = {"message": "Typed words", "file": (BytesIO(b"x" * 260_000), "letter.txt")}
    assert client.post("/contact", data=parts).status_code == 422


@pytest.mark.parametrize(("size", "status"), [(256 * 1024, 422), (256 * 1024 + 1, 413)])
def test_a_chunked_body_is_limited_too(client: FlaskClient, size: int, status: int) -> None:
    body = {"wsgi.input": BytesIO(b"x" * size), "wsgi.input_terminated": True}
    response = client.post(
        "/contact",
        content_type="application/x-www-form-urlencoded",
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides=body,
    )
    assert response.status_code == status
