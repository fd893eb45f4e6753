"""A site with only the web package and a few views to test it with."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, render_template_string
from jinja2 import DictLoader
from werkzeug.exceptions import ServiceUnavailable

from app import web
from app.web.page_cache import HTML, public_response
from app.web.rate_limits import limiter
from app.web.security_headers import allow_images_from
from app.web.static_files import INLINE_STYLE_SHEETS, LATE_STYLE_SHEETS

ERROR_PAGE = "<title>{{ heading }}</title><h1>{{ code }} {{ heading }}</h1>{{ explanation }}"


@pytest.fixture
def static(tmp_path: Path) -> Path:
    """A static folder. Add files before creating the site."""
    folder = tmp_path / "static"
    (folder / "css").mkdir(parents=True)
    for name in (*INLINE_STYLE_SHEETS, *LATE_STYLE_SHEETS):
        (folder / "css" / f"{name}.css").write_text(f".{name} {{ color: black }}\n" * 50)
    return folder


@pytest.fixture
def make_site(static: Path) -> Callable[..., Flask]:
    """Create a small site. Keyword arguments are those of ``web.init_app``."""

    def make(**options: Any) -> Flask:
        site = Flask("frontdesk", root_path=str(static.parent), static_folder="static")
        site.jinja_loader = DictLoader({"errors/error.html": ERROR_PAGE})
        web.init_app(site, secret_key="only-for-tests", **options)
        _add_views(site)
        return site

    return make


@pytest.fixture
def site(make_site: Callable[..., Flask]) -> Flask:
    return make_site()


def _add_views(site: Flask) -> None:
    @site.get("/page")
    def page() -> Any:
        allow_images_from("https://tiles.example")
        html = render_template_string("<title>t</title>{{ inline_css() }}<h1>words</h1>" * 40)
        return public_response(html, HTML, "public, max-age=60")

    @site.post("/letters")
    @limiter.limit("2 per minute")
    def post_letter() -> str:
        return "posted"

    @site.get("/broken/<secret>")
    def broken(secret: str) -> str:
        raise ValueError(secret)

    @site.post("/contact")
    def contact() -> str:
        raise ServiceUnavailable

    @site.route("/api/v1/broken", methods=["GET", "POST"])
    def api() -> str:
        raise ServiceUnavailable


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """Return the lines logged since the last call."""
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]
