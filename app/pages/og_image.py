"""The picture that stands beside a link to this site where people share it."""

from pathlib import Path

from flask import Flask, Response

from app.clinic import ClinicError
from app.web.page_cache import public_response

PATH = "/social-card.png"
ONE_DAY = "public, max-age=86400"
PNG = b"\x89PNG\r\n\x1a\n"
SIZE = (1200, 630)  # pixels, what the large networks ask for


def init_social_card(app: Flask, file: Path, site: str) -> None:
    """Serve ``file``, and give the templates its address as ``social_card``; no file: empty.

    Raises ClinicError when it is no PNG of the right size.
    """
    app.jinja_env.globals["social_card"] = f"{site}{PATH}" if file.exists() else ""
    if file.exists():
        picture = read_social_card(file)
        app.add_url_rule(PATH, "social_card", lambda: _show(picture))


def read_social_card(file: Path) -> bytes:
    """The bytes of ``file``. Raises ClinicError when it is no PNG of the right size."""
    data = file.read_bytes()
    size = int.from_bytes(data[16:20]), int.from_bytes(data[20:24])  # the header chunk
    if not data.startswith(PNG) or size != SIZE:
        raise ClinicError(f"{file}: must be a PNG picture of {SIZE[0]} by {SIZE[1]} pixels")
    return data


def _show(picture: bytes) -> Response:
    response = public_response(picture, "image/png", ONE_DAY)
    # Sites that show a link to ours may show its picture, which says nothing else.
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
