"""Crisis phrases: detection, crisis lines on the page and in the API, marked notifications."""

from typing import Any

import pytest

from app.clinic import Clinic
from app.contact.crisis_detection import mentions_crisis
from tests.contact.conftest import Visitor
from tests.support.databases import sqlite_only

CRISIS = (
    "I want to kill myself",
    "i wanna die",
    "Im suicidel",
    "SUICIDAL and nobody listens",
    "siucidal thoughts every night",
    "k1ll myself",
    "s u i c i d e",
    "Why not kill myself?",
    "No! Suicide is all I think of",
    "No. I want to die.",
    "I don\N{RIGHT SINGLE QUOTATION MARK}t want to live anymore",
    "I want to just die",
    "Im going to end it alll",
    "i am thinking of killing my self",
    "my kids are better off without me",
    "If this does not work I will hang myself",
    "I took all my pills an hour ago",
    "my husband took too many pills and he wont wake up",
    "I have chest pains right now",
    "I cant breathe",
    "he is hitting me and I am not safe at home",
    "I'm not suicidal but I might kill myself",
    "I can't promise not to kill myself",
    "I want to k\u202aill my\u2068self\u3164",
    "quiero morir",
    "No quiero vivir más",
    "Estoy pensando en suicidarme",
    "quiero quitarme la vida",
    "mwen vle mouri",
    "j'ai envie de mourir",
    "quero morrer",
    "tôi muốn chết",
    "я хочу умереть",
    "думаю про самоубийство",
    "我想自杀",
    "我不想活了",
    "죽고 싶어요",
    "死にたいです",
    "أريد أن أموت",
    "मैं मरना चाहता हूँ",
)
ORDINARY = (
    "I am dying to know whether you take Aetna",
    "My mother died last year and I am her executor",
    "This parking situation is killing me",
    "I would die for a coffee. Is there one nearby?",
    "I am not suicidal, I have chronic pain",
    "I don't want to die, I want to feel better",
    "No thoughts of suicide",
    "She was never suicidal",
    "He is not at all suicidal",
    "Nunca quise morir: no quiero morir",
    "Will I be unconscious during the infusion?",
    "I had a heart attack in 2019. Does that matter?",
    "What is the deadline for the forms?",
    "Could you call me? I have a few questions about the cost.",
    "Can my husband drive me, and wait for me there?",
    "The doctor wrote a note for my employer",
    "¿Cuánto cuesta una sesión?",
    "Tôi cứ đi từ từ được không?",
    "你们接受保险吗?",
    "영어 못해요. 통역이 있나요?",
    "",
)


@pytest.mark.parametrize("text", CRISIS)
def test_crisis_phrases_are_detected(clinic: Clinic, text: str) -> None:
    assert mentions_crisis(text, clinic.crisis_phrases)
    assert mentions_crisis(f"Hello,\n\n{text}\n\nThank you", clinic.crisis_phrases)


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_is_not_detected(clinic: Clinic, text: str) -> None:
    assert not mentions_crisis(text, clinic.crisis_phrases)


def test_received_page_starts_with_crisis_lines_and_is_the_same_for_everyone(
    visitor: Visitor,
) -> None:
    """Whoever only knows a reference, from a log or a printed page, learns nothing from it."""
    locations = [visitor.send(message=text).location for text in (CRISIS[0], ORDINARY[0])]
    crisis, ordinary = (
        visitor.app.test_client().get(location).text.replace(location[-7:], "")
        for location in locations
    )
    assert crisis == ordinary
    assert crisis.index("Don\u2019t wait for us") < crisis.index("<h1>")
    assert crisis.count("Don\u2019t wait for us") == 1


@sqlite_only
def test_notification_of_a_crisis_is_marked(visitor: Visitor) -> None:
    reference = visitor.send(message=CRISIS[0]).location[-7:]
    (mail,) = visitor.mails()
    assert (
        mail.subject
        == f"Please read now: [{reference}] Billing or cost (Quay Street) from Ada Example"
    )
    assert mail.text.startswith("PLEASE READ THIS NOW")
    assert mail.html.index("Please read this now") < mail.html.index("<h1>")


@sqlite_only
def test_ordinary_notification_is_not_marked(visitor: Visitor) -> None:
    visitor.send(message=ORDINARY[0])
    (mail,) = visitor.mails()
    assert mail.subject.startswith("[")
    assert "danger" not in mail.text + mail.html


def test_all_text_fields_are_searched(visitor_on_sqlite: Visitor) -> None:
    for field in ("name", "best_time", "message"):
        data: dict[str, Any] = {field: CRISIS[0]}
        visitor_on_sqlite.send(**data)
    assert all(mail.subject.startswith("Please read") for mail in visitor_on_sqlite.mails())


@sqlite_only
def test_api_returns_crisis_lines(visitor: Visitor) -> None:
    response = visitor.call(message=CRISIS[0])
    assert response.status_code == 201
    assert [line["phone"] for line in response.get_json()["crisis_lines"]] == ["911", "988"]
    assert "crisis_lines" not in visitor.call(message=ORDINARY[0]).get_json()


@sqlite_only
def test_possible_crisis_is_never_quarantined(visitor: Visitor) -> None:
    visitor.send(message=CRISIS[0], honeypot="filled in by a helpful browser")
    (inquiry,) = visitor.inquiries()
    assert inquiry.state == "received"
    assert len(visitor.mails()) == 1


@sqlite_only
def test_error_page_starts_with_crisis_lines(visitor: Visitor) -> None:
    page = visitor.send(message=CRISIS[0], email="none")
    assert page.status_code == 422
    assert page.text.index("Don\u2019t wait for us") < page.text.index("There is a problem")
    assert page.text.count("Don\u2019t wait for us") == 1


@sqlite_only
def test_api_errors_include_crisis_lines(visitor: Visitor) -> None:
    for wrong in ({"email": "none"}, {"unknown": "x"}):
        response = visitor.call(message=CRISIS[0], **wrong)
        assert response.status_code == 422
        assert [line["phone"] for line in response.get_json()["crisis_lines"]] == ["911", "988"]
    assert "crisis_lines" not in visitor.call(message=ORDINARY[0], email="none").get_json()
