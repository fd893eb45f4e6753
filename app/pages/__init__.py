"""Information pages: the clinic's Markdown, checked and rendered once."""

from pathlib import Path

from flask import Flask

from app.clinic import Clinic
from app.clinic.errors import IssueCollector
from app.pages.conditional_blocks import PageSettings
from app.pages.figures import load_figures
from app.pages.loader import load_pages
from app.pages.redirects import load_redirects, register_redirects
from app.pages.routes import Site, create_blueprint
from app.pages.social_card import read_social_card
from app.pages.svg_files import read_svg


def init_app(
    app: Flask, *, clinic: Clinic, folder: Path, site_url: str, settings: PageSettings
) -> None:
    """Register this package.

    ``folder`` is the clinic's folder; ``site_url`` has no slash at the end. ``settings`` are
    those that pages can mention, such as how long inquiries are kept.
    Raises ClinicError with every issue in the pages.
    """
    pages, issues = load_pages(folder, clinic, settings), IssueCollector()
    logo = read_svg(folder / "logo.svg", issues)
    drawing = folder / "illustration.svg"
    illustration = read_svg(drawing, issues) if drawing.exists() else ""
    issues.raise_if_any()
    figures = load_figures(folder / "figures", (), IssueCollector())  # checked with the pages
    card = folder / "social-card.png"
    social_card = read_social_card(card) if card.exists() else None
    site = Site(
        clinic=clinic,
        pages=pages,
        url=site_url,
        logo=logo,
        illustration=illustration,
        figures={name: figure for name, figure in figures.items() if figure},
        social_card=social_card,
    )
    app.register_blueprint(create_blueprint(site))
    register_redirects(app, load_redirects(folder / "redirects.toml", pages))
    app.jinja_env.globals.update(site=site)
