"""Facts of clinic.toml on the pages: each is shown only if the clinic has filled it in."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import ValidationError

from app.clinic import Clinic
from app.clinic.models import Booking, Care, Links, Price, TeamMember

TEXT = """
Words.

::: when care.fasting
{{ care.fasting }}
:::

::: when not care.fasting
Ask us about food.
:::

::: prices
Our prices are these.
:::

::: when not prices
Ask us for prices.
:::
"""


@pytest.fixture
def bare(clinic: Clinic) -> Clinic:
    """A real clinic that has filled in nothing."""
    nothing = {"care": Care(), "prices": (), "booking": None, "team": (), "links": Links()}
    return clinic.model_copy(update={"demo": False, **nothing})


def test_a_fact_is_shown_only_if_it_is_filled_in(folder: Any, bare: Clinic) -> None:
    folder.write("index", TEXT)
    folder.clinic = bare
    html = folder.load()["/"].lead + folder.load()["/"].body
    assert "Ask us about food." in html
    assert "Ask us for prices." in html
    assert "Our prices" not in html
    assert "<table" not in html
    facts = {
        "care": Care(fasting="No food for <6 hours."),
        "prices": (Price(service="Infusion & recovery", amount="$500"),),
    }
    folder.clinic = bare.model_copy(update=facts)
    html = folder.load()["/"].lead + folder.load()["/"].body
    assert "<p>No food for &lt;6 hours.</p>" in html
    assert "<p>Our prices are these.</p>" in html
    assert '<td>Infusion &amp; recovery</td><td data-column="Price">$500</td>' in html
    assert "Ask us" not in html
    assert "invented" not in html


def test_booking_steps_are_a_list(folder: Any, bare: Clinic) -> None:
    folder.write("index", "Words.\n\n::: booking\nThe steps:\n:::")
    folder.clinic = bare.model_copy(update={"booking": Booking(steps=("Call us.", "Visit us."))})
    assert (
        "<li>Call us.</li>\n<li>Visit us.</li>" in folder.load()["/"].body + folder.load()["/"].lead
    )


def test_a_page_can_depend_on_a_fact(folder: Any, bare: Clinic) -> None:
    folder.write("team", "Hello.\n\n::: team\n:::", 'when = "team"\n')
    folder.write("index", "::: when team\n[Meet us](/team).\n:::\n\nWords.")
    folder.clinic = bare
    assert "/team" not in folder.load()
    people = (TeamMember(name="Ada Nurse", credentials="RN", role="Infusion nurse"),)
    folder.clinic = bare.model_copy(update={"team": people})
    pages = folder.load()
    assert "<strong>Ada Nurse, RN</strong><p>Infusion nurse</p>" in pages["/team"].body
    assert '<a href="/team">' in pages["/"].lead


def test_link_to_a_page_that_is_not_shown_is_an_error(folder: Any, bare: Clinic) -> None:
    folder.write("team", "Hello.", 'when = "team"\n')
    folder.write("index", "[Meet us](/team).")
    folder.clinic = bare
    assert folder.issues() == ["pages/index.md:6: broken link /team: no such page"]


def test_unknown_condition_of_a_page_is_an_error(folder: Any) -> None:
    folder.write("second", "Words.", 'when = "tea"\n')
    [issue] = folder.issues()
    assert issue.startswith("pages/second.md:5: when: use one of ")


@pytest.mark.parametrize(
    ("path", "fact"),
    [
        ("/costs", "These prices are invented for this demo"),
        ("/first-visit", "These steps are invented for this demo"),
        ("/first-visit", "A nurse stays with you."),
        ("/team", "These people are invented for this demo"),
        ("/privacy", "Notice of Privacy Practices</a> (invented for this demo)"),
        ("/questions", "You do not need a referral"),
    ],
)
def test_demo_marks_its_facts_as_invented(client: FlaskClient, path: str, fact: str) -> None:
    html = client.get(path).text
    assert fact in html
    assert "invented for this demo" in html


@pytest.mark.parametrize("amount", ["$550", "£1,200", "CHF 400", "550 EUR", "1.200,50 €", "A$400"])
def test_amount_has_a_currency(amount: str) -> None:
    assert Price(service="Infusion", amount=amount).amount == amount


@pytest.mark.parametrize("amount", ["call us", "550", 550, "", "$", "-5", "$five", "from $550"])
def test_what_is_no_amount_is_refused(amount: Any) -> None:
    with pytest.raises(ValidationError, match="is not an amount"):
        Price(service="Infusion", amount=amount)
