"""DNS checks of the sender's domain, against a real DNS server on loopback."""

import time

import dns.resolver
import pytest

from app.diagnostics.dns import check_sender_domain
from tests.support.name_server import NameServer, name_server

__all__ = ["name_server"]

SPF, DKIM, DMARC = 0, 1, 2


def check(names: NameServer, index: int, domain: str = "clinic.example") -> tuple[str, str]:
    found = check_sender_domain(domain, names.resolver)[index]
    return found.level, found.message


@pytest.mark.parametrize(
    ("records", "level", "message"),
    [
        (["v=spf1 include:relay.example -all"], "ok", "include:relay.example"),
        (["V=SPF1 -all", "another-thing"], "ok", "V=SPF1"),
        (["another-thing"], "warning", "no record"),
        (["v=spf10 -all"], "warning", "no record"),
        (["v=spf1 -all", "v=spf1 ~all"], "failed", "2 records, so none is valid"),
        (["v=spf1 +all"], "warning", "any server"),
    ],
)
def test_spf(name_server: NameServer, records: list[str], level: str, message: str) -> None:
    name_server.texts = {"clinic.example": records}
    found = check(name_server, SPF)
    assert found[0] == level
    assert message in found[1]


def test_dkim_is_detected_by_any_name_below_domainkey(name_server: NameServer) -> None:
    name_server.texts = {"clinic.example": ["v=spf1 -all"]}
    assert check(name_server, DKIM)[0] == "warning"
    name_server.texts["selector1._domainkey.clinic.example"] = ["v=DKIM1; p=AAAA"]
    assert check(name_server, DKIM)[0] == "ok"


def test_dmarc_of_the_parent_domain_is_used(name_server: NameServer) -> None:
    assert check(name_server, DMARC, "mail.clinic.example")[0] == "warning"
    name_server.texts = {"_dmarc.clinic.example": ["v=DMARC1; p=none"]}
    assert check(name_server, DMARC, "mail.clinic.example") == ("ok", "v=DMARC1; p=none")


def test_checks_are_skipped_if_dns_does_not_answer(
    name_server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.diagnostics.dns.QUERY_TIMEOUT", 0.3)
    name_server.mute = True
    began = time.monotonic()
    found = check_sender_domain("clinic.example", name_server.resolver)
    assert time.monotonic() - began < 2
    assert [(one.check, one.level) for one in found] == [
        ("SPF", "warning"),
        ("DKIM", "warning"),
        ("DMARC", "warning"),
    ]
    assert all("not checked" in one.message for one in found)


def test_a_machine_without_name_servers_gets_warnings() -> None:
    no_servers = dns.resolver.Resolver(configure=False)
    assert {one.level for one in check_sender_domain("clinic.example", no_servers)} == {"warning"}
