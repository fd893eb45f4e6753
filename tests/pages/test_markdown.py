"""Pages from Markdown to HTML."""

from collections.abc import Callable
from datetime import date
from typing import Any

import html5lib
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.clinic import Clinic, ClinicError, Links
from app.pages.conditional_blocks import page_settings
from app.pages.loader import load_pages
from app.pages.markdown import create_parser
from app.pages.parser import PageContext, parse_page

SETTINGS = page_settings(
    retention_days=90,
    quarantine_retention_days=30,
    notification_detail="full",
    send_acknowledgement=False,
    map_tiles=False,
)


def test_page_has_the_values_of_its_front_matter(folder: Any) -> None:
    folder.write("first-visit", "Hello.", 'nav = "First visit"\nreviewed = 2026-01-31\n')
    page = folder.load()["/first-visit"]
    assert (page.name, page.meta.title, page.meta.nav) == ("first-visit", "A page", "First visit")
    assert page.meta.reviewed == date(2026, 1, 31)


def test_pages_are_sorted_by_order(folder: Any) -> None:
    folder.write("last", "x", head=front_matter(9))
    folder.write("early", "x", head=front_matter(0))
    assert list(folder.load()) == ["/early", "/", "/last"]


def front_matter(order: int) -> str:
    return f'title = "T"\ndescription = "{"long enough " * 5}"\norder = {order}\n'


def test_paragraphs_at_the_top_are_the_lead(folder: Any) -> None:
    folder.write("index", "One.\n\nTwo.\n\n- a list\n\nThree.\n\n## Heading\n\nFour.")
    page = folder.load()["/"]
    assert page.lead == "<p>One.</p>\n<p>Two.</p>\n"
    assert page.body.startswith("<ul>")
    assert "Four." in page.body


def test_headings_get_unique_ids(folder: Any) -> None:
    folder.write(
        "index",
        "## What\u2019s *ketamine*?\n\n### Détail\n\n## What's ketamine?\n\n## 7 {{ clinic.name }}",
    )
    page = folder.load()["/"]
    assert [(heading.id, heading.text) for heading in page.headings] == [
        ("whats-ketamine", "What\u2019s ketamine?"),
        ("whats-ketamine-2", "What\u2019s ketamine?"),
        ("7-null-harbor-infusion-clinic", "7 Null Harbor Infusion Clinic"),
    ]
    assert '<h3 id="detail">Détail</h3>' in page.body


def test_placeholders_show_clinic_values_as_links(html: Callable[..., str]) -> None:
    page_html = html(
        "{{ clinic.name }}: {{ clinic.phone }}, {{clinic.email}}, {{ clinic.reply_within }}"
    )
    assert "Null Harbor Infusion Clinic: " in page_html
    assert '<a href="tel:+12125550142">212-555-0142</a>' in page_html
    assert '<a href="mailto:hello@nullharbor.example">' in page_html
    assert "one business day" in page_html


def test_placeholder_shows_a_setting(folder: Any) -> None:
    folder.write("index", "Kept for {{ settings.retention_days }} days.")
    assert folder.load({"settings.retention_days": "45"})["/"].lead == "<p>Kept for 45 days.</p>\n"
    assert folder.issues() == [
        "pages/index.md:6: unknown or unset placeholder {{ settings.retention_days }}"
    ]


def test_conditional_block_follows_the_setting(folder: Any) -> None:
    text = """
        Before.

        ::: when settings.map_tiles
        Streets come from [elsewhere](/contact).
        :::

        ::: when not settings.map_tiles
        Streets are our own.
        :::

        After.
    """
    folder.write("index", text)
    page_html = folder.load({"settings.map_tiles": True})["/"].lead
    assert "elsewhere" in page_html
    assert "our own" not in page_html
    page_html = folder.load({"settings.map_tiles": False})["/"].lead
    assert page_html == "<p>Before.</p>\n<p>Streets are our own.</p>\n<p>After.</p>\n"


@pytest.mark.parametrize(
    "condition",
    ["settings.map_tile", "not", "", "no settings.send_acknowledgement", "settings.retention_days"],
)
def test_unknown_condition_is_an_error(folder: Any, condition: str) -> None:
    folder.write("index", f"Before.\n\n::: when {condition}\nWords.\n:::\n")
    with pytest.raises(ClinicError, match=r"index\.md:8: ::: when"):
        folder.load(SETTINGS)


def test_placeholder_inside_a_link_is_not_linked_again(html: Callable[..., str]) -> None:
    page_html = html("[Call {{ clinic.phone }}](/contact)")
    assert '<a href="/contact">Call 212-555-0142</a>' in page_html


