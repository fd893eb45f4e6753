"""What a clinic writes in Markdown is what visitors read."""

from collections.abc import Callable
from datetime import date
from typing import Any

import html5lib
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.clinic import Clinic, ClinicError, Links
from app.pages.conditional_blocks import page_settings
from app.pages.markdown import create_parser
from app.pages.parser import parse_page

SETTINGS = page_settings(
    retention_days=90,
    quarantine_retention_days=30,
    notification_detail="full",
    send_acknowledgement=False,
    map_tiles=False,
)


def test_a_page_has_what_its_front_matter_says(folder: Any) -> None:
    folder.write("first-visit", "Hello.", 'nav = "First visit"\nreviewed = 2026-01-31\n')
    page = folder.load()["/first-visit"]
    assert (page.slug, page.title, page.nav) == ("first-visit", "A page", "First visit")
    assert page.reviewed == date(2026, 1, 31)


def test_pages_come_in_their_order(folder: Any) -> None:
    folder.write("last", "x", head=folder_head(9))
    folder.write("early", "x", head=folder_head(0))
    assert list(folder.load()) == ["/early", "/", "/last"]


def folder_head(order: int) -> str:
    return f'title = "T"\ndescription = "{"long enough " * 5}"\norder = {order}\n'


def test_the_paragraphs_at_the_top_are_the_lead(folder: Any) -> None:
    folder.write("index", "One.\n\nTwo.\n\n- a list\n\nThree.\n\n## Heading\n\nFour.")
    page = folder.load()["/"]
    assert page.lead == "<p>One.</p>\n<p>Two.</p>\n"
    assert page.body.startswith("<ul>")
    assert "Four." in page.body


def test_headings_get_ids_and_make_the_contents(folder: Any) -> None:
    folder.write(
        "index",
        "## What\u2019s *ketamine*?\n\n### Détail\n\n## What's ketamine?\n\n## 7 {{ clinic.name }}",
    )
    page = folder.load()["/"]
    assert [(one.id, one.text) for one in page.headings] == [
        ("whats-ketamine", "What\u2019s ketamine?"),
        ("whats-ketamine-2", "What\u2019s ketamine?"),
        ("7-null-harbor-infusion-clinic", "7 Null Harbor Infusion Clinic"),
    ]
    assert '<h3 id="detail">Détail</h3>' in page.body


def test_placeholders_show_the_clinic_and_can_be_called(html: Callable[..., str]) -> None:
    shown = html(
        "{{ clinic.name }}: {{ clinic.phone }}, {{clinic.email}}, {{ clinic.reply_within }}"
    )
    assert "Null Harbor Infusion Clinic: " in shown
    assert '<a href="tel:+12125550142">212-555-0142</a>' in shown
    assert '<a href="mailto:hello@nullharbor.example">' in shown
    assert "one working day" in shown


def test_a_page_states_the_settings_as_they_are(folder: Any) -> None:
    folder.write("index", "Kept for {{ settings.retention_days }} days.")
    assert folder.load({"settings.retention_days": "45"})["/"].lead == "<p>Kept for 45 days.</p>\n"
    assert folder.faults() == [
        "pages/index.md:6: unknown placeholder {{ settings.retention_days }}"
    ]


def test_a_passage_is_shown_only_where_it_holds(folder: Any) -> None:
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
    shown = folder.load({"settings.map_tiles": True})["/"].lead
    assert "elsewhere" in shown
    assert "our own" not in shown
    shown = folder.load({"settings.map_tiles": False})["/"].lead
    assert shown == "<p>Before.</p>\n<p>Streets are our own.</p>\n<p>After.</p>\n"


@pytest.mark.parametrize(
    "condition",
    ["settings.map_tile", "not", "", "no settings.send_acknowledgement", "settings.retention_days"],
)
def test_a_passage_that_hangs_on_nothing_known_is_a_fault(folder: Any, condition: str) -> None:
    folder.write("index", f"Before.\n\n::: when {condition}\nWords.\n:::\n")
    with pytest.raises(ClinicError, match=r"index\.md:8: ::: when"):
        folder.load(SETTINGS)


def test_a_placeholder_inside_a_link_is_not_linked_twice(html: Callable[..., str]) -> None:
    shown = html("[Call {{ clinic.phone }}](/contact)")
    assert '<a href="/contact">Call 212-555-0142</a>' in shown


