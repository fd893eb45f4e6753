"""Routes of the information pages, the favicon and the text files for programs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from flask import Blueprint, Response, render_template
from markupsafe import escape

from app import clock
from app.clinic import Clinic
from app.pages import json_ld
from app.pages.figures.base import Figure, Layout
from app.pages.figures.render import STYLE, draw_figure
from app.pages.loader import Page
from app.pages.references import Reference
from app.pages.render_rules import REFERENCES_PATH
from app.pages.svg_files import with_style
from app.pages.validation import OTHER_PAGES
from app.services import current_services
from app.web.page_cache import (
    HTML,
    ONE_DAY,
    PAGE_CACHE_CONTROL,
    REVALIDATE,
    public_response,
)
from app.web.security_headers import svg_policy

TEXT = "text/plain; charset=utf-8"
SECURITY_TXT_DAYS = 180  # RFC 9116, 2.5.5: less than a year


@dataclass(frozen=True)
class Site:
    """All information pages; ``url`` is https://host, without a slash at the end."""

    clinic: Clinic
    pages: tuple[Page, ...]
    url: str
    logo: str  # SVG
    illustration: str  # SVG, empty for none
    figures: Mapping[str, Figure]
    social_card: bytes | None  # PNG

    def navigation(self) -> tuple[tuple[str, str], ...]:
        """Path and label of the links in the header."""
        pages = tuple((page.path, page.meta.nav) for page in self.pages if page.meta.nav)
        return (*pages, *OTHER_PAGES.items())

    def further_reading(self) -> tuple[tuple[str, str], ...]:
        """Path and title of the pages without a link in the header, for the footer."""
        pages = [(page.path, page.meta.title) for page in self.pages if not page.meta.nav]
        return (*pages, *((REFERENCES_PATH, "References") for _ in self.references()[:1]))

    def references(self) -> tuple[tuple[Reference, tuple[Page, ...]], ...]:
        """Each source by number, with the pages that cite it."""
        citing: dict[Reference, list[Page]] = {}
        for page in self.pages:
            for reference in page.references:
                citing.setdefault(reference, []).append(page)
        return tuple((reference, tuple(pages)) for reference, pages in citing.items())

    def next_page(self, page: Page) -> Page | None:
        """The page to read after ``page``, if both are part of the medical information."""
        pages = [page for page in self.pages if page.meta.medical]
        following = pages[pages.index(page) + 1 :] if page in pages else []
        return following[0] if following else None


def create_blueprint(site: Site) -> Blueprint:
    """A route per page and file."""
    blueprint = Blueprint("pages", __name__)
    for page in site.pages:
        values = {"site": site, "page": page}
        blueprint.add_url_rule(page.path, page.name, _show_page, defaults=values)
    values = {"site": site}
    blueprint.add_url_rule(REFERENCES_PATH, "references", _show_references, defaults=values)
    for path, name, body, media_type in (
        ("/favicon.svg", "favicon", site.logo, "image/svg+xml"),
        ("/sitemap.xml", "sitemap", _sitemap(site), "application/xml; charset=utf-8"),
        ("/robots.txt", "robots", _robots(site.url), TEXT),
    ):
        values = {"body": body, "media_type": media_type, "cache_control": ONE_DAY}
        blueprint.add_url_rule(path, name, public_response, defaults=values)
    for path, svg, style in _images(site):
        values = {"svg": svg, "style": style}
        blueprint.add_url_rule(path, path[1:].replace(".", "-"), _show_image, defaults=values)
    if site.social_card:
        values = {"image": site.social_card}
        blueprint.add_url_rule("/social-card.png", view_func=_social_card, defaults=values)

    @blueprint.get("/.well-known/security.txt")
    def security() -> Response:
        return public_response(_security_txt(site, clock.now()), TEXT, ONE_DAY)

    return blueprint


def _images(site: Site) -> Iterator[tuple[str, str, str]]:
    """Path, text and style sheet of each SVG image in the clinic's colors."""
    css = site.clinic.theme.drawing_css
    if site.illustration:
        yield "/illustration.svg", with_style(site.illustration, css), css
    for name, figure in site.figures.items():
        for suffix, layout in (("", Layout.NARROW), ("-wide", Layout.WIDE)):
            yield f"/figures/{name}{suffix}.svg", draw_figure(figure, layout, css), css + STYLE


def _show_image(svg: str, style: str) -> Response:
    response = public_response(svg, "image/svg+xml", REVALIDATE)
    response.headers["Content-Security-Policy"] = svg_policy(style)
    return response


def _social_card(image: bytes) -> Response:
    response = public_response(image, "image/png", ONE_DAY)
    # Other sites may show this image, which contains nothing private.
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _show_page(site: Site, page: Page) -> Response:
    html = render_template(
        [f"pages/{page.name}.html", "pages/page.html"],
        page=page,
        structured_data=json_ld.page_script(current_services().notices.clinic(), page, site.url),
    )
    return public_response(html, HTML, PAGE_CACHE_CONTROL)


def _show_references(site: Site) -> Response:
    html = render_template("pages/references.html", references=site.references())
    return public_response(html, HTML, PAGE_CACHE_CONTROL)


def _sitemap(site: Site) -> str:
    """All public pages, with the date of the last change if their front matter has one."""
    lastmod = {
        page.path: f"<lastmod>{page.meta.updated}</lastmod>"
        for page in site.pages
        if page.meta.updated
    }
    urls = "\n".join(
        f"<url><loc>{escape(site.url + path)}</loc>{lastmod.get(path, '')}</url>"
        for path in (*(page.path for page in site.pages), *OTHER_PAGES, REFERENCES_PATH)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{urls}\n</urlset>\n'
    )


def _robots(site_url: str) -> str:
    """Crawlers may read everything except the API."""
    return f"User-agent: *\nDisallow: /api/\nSitemap: {site_url}/sitemap.xml\n"


def _security_txt(site: Site, now: datetime) -> str:
    """Where to report a vulnerability (RFC 9116); ``now`` is in UTC."""
    # The same all day, so that it can be cached.
    expires = datetime.combine(now.date(), time(), UTC) + timedelta(days=SECURITY_TXT_DAYS)
    return (
        f"Contact: mailto:{site.clinic.email}\n"
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}\n"
        f"Preferred-Languages: {site.clinic.language.split('-')[0]}\n"
        f"Canonical: {site.url}/.well-known/security.txt\n"
    )
