"""Information pages: the clinic's Markdown, checked and rendered once."""

from pathlib import Path

from flask import Flask, request

from app.clinic import Clinic
from app.pages import json_ld, redirects
from app.pages.conditional_blocks import NO_SETTINGS, PageSettings
from app.pages.loader import load_pages
from app.pages.og_image import init_social_card
from app.pages.routes import OTHER_PAGES, Site, create_blueprint

# Sections that the front page's template adds below the article.
HOME_SECTIONS = ("location-map", "contact-us-today")


def init_app(
    app: Flask,
    *,
    clinic: Clinic,
    folder: Path,
    site: str,
    settings: PageSettings = NO_SETTINGS,
) -> None:
    """Join this room to the application.

    ``folder`` is the clinic's, ``site`` the address that visitors use, without
    a slash at the end, ``settings`` what pages may state of the settings: a page
    that says how long words are kept is true, however it is set. Raises ClinicError
    naming every fault in the pages.
    """
    pages = load_pages(folder, clinic, OTHER_PAGES, HOME_SECTIONS, settings)
    whole = Site(clinic, pages, site)
    app.register_blueprint(create_blueprint(whole, folder / "logo.svg"))
    redirects.register_redirects(
        app, redirects.load_redirects(folder / "redirects.toml", pages, OTHER_PAGES)
    )
    init_social_card(app, folder / "social-card.png", site)
    app.jinja_env.globals.update(
        navigation=whole.navigation,
        further_reading=whole.further_reading,
        clinic_structured_data=lambda: json_ld.clinic_script(clinic, site),
    )

    @app.context_processor
    def canonical() -> dict[str, str]:
        """The one address of the page that is being shown; none for an error."""
        return {"canonical": f"{site}{request.path}"} if request and request.url_rule else {}
