"""Fixtures for pages: a small clinic folder, and Markdown rendered as HTML."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from app.clinic import Clinic, ClinicError
from app.pages.conditional_blocks import PageSettings
from app.pages.loader import Page, load_pages

DESCRIPTION = "A page made for a test, with a description of a length that search engines like."
HEAD = f'title = "A page"\ndescription = "{DESCRIPTION}"\norder = 1\n'


class Folder:
    """A clinic folder under test."""

    def __init__(self, path: Path, clinic: Clinic) -> None:
        self.path = path
        self.clinic = clinic
        (path / "pages").mkdir()
        self.write("index", "Welcome.")

    def write(self, name: str, text: str, more: str = "", head: str = HEAD) -> None:
        """Write a page; its Markdown starts at line 6 plus the lines of ``more``."""
        body = dedent(text).strip("\n")
        file = self.path / "pages" / f"{name}.md"
        file.write_text(f"+++\n{head}{more}+++\n{body}\n", encoding="utf-8")

    def sources(self, text: str) -> None:
        (self.path / "references.toml").write_text(dedent(text), encoding="utf-8")

    def load(self, settings: PageSettings | None = None) -> dict[str, Page]:
        pages = load_pages(self.path, self.clinic, settings or {})
        return {page.path: page for page in pages}

    def issues(self) -> list[str]:
        """The lines of the error message, without the folder's path."""
        with pytest.raises(ClinicError) as error:
            self.load()
        return str(error.value).replace(f"{self.path}/", "").splitlines()


@pytest.fixture
def folder(tmp_path: Path, clinic: Clinic) -> Folder:
    return Folder(tmp_path, clinic)


@pytest.fixture
def html(folder: Folder) -> Callable[..., str]:
    """Render Markdown as the lead and body of a page."""

    def render(text: str, more: str = "") -> str:
        folder.write("index", text, more)
        page = folder.load()["/"]
        return page.lead + page.body

    return render
