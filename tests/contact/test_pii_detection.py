"""Numbers that visitors should not send are found; other numbers are not."""

from typing import Any

import pytest
from markupsafe import escape

from app.contact.pii_detection import CARD, INSURANCE, RECORD, SOCIAL_SECURITY, find_pii
from tests.contact.conftest import Visitor
from tests.support.databases import sqlite_only

PII = {
    SOCIAL_SECURITY: (
        "My number is 123-45-6789, thank you",
        "(123-45-6789)",
        "on 5/12 123-45-6789",
        "SSN-123-45-6789",
        "123 - 45 - 6789",
        "it is 123 45 6789.",
        "123.45.6789",
        "123\u201145\u20116789",
        "123\u201345\u20136789",
        "\uff11\uff12\uff13-\uff14\uff15-\uff16\uff17\uff18\uff19",
        "١٢٣-٤٥-٦٧٨٩",
        "SSN 123456789",
        "ssn:123456789",
        "my social security number is 123456789",
        "Social Security # 123 456 789",
        "social: 123456789",
        "soc sec no. 123456789",
        "123456789 is my SSN",
        "Número de seguro social: 123456789",
        "899-99-9999",
        "123/45/6789",
        "123  45  6789",
        "123-45 6789",
        "123\n45\n6789",
        "SSN123456789",
        "ssn:\n123456789",
        "ssn:\n123\n45\n6789",
        "123 45 6789\n212-555-0142",
        "SSN: 123/45/6789",
        "My SSN for order 5 is 123-45-6789",
        "1\u034f2\u034f3-45-6789",
        "123\ufe0f-45\ufe0f-6789",
        "-".join(
            "".join(f"{digit}\ufe0f\u20e3" for digit in part) for part in ("123", "45", "6789")
        ),
        "001-01-0001",
    ),
    CARD: (
        "4111 1111 1111 1111",
        "4111111111111111",
        "card 4111-1111-1111-1111 exp 12/27 123",
        "4222222222222",
        "5555 5555 5555 4444",
        "2223003122003222",
        "3782 822463 10005",
        "378282246310005",
        "6011111111111117",
        "30569309025904",
        "3530111333300000",
        "6200000000000005",
        "charge it to 5105105105105100 please",
        "4000  0566  5566  5556",
        "4111/1111/1111/1111",
        "411111 1111111111",
        "41111111 11111111",
        "4111\n1111\n1111\n1111",
        "".join(f"{digit}\ufe0f\u20e3" for digit in "4111111111111111"),
        "4111\u200d1111\u034f1111\u20601111",
        "4111\u202d1111\u206611111111",
    ),
    INSURANCE: (
        "Member ID: W123456789",
        "my member id is W1234 56789",
        "insurance number 987654321",
        "Policy #ABC1234567",
        "policy no. 55512345",
        "Medicare number 1EG4-TE5-MK73",
        "Medicaid ID AB12345C",
        "Aetna ID W123456789",
        "BCBS member number XYZ123456789",
        "Subscriber ID # 0012345678",
        "Número de póliza: 44556677",
        "número de afiliado 123456",
        "Member: W123456789",
        "insurance card number\n123456789",
    ),
    RECORD: (
        "MRN 4471",
        "MRN: 00123456",
        "medical record number is 12345678",
        "Medical record # 88-1234",
        "patient ID 100234",
        "chart no. 55021",
        "número de expediente 998877",
    ),
}
HARMLESS = (
    "Call me at 212-555-0142 or (212) 555-0176",
    "My cell: 2125550142, work 212.555.0142 ext 45",
    "+1 212 555 0142, +49 30 12345678, +4915112345678, 0044 20 7946 0958",
    "tel 030 12 3456",
    "My phone: 040-12-3456 in Hamburg",
    "Is Aetna in network? Group: 12345",
    "Group number: 0712345",
    "mobile 07700 900123",
    "I live in 10001-1234",
    "Brooklyn NY 11201-4567, across from the Social Security office",
    "The Social Security office is at 10001-1234, is that near you?",
    "Social Security told me to call 212-555-0142",
    "I am on social security since 2019",
    "Born 03-12-1984? No: the visit was on 2026-11-25, 11/25/2026, 25.11.2026",
    "It cost $1,234.56, then $12,345,678.90, and 600-00-0000 was no date",
    "000-12-3456, 666-12-3456, 900-12-3456, 123-00-4567, 123-45-0000",
    "Order 500-12-3456",
    "Order number: 500-12-3456, invoice #500-12-3456, ticket no. 500-12-3456",
    "My membership card: gym 1234567",
    "My gym membership number is 1234567",
    "On 5/12/2026, 6/13/2026 and 12/24/2026",
    "SSN office at 10001\n1234 Main Street",
    "Weights:\n150\n20\n199",
    "Order 123456789 and ticket 987654321",
    "Tracking 1Z999AA10123456784, 9400111899223100001234",
    "4111 1111 1111 1112 fails its check digit",
    "1234567890123456 has no issuer",
    "212-555-0142 212-555-0176 212-555-0198",
    "2020 2021 2022 2023 were hard years",
    "Monday 9:00-17:00, Tuesday 10:00-13:00 and 14:00-18:00",
    "Do you need my member ID card? I have Aetna.",
    "Is the insurance number on the card the one you need?",
    "Their insurance number is 1-800-555-0100",
    "The member services number is 800-555-0142",
    "insurance number is (800) 555-0100, insurance no. 800 555 0100",
    "Insurance: Aetna, since 2019",
    "Is there a group for veterans? Group of 12, 6 sessions",
    "Can you send my medical records from 2019 to 2021?",
    "medical record number? I do not know mine",
    "We are a group of 25000 members",
    "I was a patient in 2019",
    "Bus 7 to stop 12, then 400 m; suite 1200, floor 3",
    "10 20 30 40 50 60 mg, 0.5 mg/kg over 40 minutes",
    "192.168.100.200 and 2001:db8::1",
    "ISBN 978-3-16-148410-0",
    "",
)


@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, texts in PII.items() for text in texts]
)
def test_pii_is_found(kind: str, text: str) -> None:
    assert find_pii(text) == kind


@pytest.mark.parametrize("text", HARMLESS)
def test_other_numbers_are_not_found(text: str) -> None:
    assert find_pii(text) == ""


@sqlite_only
@pytest.mark.parametrize("field", ["name", "best_time", "message"])
def test_form_asks_to_remove_pii(
    visitor: Visitor, field: str, capfd: pytest.CaptureFixture[str]
) -> None:
    data: dict[str, Any] = {field: "Ada, 123-45-6789"}
    response = visitor.send(**data)
    assert response.status_code == 422
    error = "Please remove the Social Security number. We don\u2019t need it here."
    assert f'<a href="#{field}">{escape(error)}</a>' in response.text
    assert f'id="{field}-error"' in response.text
    assert response.text.count("Ada, 123-45-6789") == 1  # it stays where it was typed
    assert visitor.inquiries() == []
    assert visitor.mails() == []
    assert "6789" not in capfd.readouterr().err


@sqlite_only
def test_api_asks_to_remove_pii(visitor: Visitor) -> None:
    response = visitor.call(message="Charge 4111 1111 1111 1111")
    assert response.status_code == 422
    assert response.get_json()["errors"] == [
        {
            "pointer": "#/message",
            "detail": "Please remove the card number. We don\u2019t need it here.",
        }
    ]
    assert "4111" not in response.text
    assert visitor.inquiries() == []
