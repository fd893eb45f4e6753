"""Information pages: the clinic's Markdown, checked and rendered once."""

from pathlib import Path

from flask import Flask, request

from app.clinic import Clinic
from app.pages import structured_data
from app.pages.content import load_pages
from app.pages.routes import OTHER_PAGES, Site, blueprint

# Sections that the front page's template adds below the article.
HOME_SECTIONS = ("location-map", "contact-us-today")


def init_app(app: Flask, *, clinic: Clinic, folder: Path, site: str) -> None:
    """Join this room to the application.

    ``folder`` is the clinic's, ``site`` the address that visitors use, without
    a slash at the end. Raises ClinicError naming every fault in the pages.
    """
    whole = Site(clinic, load_pages(folder, clinic, OTHER_PAGES, HOME_SECTIONS), site)
    app.register_blueprint(blueprint(whole, folder / "logo.svg"))
    app.jinja_env.globals.update(
        navigation=whole.navigation,
        further_reading=whole.further_reading,
        opening_status=whole.opening_status,
        clinic_structured_data=lambda: structured_data.clinic_script(clinic, site),
    )

    @app.context_processor
    def canonical() -> dict[str, str]:
        """The one address of the page that is being shown; none for an error."""
        return {"canonical": f"{site}{request.path}"} if request and request.url_rule else {}
