"""The routes of the information pages and of the small files that go with them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Response, render_template

from app import clock
from app.clinic import Clinic, ClinicError
from app.pages import json_ld, site_files
from app.pages.loader import Page
from app.web.page_cache import HTML, public_response

FRESH = "public, max-age=30, must-revalidate"
ONE_DAY = "public, max-age=86400"
TEXT = "text/plain; charset=utf-8"

# What other rooms answer, with the labels of the links in the header.
OTHER_PAGES = {"/location": "Location", "/contact": "Contact"}


@dataclass(frozen=True)
class Site:
    """What the pages are made from; ``address`` is https://host, without a slash."""

    clinic: Clinic
    pages: tuple[Page, ...]
    address: str

    def navigation(self) -> tuple[tuple[str, str], ...]:
        """Path and label of the links in the header."""
        named = tuple((page.path, page.nav) for page in self.pages if page.nav)
        return (*named, *OTHER_PAGES.items())

    def further_reading(self) -> tuple[tuple[str, str], ...]:
        """Path and title of the pages that the header does not lead to, for the footer."""
        return tuple((page.path, page.title) for page in self.pages if not page.nav)


def create_blueprint(site: Site, logo: Path) -> Blueprint:
    """The routes of this room. Raises ClinicError when ``logo`` cannot be read."""
    routes = Blueprint("pages", __name__)
    for page in site.pages:
        routes.add_url_rule(page.path, page.slug or "home", _page_view(site, page))
    sitemap = site_files.sitemap(site.pages, OTHER_PAGES, site.address)
    robots = site_files.robots(site.address)
    for path, name, body, media_type in (
        ("/favicon.svg", "favicon", _read(logo), "image/svg+xml"),
        ("/sitemap.xml", "sitemap", sitemap, "application/xml; charset=utf-8"),
        ("/robots.txt", "robots", robots, TEXT),
    ):
        routes.add_url_rule(path, name, _file_view(body, media_type))
    routes.add_url_rule("/.well-known/security.txt", "security", lambda: _security(site))
    return routes


def _page_view(site: Site, page: Page) -> Callable[[], Response]:
    return lambda: _show(site, page)


def _file_view(body: bytes | str, media_type: str) -> Callable[[], Response]:
    return lambda: public_response(body, media_type, ONE_DAY)


def _show(site: Site, page: Page) -> Response:
    html = render_template(
        [f"pages/{page.slug or 'home'}.html", "pages/page.html"],
        page=page,
        structured_data=json_ld.page_script(site.clinic, page, site.address),
    )
    return public_response(html, HTML, FRESH)


def _security(site: Site) -> Response:
    text = site_files.security_txt(site.clinic, site.address, clock.now())
    return public_response(text, TEXT, ONE_DAY)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ClinicError(f"{file}: {error.strerror}") from None
