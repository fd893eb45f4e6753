"""Errors in the clinic's pages are reported all at once, with file and line."""

from typing import Any

import pytest
from flask import Flask

from app.clinic import Clinic, ClinicError
from app.pages import init_app
from app.pages.redirects import load_redirects


@pytest.mark.parametrize(
    ("text", "issue"),
    [
        ("one\n\n{{ clinic.fax }}", "8: unknown or unset placeholder {{ clinic.fax }}"),
        (
            "{{ link.evolution_article | b }}",
            "6: unknown or unset placeholder {{ link.evolution_art",
        ),
        ("one\n\n::: danger Zone\nx\n:::", "8: unknown block ::: danger"),
        ("::: note Title\nx", "6: ::: note is never closed"),
        ("x\n\n:::", "8: ::: closes a block that was never opened"),
        ("::: do A\n::: dont B\n:::", "7: ::: dont starts before ::: do is closed"),
        (
            "::: when settings.send_acknowledgement\n::: note B\nx\n:::\n:::",
            "7: ::: note starts before ::: when is closed",
        ),
        ("::: note\nx\n:::", "6: ::: note needs a title"),
        ("# Title", "6: the title is the page's only first-level heading"),
        ("## a\n\n#### b", "8: heading 'b' skips a level"),
        ("one\ntwo <b>bold</b>", "7: raw HTML is not allowed: <b>"),
        ("<script>1</script>", "6: raw HTML is not allowed: <script>1</script>"),
        ("one\n\n[x](/nowhere)", "8: broken link /nowhere: no such page"),
        ("one\ntwo [x](#nothing)", "7: broken link #nothing: no such heading"),
        ("[x](/#nothing)", "6: broken link /#nothing: no such heading"),
        ("[x](evidence)", "6: broken link evidence: no such page"),
        ("[x](//evil.example)", "6: broken link //evil.example: must start with https://"),
        ("[x](ftp://a.example)", "6: broken link ftp://a.example: must start with https://"),
        ("one\n\n![A nurse](nurse.jpg)", "8: picture nurse.jpg: no page shows picture files"),
        ("| ![a](https://a.example/b.png) |\n|---|", "6: picture https://a.example/b.png: no page"),
    ],
)
def test_issue_has_file_and_line(folder: Any, text: str, issue: str) -> None:
    folder.write("index", text)
    issues = folder.issues()
    assert any(line.startswith(f"pages/index.md:{issue}") for line in issues), issues


@pytest.mark.parametrize(
    ("head", "issue"),
    [
        ('when = "tea"\n', "1: description: missing"),
        ('title = "T"\norder = 1\n', "1: description: missing"),
        ('colour = "x"\n', "2: colour: unknown key"),
        ('order = "first"\n', "2: order: "),
        ('description = "short"\n', "2: description: "),
        ('title = "{{ clinic.name }}"\n', "2: title: "),
        ('"colour(" = 1\n', "1: colour(: unknown key"),
        ("order = 1\ntitle = \n", "3: front matter: "),
    ],
)
def test_front_matter_is_validated(folder: Any, head: str, issue: str) -> None:
    folder.write("index", "x", head=head)
    assert any(line.startswith(f"pages/index.md:{issue}") for line in folder.issues())


def test_front_matter_must_be_valid_toml(folder: Any) -> None:
    folder.write("index", "x", head=f"order = {'9' * 5000}\n")
    assert folder.issues() == ["pages/index.md: front matter: is not valid TOML (ValueError)"]


def test_page_without_front_matter_is_rejected(folder: Any) -> None:
    (folder.path / "pages" / "bare.md").write_text("Hello")
    assert folder.issues() == [
        "pages/bare.md:1: must begin with front matter between two +++ lines"
    ]


def test_page_cannot_replace_a_page_of_the_application(folder: Any) -> None:
    folder.write("contact", "x")
    assert folder.issues() == ["pages/contact.md:1: /contact is already a page of the application"]


def test_file_name_must_be_a_valid_url_path(folder: Any) -> None:
    folder.write("First Visit", "x")
    assert "lowercase words joined by dashes" in folder.issues()[0]


def test_front_page_is_required(folder: Any) -> None:
    (folder.path / "pages" / "index.md").unlink()
    assert folder.issues() == ["pages/index.md:1: missing: it is the front page"]


def test_cited_sources_must_be_in_the_references_file(folder: Any) -> None:
    folder.sources('[known]\ntext = "K."\n')
    folder.write("index", "one\ntwo [@known; @stranger]")
    assert folder.issues() == ["pages/index.md:7: stranger is cited but not in references.toml"]


@pytest.mark.parametrize(
    ("toml", "issue"),
    [
        ('[a]\ntext = "A."\n\n[b]\ntext = "B."\ndoi = "doi:10.1/x"\n', "6: b.doi: "),
        ("[a]\n", "1: a.text: "),
        ('[a]\ntext = "A."\nisbn = "1"\n', "3: a.isbn: unknown key"),
        ("[a]\ntext = \n", "2: "),
        ('[a]\ntext = "cites [@b]"\n', "2: a.text: "),
    ],
)
def test_references_file_is_validated(folder: Any, toml: str, issue: str) -> None:
    folder.sources(toml)
    assert folder.issues()[0].startswith(f"references.toml:{issue}")


@pytest.mark.parametrize(
    "name", ["references.toml", "figures/x.toml", "pages/index.md", "redirects.toml"]
)
def test_file_that_is_not_utf8_is_rejected(folder: Any, name: str) -> None:
    file = folder.path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"# one\n# \xff\n")
    with pytest.raises(ClinicError) as error:
        load_redirects(folder.path / "redirects.toml", folder.load().values())
    assert str(error.value) == f"{file}:2: is not UTF-8 text"


def test_issues_of_all_pages_are_reported_together(folder: Any) -> None:
    folder.write("index", "{{ nothing }}\n\n[x](/nowhere)")
    folder.write("second", "[x](/#nothing)", "colour = 1\n")
    assert len(folder.issues()) == 3


def test_valid_links_are_accepted(folder: Any) -> None:
    folder.write(
        "index",
        "[a](/contact) [b](/contact#name) [c](#location-map) [d](/second#part) [e](#here)\n"
        "[f](https://a.example/x) [g](tel:911) [h](mailto:a@b.example) [i](/) [j](#main)\n\n"
        "## Here",
    )
    folder.write("second", "## Part\n\n[home](/#location-map)")
    assert set(folder.load()) == {"/", "/second"}


def test_missing_logo_is_an_error(folder: Any, clinic: Clinic) -> None:
    with pytest.raises(ClinicError, match=r"logo\.svg: missing; put your logo there"):
        init_app(
            Flask("x"),
            clinic=clinic,
            folder=folder.path,
            site_url="https://clinic.example",
            settings={},
        )
