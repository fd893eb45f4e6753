"""The inbox and one inquiry: what is shown, what the buttons do, what the audit log keeps."""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
import time_machine
from cryptography.fernet import Fernet
from flask import Flask

from app.contact.models import Inquiry
from app.contact.notes import InquiryNote
from app.encryption import KeyRing
from app.maintenance.audit_log import AuditEvent
from app.outbox.models import OutboxMessage
from app.staff import inquiry as inquiry_views
from tests.contact.conftest import GOOD, INQUIRY
from tests.staff.conftest import EMAILS, Console, Staff

MARIA, BOSS = EMAILS["desk"], EMAILS["manager"]
CHANGED = "This inquiry has changed since you opened it"
CRISIS = "I do not want to live anymore and I want to kill myself"
CODE = "<script>alert(1)</script>{{ 7 * 7 }}'\"--"


def opened(staff: Staff, reference: str) -> str:
    page = staff.get(f"/staff/inquiries/{reference}")
    assert page.status_code == 200
    return page.text


def test_the_inbox_shows_urgent_ones_then_who_waits_longest(console: Console) -> None:
    first = console.receive(message="The first message of somebody", reply_by="email")
    third = console.receive(message="The third message of somebody")
    second = console.receive(message=CRISIS, reply_by="phone", phone="212-555-0142")
    with console.database.session() as session:
        age = datetime.now(UTC) - timedelta(days=3)
        session.execute(sa.update(Inquiry).where(Inquiry.reference == first).values(created_at=age))
    page = console.staff().get("/staff/").text
    assert page.index(second) < page.index(first) < page.index(third)
    row = page.partition(second)[2].partition("</tr>")[0]
    assert "Urgent" in row
    assert "Phone call" in row
    assert "Urgent" not in page.partition(first)[2].partition("</tr>")[0]
    assert "Billing or cost" in row
    assert "Ada" not in page, "content is on the page of an inquiry only"


def test_tabs_count_and_list(console: Console) -> None:
    open_, answered, undelivered = (console.receive(message=f"Number {n} of a few") for n in "abc")
    spam = console.receive(honeypot="x", message="Number d of a few")
    staff = console.staff()
    staff.act(answered, "answered")
    with console.database.session() as session:
        session.execute(
            sa.update(OutboxMessage)
            .where(OutboxMessage.reference == undelivered)
            .values(state="dead", due_at=None)
        )
    listed = {
        "": {open_, undelivered},
        "quarantined": {spam},
        "problems": {undelivered},
        "answered": {answered},
    }
    for tab, references in listed.items():
        page = staff.get(f"/staff/{tab}").text
        found = set(re.findall(r'class="reference" href="/staff/inquiries/([^"]+)', page))
        assert found == references, tab
        assert page.count('class="count">1<') == 3, "the numbers of the tabs"
        assert page.count('class="count">2<') == 1


def test_filters_narrow_the_list(site: Console) -> None:
    here = site.receive(topic="billing", location="quay", message="About the bill please")
    there = site.receive(topic="general", location="hill", message="About something else")
    staff = site.staff()
    tomorrow = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}"
    for query, expected in {
        "topic=billing": {here},
        "location=hill": {there},
        "topic=billing&location=hill": set[str](),
        f"first={tomorrow}": set[str](),
        f"last={tomorrow}": {here, there},
        "first=never&page=x": {here, there},
        "page=2": set[str](),
        "topic=%27+OR+1=1--": set[str](),
    }.items():
        page = staff.get(f"/staff/?{query}").text
        assert {name for name in (here, there) if f'{name}">' in page} == expected, query


def test_each_inquiry_is_on_one_page_wherever_the_urgent_ones_are(site: Console) -> None:
    rows = [_stored(site, number) for number in range(130)]
    crisis = replace(INQUIRY, message=CRISIS).to_json()
    for row in (rows[60], rows[99], rows[110]):
        row["encrypted_content"] = site.database.keys.encrypt(crisis)
    with site.database.session() as session:
        session.execute(sa.insert(Inquiry), rows)
    staff = site.staff()
    pages = [staff.get(f"/staff/?page={page}").text for page in range(1, 7)]
    listed = [
        re.findall(r'class="reference" href="/staff/inquiries/([^"]+)', page) for page in pages
    ]
    assert sorted(chain(*listed)) == sorted(row["reference"] for row in rows)
    assert listed[0][:2] == [rows[60]["reference"], rows[99]["reference"]]
    assert "Next page" not in pages[-1]


