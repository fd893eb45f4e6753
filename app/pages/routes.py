"""Routes of the information pages, the favicon and the text files for programs."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from flask import Blueprint, Response, render_template

from app import clock
from app.clinic import Clinic, ClinicError
from app.pages import json_ld, site_files
from app.pages.loader import Page
from app.pages.validation import OTHER_PAGES
from app.web.page_cache import HTML, ONE_DAY, PAGE_CACHE_CONTROL, public_response

TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Site:
    """All information pages; ``url`` is https://host, without a slash at the end."""

    clinic: Clinic
    pages: tuple[Page, ...]
    url: str

    def navigation(self) -> tuple[tuple[str, str], ...]:
        """Path and label of the links in the header."""
        pages = tuple((page.path, page.nav) for page in self.pages if page.nav)
        return (*pages, *OTHER_PAGES.items())

    def further_reading(self) -> tuple[tuple[str, str], ...]:
        """Path and title of the pages without a link in the header, for the footer."""
        return tuple((page.path, page.title) for page in self.pages if not page.nav)


def create_blueprint(site: Site, logo: Path) -> Blueprint:
    """A route per page and file. Raises ClinicError if ``logo`` cannot be read."""
    blueprint = Blueprint("pages", __name__)
    for page in site.pages:
        blueprint.add_url_rule(page.path, page.slug or "home", partial(_show_page, site, page))
    try:
        favicon = logo.read_bytes()
    except OSError as error:
        raise ClinicError(f"{logo}: {error.strerror}") from None
    sitemap = site_files.sitemap(site.pages, OTHER_PAGES, site.url)
    for path, name, body, media_type in (
        ("/favicon.svg", "favicon", favicon, "image/svg+xml"),
        ("/sitemap.xml", "sitemap", sitemap, "application/xml; charset=utf-8"),
        ("/robots.txt", "robots", site_files.robots(site.url), TEXT),
    ):
        blueprint.add_url_rule(path, name, partial(public_response, body, media_type, ONE_DAY))

    @blueprint.get("/.well-known/security.txt")
    def security() -> Response:
        text = site_files.security_txt(site.clinic, site.url, clock.now())
        return public_response(text, TEXT, ONE_DAY)

    return blueprint


def _show_page(site: Site, page: Page) -> Response:
    html = render_template(
        [f"pages/{page.slug or 'home'}.html", "pages/page.html"],
        page=page,
        structured_data=json_ld.page_script(site.clinic, page, site.url),
    )
    return public_response(html, HTML, PAGE_CACHE_CONTROL)
