"""``flask inquiries export`` and ``audit-log``."""

import csv
import json
import stat
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.contact.models import Inquiry
from app.encryption import KeyRing
from app.maintenance import inquiry_export
from tests.cli.test_commands import Desk, desk
from tests.support.smtp_relay import relay

__all__ = ["desk", "relay"]


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def test_csv_contains_all_content_and_no_formula(desk: Desk, tmp_path: Path) -> None:
    desk.send(name='=HYPERLINK("x")', message='@SUM(A1)\r\n"quoted", ü')
    desk.send(name="-Ada", message="Two", reply_by="phone", phone="+1 212 555 0142")
    file = tmp_path / "inquiries.csv"
    output = desk.says("inquiries", "export", str(file), "--yes")
    assert "The file contains names, addresses and messages" in output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first, second = rows(file)
    assert first["name"] == '\'=HYPERLINK("x")'
    assert first["message"] == '\'@SUM(A1)\n"quoted", ü'
    assert first["email"] == "ada@example.com"
    assert first["received_at"].endswith(("-04:00", "-05:00"))
    assert second["name"] == "'-Ada"
    assert second["phone"].startswith("'+1")


def test_json_lines_contain_the_content_unchanged(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inquiry_export, "BATCH_SIZE", 2)
    for number in range(5):
        desk.send(message=f"=Question {number}")
    desk.says("inquiries", "erase", desk.inquiries()[0].reference, "--yes")
    file = tmp_path / "inquiries.jsonl"
    desk.says("inquiries", "export", str(file), "--yes")
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [one["message"] for one in rows] == [f"=Question {number}" for number in range(1, 5)]


def test_no_file_is_overwritten_or_written_without_confirmation(desk: Desk, tmp_path: Path) -> None:
    desk.send()
    file = tmp_path / "inquiries.csv"
    assert desk.run("inquiries", "export", str(file), typed="n\n").exit_code == 1
    assert not file.exists()
    file.write_text("mine")
    result = desk.run("inquiries", "export", str(file), "--yes")
    assert result.exit_code == 1
    assert "File exists" in result.output
    assert file.read_text() == "mine"
    assert desk.run("inquiries", "export", str(tmp_path / "x.xls"), "--yes").exit_code == 2


def test_undecryptable_inquiries_are_named(desk: Desk, tmp_path: Path) -> None:
    desk.send(message="One")
    desk.send(message="Two")
    lost, kept = desk.inquiries()
    with desk.database.session() as session:
        foreign = KeyRing(["A" * 43 + "="]).encrypt("{}")
        ours = Inquiry.id == lost.id
        session.execute(sa.update(Inquiry).where(ours).values(encrypted_content=foreign))
    file = tmp_path / "inquiries.csv"
    result = desk.run("inquiries", "export", str(file), "--yes")
    assert result.exit_code == 1
    assert f"1 could not be decrypted, a key is missing from ENCRYPTION_KEYS: {lost.reference}" in (
        result.output
    )
    assert [(one["reference"], one["message"]) for one in rows(file)] == [
        (lost.reference, ""),
        (kept.reference, "Two"),
    ]


def test_export_since_a_day(desk: Desk, tmp_path: Path) -> None:
    desk.send()
    for day, count in (("2020-01-01", 1), ("2099-01-01", 0)):
        file = tmp_path / f"{day}.csv"
        desk.says("inquiries", "export", str(file), "--since", day, "--yes")
        assert len(rows(file)) == count


def test_access_is_recorded_in_the_audit_log(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "grace")
    desk.send(honeypot="x")
    reference = desk.inquiries()[0].reference
    desk.says("inquiries", "list")
    assert desk.says("inquiries", "audit-log") == "No entries.\n"
    desk.says("inquiries", "show", reference.lower())
    desk.says("inquiries", "release", reference, "--yes")
    desk.says("inquiries", "export", str(tmp_path / "all.csv"), "--yes")
    desk.says("inquiries", "erase", reference, "--yes")
    _, *events = desk.says("inquiries", "audit-log").splitlines()
    actions = ("erased", "exported 1", "released", "shown")  # newest first
    assert [action for action, line in zip(actions, events, strict=True) if action in line] == list(
        actions
    )
    assert all("grace@" in line for line in events)
    assert "Ada" not in "".join(events)
    assert len(desk.says("inquiries", "audit-log", reference).splitlines()) == 4