def test_more_inquiries_are_on_the_next_page(site: Console) -> None:
    with site.database.session() as session:
        session.execute(sa.insert(Inquiry), [_stored(site, number) for number in range(30)])
    staff = site.staff()
    first, second = staff.get("/staff/").text, staff.get("/staff/?page=2").text
    assert (first.count("<tr"), second.count("<tr")) == (26, 6)
    assert staff.get("/staff/?page=99999999999999999999&last=9999-12-31").status_code == 200
    assert "Next page" in first
    assert "Previous page" in second
    assert "Next page" not in second


def _stored(site: Console, number: int) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "reference": f"BBB-{number:03}".replace("0", "X").replace("1", "W"),
        "content_digest": b"",
        "encrypted_content": site.database.keys.encrypt(INQUIRY.to_json()),
        "state": "received",
        "topic": "billing",
        "location": "quay",
        "created_at": datetime.now(UTC) + timedelta(milliseconds=number),
    }


def test_an_inquiry_is_shown_as_typed_with_buttons_to_reply(site: Console) -> None:
    reference = site.receive(
        name="Ada O'Example", message="  Two lines\r\n\tof <b>text</b>", phone="212-555-0142",
        reply_by="phone", best_time="mornings",
    )  # fmt: skip
    page = opened(site.staff(), reference)
    assert "  Two lines\n\tof &lt;b&gt;text&lt;/b&gt;</p>" in page
    assert 'href="tel:+12125550142"' in page
    assert f"mailto:{GOOD['email'].replace('@', '%40')}?subject=Re%3A%20%5B{reference}" in page
    assert "mornings" in page
    assert "Do not leave a voicemail" in page


def test_opening_is_in_the_audit_log_and_in_the_history(console: Console) -> None:
    reference = console.receive()
    opened(console.staff(), reference)
    assert console.events()[-1] == ("opened", reference, MARIA)
    page = opened(console.staff("manager"), reference)
    assert f"Opened by {MARIA}" in page
    assert "is waiting to be sent" in page


