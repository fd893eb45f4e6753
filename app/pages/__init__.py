"""Information pages: the clinic's Markdown, checked and rendered once."""

from pathlib import Path

from flask import Flask, request

from app.clinic import Clinic
from app.pages import json_ld
from app.pages.conditional_blocks import NO_SETTINGS, PageSettings
from app.pages.loader import load_pages
from app.pages.og_image import init_social_card
from app.pages.redirects import load_redirects, register_redirects
from app.pages.routes import OTHER_PAGES, Site, create_blueprint

# Ids of the sections that the front page's template adds after the article.
HOME_SECTIONS = ("location-map", "contact-us-today")


def init_app(
    app: Flask,
    *,
    clinic: Clinic,
    folder: Path,
    site: str,
    settings: PageSettings = NO_SETTINGS,
) -> None:
    """Register this package.

    ``folder`` is the clinic's folder, ``site`` the site's URL without a slash at the end.
    ``settings`` are those that pages can mention, such as how long inquiries are kept.
    Raises ClinicError with every issue in the pages.
    """
    pages = load_pages(folder, clinic, OTHER_PAGES, HOME_SECTIONS, settings)
    pages_site = Site(clinic, pages, site)
    app.register_blueprint(create_blueprint(pages_site, folder / "logo.svg"))
    register_redirects(app, load_redirects(folder / "redirects.toml", pages, OTHER_PAGES))
    init_social_card(app, folder / "social-card.png", site)
    app.jinja_env.globals.update(
        navigation=pages_site.navigation,
        further_reading=pages_site.further_reading,
        clinic_structured_data=lambda: json_ld.clinic_script(clinic, site),
    )

    @app.context_processor
    def canonical() -> dict[str, str]:
        """The canonical URL of the current page; empty for an error page."""
        return {"canonical": f"{site}{request.path}"} if request and request.url_rule else {}
