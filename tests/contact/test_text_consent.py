"""Consent to text messages: asked for in the clinic's words, and stored word for word."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from markupsafe import escape

from app.contact.forms import CONSENT_CHANGED_ERROR, CONSENT_ERROR
from app.services import get_services
from tests.contact.conftest import Visitor

TEXT = {"reply_by": "text", "phone": "212-555-0142"}
WORDS = "You may text me <here> & now."


def change_words(visitor: Visitor, words: str) -> None:
    services = get_services(visitor.app)
    services.clinic = services.clinic.model_copy(update={"text_consent": words})
    services.inquiries = replace(services.inquiries, clinic=services.clinic)
    visitor.app.jinja_env.globals["clinic"] = services.clinic


@pytest.fixture
def visitor(make_app: Callable[..., Flask]) -> Visitor:
    visitor = Visitor(make_app(RATELIMIT_ENABLED="false"))
    change_words(visitor, WORDS)
    return visitor


def test_the_box_is_not_ticked_and_its_value_are_its_words(visitor: Visitor) -> None:
    page = visitor.client.get("/contact").text
    assert f'name="text_consent" value="{escape(WORDS)}" aria-describedby' in page
    assert f'<label for="text_consent">{escape(WORDS)}</label>' in page


def test_texting_needs_consent_and_other_replies_do_not(visitor: Visitor) -> None:
    refused = visitor.send(None, **TEXT)
    assert (refused.status_code, CONSENT_ERROR in refused.text) == (422, True)
    assert visitor.send(None, **TEXT, text_consent=WORDS).status_code == 303
    assert visitor.send(reply_by="email", message="By email").status_code == 303
    problem = visitor.call(**TEXT)
    assert problem.json
    assert problem.json["errors"] == [{"pointer": "#/text_consent", "detail": CONSENT_ERROR}]


def test_words_that_were_not_shown_are_never_stored(visitor: Visitor) -> None:
    """The page was open, or a program knew the words, before the clinic changed them."""
    refused = visitor.send(None, **TEXT, text_consent="Old words")
    assert (refused.status_code, CONSENT_CHANGED_ERROR in refused.text) == (422, True)
    assert " checked" not in refused.text.partition('name="text_consent"')[2].partition(">")[0]
    problem = visitor.call(**TEXT, text_consent="Old words")
    assert problem.json
    assert problem.json["errors"][0]["detail"] == CONSENT_CHANGED_ERROR
    assert visitor.inquiries() == []


def test_the_words_and_the_time_are_stored_shown_and_exported(
    visitor: Visitor, tmp_path: Path
) -> None:
    visitor.call(**TEXT, text_consent=WORDS)
    change_words(visitor, "New words")
    (email,) = visitor.mails()
    assert f'Consent to text messages: given when the inquiry was sent: "{WORDS}"' in email.text
    assert str(escape(WORDS)) in email.html
    (inquiry,) = visitor.inquiries()
    runner = visitor.app.test_cli_runner()
    shown = runner.invoke(args=["inquiries", "show", inquiry.reference, "--json"]).output
    assert json.loads(shown)["content"]["text_consent"] == WORDS
    runner.invoke(args=["inquiries", "export", str(tmp_path / "out.jsonl"), "--yes"])
    row = json.loads((tmp_path / "out.jsonl").read_text())
    assert row["text_consent"] == WORDS
    assert row["received_at"]


def test_a_box_ticked_for_another_kind_of_reply_is_no_consent(visitor: Visitor) -> None:
    visitor.send(reply_by="phone", phone="212-555-0142", text_consent=WORDS)
    (inquiry,) = visitor.inquiries()
    content = inquiry.decrypt(visitor.database.keys)
    assert content
    assert content.text_consent == ""
    assert "onsent" not in visitor.mails()[0].text


def test_openapi_has_the_words(visitor: Visitor) -> None:
    document = visitor.client.get("/api/openapi.json").json
    assert document
    properties = document["components"]["schemas"]["Inquiry"]["properties"]
    assert properties["text_consent"]["enum"] == ["", WORDS]