def test_the_audit_row_is_there_if_the_page_is_not_and_never_the_other_way_round(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference, staff = console.receive(), console.staff()

    def killed(*_: object, **__: object) -> str:
        raise SystemExit  # not handled by the application

    with monkeypatch.context() as patch:
        patch.setattr(inquiry_views, "render_template", killed)
        with pytest.raises(SystemExit):
            staff.get(f"/staff/inquiries/{reference}")
    assert console.events()[-1] == ("opened", reference, MARIA)
    count = len(console.events())
    with console.database.session() as session:
        session.execute(sa.text("ALTER TABLE audit_event RENAME TO away"))
    answer = staff.get(f"/staff/inquiries/{reference}")
    assert (answer.status_code, GOOD["name"] in answer.text) == (503, False)
    with console.database.session() as session:
        session.execute(sa.text("ALTER TABLE away RENAME TO audit_event"))
    assert len(console.events()) == count


def test_take_and_put_back(console: Console) -> None:
    reference, staff = console.receive(), console.staff()
    staff.act(reference, "take")
    assert "With you since" in opened(staff, reference)
    assert f"With {MARIA}" in opened(console.staff("manager"), reference)
    assert MARIA in console.staff("manager", "third@clinic.example").get("/staff/").text
    staff.act(reference, "put_back")
    assert console.inquiry(reference).taken_by is None
    actions = [action for action, name, _ in console.events() if name and action != "opened"]
    assert actions == ["taken", "put back"]


def test_marking_as_answered_leads_back_to_the_inbox(console: Console) -> None:
    reference, staff = console.receive(), console.staff()
    answer = staff.act(reference, "answered")
    assert answer.location == "/staff/"
    page = staff.get("/staff/").text
    assert f"{reference}</a>: marked as answered." in page
    assert console.inquiry(reference).answered_by == MARIA
    assert reference in staff.get("/staff/answered").text
    staff.act(reference, "unanswered")
    assert console.inquiry(reference).answered_at is None


def test_two_people_at_once_the_second_sees_what_the_first_did(console: Console) -> None:
    reference = console.receive()
    maria, boss = console.staff(), console.staff("manager")
    pages = opened(maria, reference), opened(boss, reference)
    maria.press(pages[0], reference, "take")
    for action in ("take", "answered", "spam", "send", "put_back"):
        answer = boss.press(pages[1], reference, action)
        assert answer.location == f"/staff/inquiries/{reference}"
        page = opened(boss, reference)
        assert CHANGED in page
        assert f"With {MARIA}" in page
    inquiry = console.inquiry(reference)
    assert (inquiry.taken_by, inquiry.answered_at, inquiry.state) == (MARIA, None, "received")
    boss.act(reference, "answered")
    assert console.inquiry(reference).answered_by == BOSS


def test_notes_of_two_people_are_both_kept_and_encrypted(console: Console) -> None:
    reference = console.receive()
    maria, boss = console.staff(), console.staff("manager")
    pages = opened(maria, reference), opened(boss, reference)
    maria.press(pages[0], reference, "notes", text=f"  Called back.\n{CODE}")
    boss.press(pages[1], reference, "notes", text="Left a voicemail.")
    page = opened(maria, reference)
    assert "Called back.\n&lt;script&gt;alert(1)&lt;/script&gt;{{ 7 * 7 }}" in page
    assert "Left a voicemail." in page
    assert page.index("Called back") < page.index("Left a voicemail")
    with console.database.read_session() as session:
        stored = session.scalars(sa.select(InquiryNote.encrypted_text)).all()
    assert not any(b"Called" in text for text in stored)
    assert ("note added", reference, BOSS) in console.events()


def test_a_note_whose_key_is_missing_does_not_hide_the_inquiry(site: Console) -> None:
    reference, staff = site.receive(message="Still readable"), site.staff()
    staff.act(reference, "notes", text="Called back.")
    other = KeyRing([Fernet.generate_key().decode()])
    with site.database.session() as session:
        session.execute(sa.update(InquiryNote).values(encrypted_text=other.encrypt("x")))
    page = opened(staff, reference)
    assert "This note cannot be read" in page
    assert "Still readable" in page


@pytest.mark.parametrize("text", ["", "  \n", "x" * 2001])
def test_an_empty_or_endless_note_is_refused(site: Console, text: str) -> None:
    reference, staff = site.receive(), site.staff()
    staff.act(reference, "notes", text=text)
    assert "Write a note of up to 2,000 characters" in opened(staff, reference)


def test_a_note_written_into_an_ended_session_is_shown_for_copying(site: Console) -> None:
    reference, staff = site.receive(), site.staff()
    page = opened(staff, reference)
    for later in (timedelta(minutes=31), timedelta(hours=13)):
        with time_machine.travel(datetime.now(UTC) + later):
            answer = staff.press(page, reference, "notes", text="Three long paragraphs <b>")
        assert answer.status_code in (400, 401)
        assert "Three long paragraphs &lt;b&gt;</textarea>" in answer.text
        assert f'href="/staff/inquiries/{reference}">Back to the inquiry</a>' in answer.text
        if answer.status_code == 400:
            assert "You were away for more than 30 minutes, or the page is old." in answer.text


def test_a_quarantined_inquiry_is_released(console: Console) -> None:
    reference, staff = console.receive(honeypot="x"), console.staff()
    assert "This looks like spam: " in opened(staff, reference)
    staff.act(reference, "release")
    assert console.inquiry(reference).state == "received"
    assert ("released", reference, MARIA) in console.events()
    assert len(console.mails()) == 1
    assert "This inquiry is received; nothing was changed." in (
        staff.get(staff.act(reference, "release").location).text
    )


def test_marked_as_spam_nothing_more_is_sent_and_it_can_be_released(console: Console) -> None:
    reference, staff = console.receive(), console.staff()
    staff.act(reference, "spam")
    assert reference in staff.get("/staff/quarantined").text
    with console.database.read_session() as session:
        assert set(session.scalars(sa.select(OutboxMessage.state))) == {"cancelled"}
    staff.act(reference, "release")
    assert reference in staff.get("/staff/").text


def test_an_old_inquiry_marked_as_spam_by_mistake_can_be_released_and_is_reminded_of(
    site: Console,
) -> None:
    reference, staff = site.receive(), site.staff()
    now = datetime.now(UTC)
    with site.database.session() as session:
        old = {"created_at": now - timedelta(days=60), "reminded_at": now, "escalated_at": now}
        session.execute(sa.update(Inquiry).values(**old))
    staff.act(reference, "spam")
    assert "\nerased" not in site.says("retention", "run", "--yes")
    page = opened(staff, reference)
    assert "Marked as spam" in page
    assert "This looks like spam" not in page, "the spam filter did not say so"
    staff.act(reference, "release")
    inquiry = site.inquiry(reference)
    assert (inquiry.state, inquiry.reminded_at, inquiry.escalated_at) == ("received", None, None)


def test_confirmed_spam_needs_no_review_and_is_erased_after_its_time(site: Console) -> None:
    reference, staff = site.receive(honeypot="x"), site.staff()
    with site.database.session() as session:
        session.execute(sa.update(Inquiry).values(created_at=datetime.now(UTC) - timedelta(days=2)))
    assert "1 quarantined inquiry to review" in site.run("status").output
    staff.act(reference, "spam")
    assert "to review" not in site.run("status").output
    assert "Spam <small>since today" in staff.get("/staff/quarantined").text
    page = opened(staff, reference)
    assert f"Marked as spam by {MARIA}" in page
    assert f'action="/staff/inquiries/{reference}/spam"' not in page
    again = site.run("inquiries", "spam", reference)
    assert "is marked as spam; nothing was changed" in again.output


def test_an_answer_is_in_the_history_once(site: Console) -> None:
    reference, staff = site.receive(), site.staff()
    staff.act(reference, "answered")
    assert opened(staff, reference).count(f"arked as answered by {MARIA}") == 1


def test_an_undelivered_inquiry_is_sent_to_another_mailbox(console: Console) -> None:
    reference, staff = console.receive(), console.staff()
    with console.database.session() as session:
        session.execute(sa.update(OutboxMessage).values(state="dead", due_at=None))
    assert "could not be delivered" in opened(staff, reference)
    staff.act(reference, "send", mailbox="manager@nullharbor.example")
    assert [mail.recipient for mail in console.mails()] == ["manager@nullharbor.example"]
    staff.act(reference, "send", mailbox="frontdesk@nullharbor.example")
    assert len(console.mails()) == 2
    assert ("sent to manager@nullharbor.example", reference, MARIA) in console.events()


@pytest.mark.parametrize("mailbox", ["", "thief@evil.example", "x\r\nBcc: thief@evil.example"])
def test_inquiries_go_only_to_mailboxes_of_the_clinic(site: Console, mailbox: str) -> None:
    reference, staff = site.receive(), site.staff()
    staff.act(reference, "send", mailbox=mailbox)
    assert "Choose one of the clinic" in opened(staff, reference)
    assert [mail.recipient for mail in site.mails()] == ["billing@nullharbor.example"]


def test_erasing_needs_the_reference_typed_and_removes_notes(console: Console) -> None:
    reference, boss = console.receive(), console.staff("manager")
    boss.act(reference, "notes", text="A note to be erased")
    page = f"/staff/inquiries/{reference}/erase"
    wrong = boss.post(page, page, reference="K7R-4M2")
    assert (wrong.status_code, "Nothing was erased" in wrong.text) == (422, True)
    assert boss.post(page, page, reference=reference.lower()).status_code == 303
    shown = opened(boss, reference)
    assert "What the visitor wrote was erased" in shown
    assert "A note to be erased" not in shown
    assert ("erased", reference, BOSS) in console.events()
    assert boss.act(reference, "notes", text="Too late").status_code == 303
    assert "Your note was not saved" in opened(boss, reference)
    again = boss.post(page, page, reference=reference)
    assert f"{reference} is already erased" in boss.get(again.location).text


def test_export_is_audited_before_the_file_and_has_no_formulas(console: Console) -> None:
    reference = console.receive(name="=1+1", message="The message of the export")
    boss = console.staff("manager")
    answer = boss.post("/staff/export", "/staff/export", since="")
    assert ("exported 1", None, BOSS) in console.events()
    assert answer.headers["Content-Disposition"].endswith('.csv"')
    (row,) = csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")))
    assert (row["reference"], row["name"]) == (reference, "'=1+1")
    later = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}"
    assert boss.post("/staff/export", "/staff/export", since=later).text.count("\n") == 1
    answer = boss.post("/staff/export", "/staff/export", since="12/31/2099")
    assert (answer.status_code, "12/31/2099 is not a date" in answer.text) == (422, True)
    assert [event for event in console.events() if "exported" in event[0]][2:] == []