def test_conditional_block_follows_a_link(folder: Any) -> None:
    link = "{{ link.evolution_article | The evolution of ketamine infusion }}"
    text = f"Before.\n\n::: when link.evolution_article\n{link}\n:::\n\nAfter."
    folder.write("index", text)
    assert folder.load()["/"].lead == "<p>Before.</p>\n<p>After.</p>\n"
    filled = Links.model_validate({"evolution_article": "https://history.example/"})
    folder.clinic = folder.clinic.model_copy(update={"links": filled})
    link = '<a href="https://history.example/">The evolution of ketamine infusion</a>'
    assert link in folder.load()["/"].lead


def test_care_card_names_its_kind(html: Callable[..., str]) -> None:
    page_html = html(
        "## Danger\n\n::: emergency Chest pain\nCall.\n:::\n\n::: ask Ask us\nText.\n:::"
    )
    assert (
        '<section class="card card-emergency" aria-labelledby="chest-pain">'
        '<h3 class="card-title" id="chest-pain">'
        '<span class="card-kind">Emergency</span> Chest pain</h3>'
    ) in page_html
    assert '<h3 class="card-title" id="ask-us">Ask us</h3>' in page_html


def test_card_before_all_headings_has_level_2(html: Callable[..., str]) -> None:
    assert '<h2 class="card-title" id="in-short">In short</h2>' in html(
        "::: summary In short\nx\n:::"
    )


def test_timeline_is_an_ordered_list(html: Callable[..., str]) -> None:
    page_html = html("::: timeline\n1. Arrive\n2. Rest\n:::\n\n1. plain")
    assert '<ol class="timeline">\n<li>Arrive</li>' in page_html
    assert "<ol>\n<li>plain</li>" in page_html
    assert ":::" not in page_html


def test_cells_have_the_name_of_their_column(html: Callable[..., str]) -> None:
    """Those of the first column have none: they are the title of the row."""
    page_html = html(
        "| Trial | *People* | Dose | Found |\n|--|--|--|--|\n| A | 7 | 0.5 | B & C |\n"
    )
    cells = [
        "A",
        ' data-column="People">7',
        ' data-column="Dose">0.5',
        ' data-column="Found">B',
    ]
    assert [cell.split("<")[0].split(" &")[0] for cell in page_html.split("<td")[1:]] == [
        f">{cells[0]}", *cells[1:]
    ]  # fmt: skip


def test_table_is_focusable_and_labeled(html: Callable[..., str]) -> None:
    table = "| a | b |\n|---|--:|\n| c | d |\n\n"
    page_html = html(f"## Doses\n\n{table}words\n\n{table}")
    assert (
        '<div class="table-wrap" role="region" tabindex="0" aria-label="Doses"><table>' in page_html
    )
    assert 'aria-label="Doses, table 2"' in page_html
    assert '<th scope="col">b</th>' in page_html
    assert "style=" not in page_html


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ('"feel," don\'t', "“feel,” don\u2019t"),
        ("days 1--3 --- or later...", "days 1\u20133 — or later…"),
        ("(R)-ketamine and (r)-norketamine", "(R)-ketamine and (r)-norketamine"),
        ("(a) one, (b) two, (c) three, (C) four", "(a) one, (b) two, (c) three, (C) four"),
        ("*(tm)* (TM)", "<em>(tm)</em> (TM)"),
    ],
)
def test_quotes_and_dashes_are_typographic_and_nothing_else_is_replaced(
    html: Callable[..., str], written: str, shown: str
) -> None:
    assert html(written) == f"<p>{shown}</p>\n"


def test_the_title_of_a_reference_is_not_replaced(folder: Any) -> None:
    folder.sources('[a-1]\ntext = "A. *(R)-ketamine (c)*."\npmid = "1"\n')
    folder.write("index", "[@a-1]")
    assert "<em>(R)-ketamine (c)</em>" in folder.load()["/"].references[0].html


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(alphabet=st.sampled_from("a <>&\"'[@]{}|:-#*_`\n!()=/;.x1"), max_size=80))
def test_raw_html_never_reaches_the_page(text: str) -> None:
    result = parse_page(create_parser(), text, PageContext())
    tags = {
        str(element.tag).rpartition("}")[2]
        for element in html5lib.parseFragment(result.lead + result.body).iter()
        if isinstance(element.tag, str)
    }
    assert tags.isdisjoint({"script", "style", "iframe", "x", "a1", "img1"})


def test_demo_clinic_pages_are_valid(clinic: Clinic, clinic_dir: Any) -> None:
    try:
        pages = load_pages(clinic_dir, clinic, SETTINGS)
    except ClinicError as error:
        pytest.fail(str(error))
    assert {page.path for page in pages} >= {"/", "/first-visit", "/evidence", "/privacy"}