def test_a_link_not_filled_in_leaves_no_trace(folder: Any) -> None:
    text = "Before.\n\n{{ link.evolution_article | The evolution of ketamine infusion }}\n\nAfter."
    folder.write("index", text)
    assert folder.load()["/"].lead == "<p>Before.</p>\n<p>After.</p>\n"
    filled = Links.model_validate({"evolution_article": "https://history.example/"})
    folder.clinic = folder.clinic.model_copy(update={"links": filled})
    link = '<a href="https://history.example/">The evolution of ketamine infusion</a>'
    assert link in folder.load()["/"].lead


def test_a_care_card_says_its_kind_in_words(html: Callable[..., str]) -> None:
    shown = html("## Danger\n\n::: emergency Chest pain\nCall.\n:::\n\n::: ask Ask us\nText.\n:::")
    assert (
        '<section class="card card-emergency" aria-labelledby="chest-pain">'
        '<h3 class="card-title" id="chest-pain">'
        '<span class="card-kind">Emergency</span> Chest pain</h3>'
    ) in shown
    assert '<h3 class="card-title" id="ask-us">Ask us</h3>' in shown


def test_a_card_above_all_headings_ranks_as_one_of_them(html: Callable[..., str]) -> None:
    assert '<h2 class="card-title" id="in-short">In short</h2>' in html(
        "::: summary In short\nx\n:::"
    )


def test_a_timeline_is_an_ordered_list(html: Callable[..., str]) -> None:
    shown = html("::: timeline\n1. Arrive\n2. Rest\n:::\n\n1. plain")
    assert '<ol class="timeline">\n<li>Arrive</li>' in shown
    assert "<ol>\n<li>plain</li>" in shown
    assert ":::" not in shown


def test_a_table_of_many_columns_tells_each_cell_its_column(html: Callable[..., str]) -> None:
    """Not the first one, which says what the row is about; a narrow table needs none of it."""
    shown = html("| Trial | *People* | Dose | Found |\n|--|--|--|--|\n| A | 7 | 0.5 | B & C |\n")
    assert '<table class="wide">' in shown
    cells = [
        "A",
        ' data-column="People">7',
        ' data-column="Dose">0.5',
        ' data-column="Found">B',
    ]
    assert [cell.split("<")[0].split(" &")[0] for cell in shown.split("<td")[1:]] == [
        f">{cells[0]}", *cells[1:]
    ]  # fmt: skip
    narrow = html("| a | b |\n|--|--|\n| c | d |\n")
    assert "<table>" in narrow
    assert "data-column" not in narrow


def test_a_table_can_be_scrolled_by_keyboard_and_has_a_name(html: Callable[..., str]) -> None:
    table = "| a | b |\n|---|--:|\n| c | d |\n\n"
    shown = html(f"## Doses\n\n{table}words\n\n{table}")
    assert '<div class="table-wrap" role="region" tabindex="0" aria-label="Doses"><table>' in shown
    assert 'aria-label="Doses, table 2"' in shown
    assert '<th scope="col">b</th>' in shown
    assert "style=" not in shown


def test_quotes_are_typographic(html: Callable[..., str]) -> None:
    assert "“feel,” don\u2019t" in html('"feel," don\'t')


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(alphabet=st.sampled_from("a <>&\"'[@]{}|:-#*_`\n!()=/;.x1"), max_size=80))
def test_whatever_is_written_no_markup_of_ones_own_gets_through(text: str) -> None:
    document = parse_page(create_parser(), text, {"clinic.name": None})
    tags = {
        str(one.tag).rpartition("}")[2]
        for one in html5lib.parseFragment(document.lead + document.body).iter()
        if isinstance(one.tag, str)
    }
    assert tags.isdisjoint({"script", "style", "iframe", "x", "a1", "img1"})


def test_the_demo_clinics_own_pages_are_without_fault(clinic: Clinic, clinic_dir: Any) -> None:
    from app.pages import HOME_SECTIONS
    from app.pages.loader import load_pages
    from app.pages.routes import OTHER_PAGES

    try:
        pages = load_pages(clinic_dir, clinic, OTHER_PAGES, HOME_SECTIONS, SETTINGS)
    except ClinicError as error:
        pytest.fail(str(error))
    assert {page.path for page in pages} >= {"/", "/first-visit", "/evidence", "/privacy"}
