"""Who may be in danger finds the crisis lines first; nobody is refused, and nothing is claimed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from app.clinic import Clinic
from app.contact.crisis_detection import mentions_crisis
from tests.contact.conftest import Visitor

ALARMING = (
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


@pytest.mark.parametrize("text", ALARMING)
def test_words_of_danger_are_noticed(clinic: Clinic, text: str) -> None:
    assert mentions_crisis(text, clinic.crisis_phrases)
    assert mentions_crisis(f"Hello,\n\n{text}\n\nThank you", clinic.crisis_phrases)


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_words_are_not(clinic: Clinic, text: str) -> None:
    assert not mentions_crisis(text, clinic.crisis_phrases)


def test_the_received_page_opens_with_the_crisis_lines(visitor: Visitor) -> None:
    page = visitor.client.get(visitor.send(message=ALARMING[0]).location).text
    assert page.index("Do not wait for us") < page.index("<h1>")
    assert page.count("Do not wait for us") == 1
    calm = visitor.client.get(visitor.send(message=ORDINARY[0]).location).text
    assert calm.index("Do not wait for us") > calm.index("<h1>")


def test_the_front_desks_mail_is_marked(visitor: Visitor) -> None:
    reference = visitor.send(message=ALARMING[0]).location[-7:]
    (mail,) = visitor.mails()
    assert mail.subject == f"Please read now: [{reference}] Billing question from Ada Example"
    assert mail.text.startswith("PLEASE READ THIS NOW")
    assert mail.html.index("Please read this now") < mail.html.index("<h1>")


def test_a_mail_without_such_words_is_not(visitor: Visitor) -> None:
    visitor.send(message=ORDINARY[0])
    (mail,) = visitor.mails()
    assert mail.subject.startswith("[")
    assert "danger" not in mail.text + mail.html


def test_every_field_is_read(visitor_on_sqlite: Visitor) -> None:
    for field in ("name", "best_time", "message"):
        written: dict[str, Any] = {field: ALARMING[0]}
        visitor_on_sqlite.send(**written)
    assert all(mail.subject.startswith("Please read") for mail in visitor_on_sqlite.mails())


def test_a_program_is_given_the_crisis_lines(visitor: Visitor) -> None:
    answer = visitor.call(message=ALARMING[0])
    assert answer.status_code == 201
    assert [line["phone"] for line in answer.get_json()["crisis_lines"]] == ["911", "988"]
    assert "crisis_lines" not in visitor.call(message=ORDINARY[0]).get_json()


def test_what_may_be_danger_is_never_held(visitor: Visitor) -> None:
    visitor.send(message=ALARMING[0], honeypot="filled in by a helpful browser")
    (inquiry,) = visitor.inquiries()
    assert inquiry.state == "received"
    assert len(visitor.mails()) == 1


def test_a_page_of_trouble_opens_with_the_crisis_lines_too(visitor: Visitor) -> None:
    page = visitor.send(message=ALARMING[0], email="none")
    assert page.status_code == 422
    assert page.text.index("Do not wait for us") < page.text.index("There is a problem")
    assert page.text.count("Do not wait for us") == 1


def test_a_program_that_is_refused_is_given_them_too(visitor: Visitor) -> None:
    for wrong in ({"email": "none"}, {"unknown": "x"}):
        answer = visitor.call(message=ALARMING[0], **wrong)
        assert answer.status_code == 422
        assert [line["phone"] for line in answer.get_json()["crisis_lines"]] == ["911", "988"]
    assert "crisis_lines" not in visitor.call(message=ORDINARY[0], email="none").get_json()


def test_a_reference_tells_of_danger_for_an_hour_only(visitor_on_sqlite: Visitor) -> None:
    start = datetime(2026, 11, 2, 15, tzinfo=UTC)
    with time_machine.travel(start, tick=False):
        where = visitor_on_sqlite.send(message=ALARMING[0]).location
    for minutes, first in ((59, True), (61, False)):
        with time_machine.travel(start + timedelta(minutes=minutes), tick=False):
            page = visitor_on_sqlite.client.get(where).text
        assert (page.index("Do not wait for us") < page.index("<h1>")) is first
