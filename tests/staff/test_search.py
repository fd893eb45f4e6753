"""The search by reference, email address and phone number, over keyed digests."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from flask import Flask

from app.contact.models import Inquiry
from app.contact.search_index import InquirySearchKey, index_missing
from app.services import get_services
from tests.staff.conftest import Console, Staff
from tests.support.settings import ENCRYPTION_KEY

PHONE = "(212) 555-0142"


def find(staff: Staff, text: str) -> str:
    """Search, and return the path of the page that shows the result."""
    answer = staff.post("/staff/search", "/staff/", search=text)
    return answer.location or answer.text


def rows(site: Console) -> list[InquirySearchKey]:
    with site.database.read_session() as session:
        return list(session.scalars(sa.select(InquirySearchKey)))


def test_an_inquiry_is_found_by_reference_email_and_phone(console: Console) -> None:
    reference = console.receive(email="Ada.Example@Gmail.com", phone=PHONE)
    console.receive(email="bob@example.com", message="From somebody else")
    staff = console.staff()
    for text in (
        reference, reference.lower(), reference.replace("-", " "), f" {reference} ",
        "ada.example@gmail.com", "ADAEXAMPLE@googlemail.com", "ada.example+x@gmail.com",
        "212-555-0142", "+1 212 555 0142", "tel:+12125550142", "2125550142",
    ):  # fmt: skip
        assert find(staff, text) == f"/staff/inquiries/{reference}", text
    assert ("searched: 1 found", None, "maria@clinic.example") in console.events()


def test_several_inquiries_of_one_person_are_listed(site: Console) -> None:
    references = [site.receive(message=f"Question number {n} of mine") for n in "ab"]
    page = find(site.staff(), "ada@example.com")
    assert all(f'{reference}">' in page for reference in references)


@pytest.mark.parametrize(
    "text",
    ["", "ada", "x" * 300, "'; DROP TABLE inquiry;--", "%", "ada@", "1", "<script>", "\0"],
)
def test_what_is_no_reference_address_or_number_is_explained_or_not_found(
    site: Console, text: str
) -> None:
    site.receive()
    staff = site.staff()
    result = find(staff, text)
    if result == "/staff/":
        assert "whole email address or a phone number" in staff.get("/staff/").text
    else:
        assert "No inquiries found" in result
        assert "<script>" not in result.partition("You searched for")[2].partition("</p>")[0]


def test_the_index_is_written_only_while_the_console_is_on(
    make_app: Callable[..., Flask],
) -> None:
    off = Console(make_app())
    off.receive()
    assert rows(off) == []
    on = Console(make_app(STAFF_CONSOLE="on"))
    on.receive(phone=PHONE, message="Another message")
    assert len(rows(on)) == 2
    assert index_missing(on.database) == 1, "the job of the mailer"
    assert index_missing(on.database) == 0
    assert len(rows(on)) == 3
    jobs = get_services(on.app)
    assert jobs.settings.staff_console == "on"


def test_erasure_and_retention_remove_rows(console: Console) -> None:
    first, second = (console.receive(message=f"Message number {n} here") for n in "ab")
    console.says("inquiries", "erase", first, "--yes")
    (row,) = rows(console)
    assert row.inquiry_id == console.inquiry(second).id
    assert index_missing(console.database) == 0, "an erased inquiry is never indexed again"
    with console.database.session() as session:
        session.execute(sa.text("UPDATE outbox_message SET state = 'delivered', due_at = NULL"))
        session.execute(sa.text("UPDATE outbox_message SET delivered_at = '2020-01-01 00:00:00'"))
        session.execute(sa.update(Inquiry).values(created_at=sa.text("'2020-01-01 00:00:00'")))
    console.says("retention", "run", "--yes")
    assert rows(console) == []


def test_key_rotation_rebuilds_the_index_and_notes(
    make_app: Callable[..., Flask], database_url: str
) -> None:
    new = Fernet.generate_key().decode()

    def site(keys: str) -> Console:
        return Console(
            make_app(DATABASE_URL=database_url, STAFF_CONSOLE="on", ENCRYPTION_KEYS=keys)
        )

    old = site(ENCRYPTION_KEY)
    reference, staff = old.receive(), old.staff()
    staff.act(reference, "notes", text="A note under the old key")
    before = rows(old)
    both = site(f"{new},{ENCRYPTION_KEY}")
    assert find(both.staff("desk", "both@clinic.example"), "ada@example.com").endswith(reference), (
        "found by the old key"
    )
    both.says("keys", "rotate")
    after = rows(both)
    assert {row.digest for row in before}.isdisjoint(row.digest for row in after)
    assert {row.key_fingerprint for row in after} == {both.database.keys.fingerprints[0]}
    alone = site(new)
    maria = alone.staff("desk", "maria2@clinic.example")
    assert find(maria, "ada@example.com").endswith(reference)
    assert "A note under the old key" in maria.get(f"/staff/inquiries/{reference}").text


def test_a_rotation_without_console_makes_no_index(
    make_app: Callable[..., Flask],
) -> None:
    Console(make_app()).receive()
    both = Console(make_app(ENCRYPTION_KEYS=f"{Fernet.generate_key().decode()},{ENCRYPTION_KEY}"))
    both.says("keys", "rotate")
    assert rows(both) == []
