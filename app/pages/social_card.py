"""The social card: the image that other sites show next to a link to this one."""

from pathlib import Path

from flask import Flask, Response

from app.clinic import ClinicError
from app.web.page_cache import ONE_DAY, public_response

PATH = "/social-card.png"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
SIZE = (1200, 630)  # pixels, as the large networks recommend


def init_social_card(app: Flask, file: Path, site_url: str) -> None:
    """Serve ``file`` and give templates its URL as ``social_card``, empty without the file.

    Raises ClinicError unless it is a PNG image of the right size.
    """
    app.jinja_env.globals["social_card"] = f"{site_url}{PATH}" if file.exists() else ""
    if not file.exists():
        return
    image = read_social_card(file)

    @app.get(PATH)
    def social_card() -> Response:
        response = public_response(image, "image/png", ONE_DAY)
        # Other sites may show this image, which contains nothing private.
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response


def read_social_card(file: Path) -> bytes:
    """The bytes of ``file``. Raises ClinicError unless it is a PNG image of the right size."""
    data = file.read_bytes()
    size = int.from_bytes(data[16:20]), int.from_bytes(data[20:24])  # in the header chunk
    if not data.startswith(PNG_SIGNATURE) or size != SIZE:
        raise ClinicError(f"{file}: must be a PNG image of {SIZE[0]} by {SIZE[1]} pixels")
    return data
