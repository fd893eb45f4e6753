"""The time that a form took is a weak sign, and no reason to turn anybody away."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from app.contact.render_time import RenderTimes
from tests.contact.conftest import Visitor

MOMENT = datetime(2026, 11, 2, 15, 0, 30, tzinfo=UTC)
OFFER = "Our SEO team can help, see https://www.a.example for more about it"


def opened(visitor: Visitor, at: datetime) -> str:
    """The token of the contact page, fetched at ``at``."""
    with time_machine.travel(at, tick=False):
        page = visitor.client.get("/contact").text
    found = re.search(r'name="opened" value="([^"]+)"', page)
    assert found
    return found[1]


def reasons(visitor: Visitor, token: str, at: datetime) -> str:
    with time_machine.travel(at, tick=False):
        assert visitor.send(opened=token, message=OFFER, honeypot="x").status_code == 303
    return visitor.inquiries()[-1].quarantine_reasons or ""


@pytest.mark.parametrize(
    ("later", "said"),
    [
        (timedelta(seconds=1), "sent within 3 seconds"),
        (timedelta(minutes=2), ""),
        (timedelta(days=3), "the page was opened days ago"),
        (timedelta(seconds=-60), "no sign of when"),
    ],
)
def test_the_time_from_page_to_post_is_judged(
    visitor_on_sqlite: Visitor, later: timedelta, said: str
) -> None:
    token = opened(visitor_on_sqlite, MOMENT)
    found = reasons(visitor_on_sqlite, token, MOMENT + later)
    assert said in found
    if not said:
        assert "sent within" not in found
        assert "opened" not in found


@pytest.mark.parametrize(
    "token",
    ["", "x", "-", "6907000e-00000000", "6907000e", "é-é", "\ud7ff" * 5000, "0x-1", "f" * 99],
)
def test_a_false_token_is_a_weak_sign_and_never_fails(
    visitor_on_sqlite: Visitor, token: str
) -> None:
    assert "no sign of when" in reasons(visitor_on_sqlite, token, MOMENT)
    assert visitor_on_sqlite.send(opened=token).status_code == 303
    assert visitor_on_sqlite.inquiries()[-1].state == "received"


def test_a_token_is_of_one_secret() -> None:
    token = RenderTimes("a" * 32).token(MOMENT)
    assert RenderTimes("a" * 32).age(token, MOMENT) == 0
    assert RenderTimes("b" * 32).age(token, MOMENT) is None
    assert RenderTimes("a" * 32).age(f"{token}0", MOMENT) is None


def test_a_repeated_submission_is_told_without_it(visitor_on_sqlite: Visitor) -> None:
    first = visitor_on_sqlite.send(opened=opened(visitor_on_sqlite, MOMENT)).location
    assert visitor_on_sqlite.send(opened="").location == first
    assert len(visitor_on_sqlite.inquiries()) == 1


def test_it_outlives_a_mistake(visitor_on_sqlite: Visitor) -> None:
    token = opened(visitor_on_sqlite, MOMENT)
    assert f'value="{token}"' in visitor_on_sqlite.send(opened=token, name="").text


def test_the_front_page_has_the_same_bytes_all_day(visitor_on_sqlite: Visitor) -> None:
    """It bears no time: what changes each minute would arrive in more than one flight."""
    assert 'name="opened"' not in visitor_on_sqlite.client.get("/").text
