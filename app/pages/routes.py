"""The routes of the information pages and of the small files that go with them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from flask import Blueprint, Response, render_template

from app import clock
from app.clinic import Clinic, ClinicError, Location, hours
from app.pages import site_files, structured_data
from app.pages.content import Page
from app.web.cache import RenderCache, Representation

FRESH = "public, max-age=60, must-revalidate"
ONE_DAY = "public, max-age=86400"

# What other rooms answer, with the labels of the links in the header.
OTHER_PAGES = {"/location": "Location", "/contact": "Contact"}


@dataclass(frozen=True)
class Site:
    """What the pages are made from; ``address`` is https://host, without a slash."""

    clinic: Clinic
    pages: tuple[Page, ...]
    address: str
    made: RenderCache = field(default_factory=RenderCache)

    def page(self, page: Page) -> Representation:
        """``page`` as it is now, for the request under way."""
        return self.made.get(page.path, self.statuses(), partial(_render, self, page))

    def navigation(self) -> tuple[tuple[str, str], ...]:
        """Path and label of the links in the header."""
        named = tuple((page.path, page.nav) for page in self.pages if page.nav)
        return (*named, *OTHER_PAGES.items())

    def further_reading(self) -> tuple[tuple[str, str], ...]:
        """Path and title of the pages that the header does not lead to, for the footer."""
        return tuple((page.path, page.title) for page in self.pages if not page.nav)

    def opening_status(self, location: Location | None = None) -> str:
        """``Open now until 5 pm``, of ``location`` or of the clinic as a whole."""
        if location:
            return hours.opening_status(location, self.clinic.zone, clock.now())
        return hours.clinic_status(self.clinic, clock.now())

    def statuses(self) -> str:
        """Every status that a page can show: when one changes, pages are rendered anew."""
        return "\n".join(self.opening_status(place) for place in self.clinic.locations)


def blueprint(site: Site, logo: Path) -> Blueprint:
    """The routes of this room. Raises ClinicError when ``logo`` cannot be read."""
    routes = Blueprint("pages", __name__)
    for page in site.pages:
        routes.add_url_rule(page.path, page.slug or "home", _page_view(site, page))
    icon = Representation(_read(logo), "image/svg+xml")
    routes.add_url_rule("/favicon.svg", "favicon", lambda: icon.respond(ONE_DAY))
    map_xml = _file(site_files.sitemap(site.pages, OTHER_PAGES, site.address), "application/xml")
    routes.add_url_rule("/sitemap.xml", "sitemap", lambda: map_xml.respond(ONE_DAY))
    rules = _file(site_files.robots(site.address), "text/plain")
    routes.add_url_rule("/robots.txt", "robots", lambda: rules.respond(ONE_DAY))
    routes.add_url_rule("/.well-known/security.txt", "security", lambda: _security(site))
    return routes


def _page_view(site: Site, page: Page) -> Callable[[], Response]:
    def view() -> Response:
        return site.page(page).respond(FRESH)

    return view


def _render(site: Site, page: Page) -> str:
    return render_template(
        [f"pages/{page.slug or 'home'}.html", "pages/page.html"],
        page=page,
        structured_data=structured_data.page_script(site.clinic, page, site.address),
    )


def _file(text: str, media_type: str) -> Representation:
    return Representation(text.encode(), f"{media_type}; charset=utf-8")


def _security(site: Site) -> Response:
    text = site_files.security_txt(site.clinic, site.address, clock.now())
    return _file(text, "text/plain").respond(ONE_DAY)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ClinicError(f"{file}: {error.strerror}") from None