@pytest.mark.parametrize("reference", ["K7R-4M2", "x", "'; DROP TABLE inquiry;--", "{{7*7}}"])
def test_an_unknown_inquiry_is_not_found(site: Console, reference: str) -> None:
    staff = site.staff()
    answer = staff.get(f"/staff/inquiries/{reference}")
    assert (answer.status_code, "There is no such page or inquiry" in answer.text) == (404, True)
    assert staff.act(reference, "take").status_code in (400, 404)


def test_while_the_database_is_away_a_page_says_so(
    make_app: Callable[..., Flask], tmp_path: Any
) -> None:
    app = make_app(STAFF_CONSOLE="on", DATABASE_URL=f"sqlite:///{tmp_path}/no-folder/x.db")
    answer = Staff(app).get("/staff/welcome/x")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert "The database does not answer" in answer.text


def test_the_audit_log_is_listed_and_deleted_after_its_time(console: Console) -> None:
    reference, boss = console.receive(), console.staff("manager")
    opened(boss, reference)
    page = boss.get("/staff/audit-log").text
    assert f'{reference}</a></td><td data-column="Who">{BOSS}' in page
    assert "invitation accepted" in page
    assert (
        "invitation accepted"
        not in boss.get(f"/staff/audit-log?reference={reference.lower()}").text
    )
    with console.database.session() as session:
        old = datetime.now(UTC) - timedelta(days=2191)
        session.execute(
            sa.update(AuditEvent).where(AuditEvent.action == "opened").values(occurred_at=old)
        )
    console.says("retention", "run", "--yes")
    actions = {action for action, _, _ in console.events()}
    assert "invitation accepted" in actions
    assert "opened" not in actions


def test_a_note_and_the_index_are_gone_from_the_files_after_erasure(site: Console) -> None:
    reference, boss = site.receive(email="wombat@quartz.example"), site.staff("manager")
    boss.act(reference, "notes", text="wombatquartz note")
    digest = site.database.keys.search_digests("email:wombat@quartz.example")
    (value,) = digest.values()
    with site.database.read_session() as session:
        (note,) = session.scalars(sa.select(InquiryNote.encrypted_text)).all()
    assert _in_files(site, value)
    assert not _in_files(site, b"wombat"), "neither is ever stored in plain text"
    page = f"/staff/inquiries/{reference}/erase"
    boss.post(page, page, reference=reference)
    assert not _in_files(site, value)
    assert not _in_files(site, note)
    assert reference.encode() in (_files(site)[0].read_bytes()), "the record stays"


def _files(site: Console) -> list[Any]:
    folder = site.database.folder
    assert folder
    return sorted(folder.glob("frontdesk.db*"))


def _in_files(site: Console, value: bytes) -> bool:
    return any(value in file.read_bytes() for file in _files(site))
