"""Information pages: the clinic's Markdown, checked and rendered once."""

from pathlib import Path

from flask import Flask, request

from app.clinic import Clinic
from app.pages import json_ld
from app.pages.conditional_blocks import PageSettings
from app.pages.loader import load_pages
from app.pages.redirects import load_redirects, register_redirects
from app.pages.routes import Site, create_blueprint
from app.pages.social_card import init_social_card


def init_app(
    app: Flask, *, clinic: Clinic, folder: Path, site_url: str, settings: PageSettings
) -> None:
    """Register this package.

    ``folder`` is the clinic's folder; ``site_url`` has no slash at the end. ``settings`` are
    those that pages can mention, such as how long inquiries are kept.
    Raises ClinicError with every issue in the pages.
    """
    pages = load_pages(folder, clinic, settings)
    site = Site(clinic, pages, site_url)
    app.register_blueprint(create_blueprint(site, folder / "logo.svg"))
    register_redirects(app, load_redirects(folder / "redirects.toml", pages))
    init_social_card(app, folder / "social-card.png", site_url)
    app.jinja_env.globals.update(
        navigation=site.navigation,
        further_reading=site.further_reading,
        clinic_structured_data=lambda: json_ld.clinic_script(clinic, site_url),
    )

    @app.context_processor
    def canonical() -> dict[str, str]:
        """The canonical URL of the current page; empty for an error page."""
        return {"canonical": f"{site_url}{request.path}"} if request and request.url_rule else {}
