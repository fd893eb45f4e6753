"""Passkeys: registration, signing in, and responses that must not be accepted."""

import html
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from tests.staff.conftest import EMAILS, Console, Staff
from tests.support.authenticator import Authenticator

MARIA = EMAILS["desk"]
REFUSED = "That passkey did not work"
PAGE = re.compile(r'action="([^"?]+)[^"]*" data-passkey="\w+" data-options="([^"]+)"')


class Owner(Staff):
    """A member of staff with a passkey."""

    def start(self, page: str, **data: str) -> tuple[str, dict[str, Any]]:
        """Ask for options. Returns where the response is posted, and the options."""
        answer = self.post(
            page, "/staff/account" if "account" in page else "/staff/sign-in", **data
        )
        match = PAGE.search(answer.text)
        assert match, answer.text
        return match[1], json.loads(html.unescape(match[2]))

    def register(self, device: Authenticator, name: str = "Desk computer") -> str:
        path, options = self.start("/staff/account/passkeys", name=name, usage="first")
        return self.post(path, credential=device.create(options)).location

    def sign_in(self, device: Authenticator) -> str:
        path, options = self.start("/staff/sign-in/passkey")
        return self.post(path, "/staff/sign-in", credential=device.get(options)).location

    def is_signed_in(self) -> bool:
        return self.get("/staff/").status_code == 200


@pytest.fixture
def device() -> Authenticator:
    return Authenticator()


@pytest.fixture
def owner(site: Console, device: Authenticator) -> Owner:
    """Invited, with a passkey, and signed out."""
    owner, path = Owner(site.app), site.invite(MARIA)
    owner.post(path, path)
    owner.register(device)
    owner.post("/staff/sign-out")
    return owner


def test_a_passkey_is_registered_and_signs_in_without_typing_anything(
    console: Console, device: Authenticator
) -> None:
    owner, path = Owner(console.app), console.invite(MARIA)
    owner.post(path, path)
    answer = owner.get(owner.register(device), follow_redirects=True)
    assert answer.request.path == "/staff/", "the inbox"
    assert "sign in with the passkey “Desk computer”" in answer.text
    assert owner.is_signed_in()
    owner.post("/staff/sign-out")
    assert not owner.is_signed_in()
    assert owner.sign_in(device) == "/staff/"
    assert owner.is_signed_in()
    assert ("signed in", None, MARIA) in console.events()


def test_the_device_must_check_its_owner(site: Console) -> None:
    owner, path = Owner(site.app), site.invite(MARIA)
    owner.post(path, path)
    owner.register(Authenticator(verifies_user=False))
    assert site.account(MARIA).webauthn == []


def test_a_passkey_of_another_site_is_refused(site: Console, owner: Owner) -> None:
    """A page that looks like ours gets a response that is of no use here."""
    phished = Authenticator("https://clinic-desk.evil.example")
    other, path = Owner(site.app), site.invite("other@clinic.example")
    other.post(path, path)
    other.register(phished)
    assert site.account("other@clinic.example").webauthn == []
    assert not owner.is_signed_in()


def test_an_unknown_passkey_is_refused_in_plain_words(owner: Owner) -> None:
    owner.sign_in(Authenticator())
    assert not owner.is_signed_in()
    assert REFUSED in owner.get("/staff/sign-in/passkey").text


def test_a_response_works_once(site: Console, owner: Owner, device: Authenticator) -> None:
    path, options = owner.start("/staff/sign-in/passkey")
    response = device.get(options)
    owner.post(path, "/staff/sign-in", credential=response)
    assert owner.is_signed_in()
    thief = Owner(site.app)
    thief.post(path, "/staff/sign-in", credential=response)
    assert not thief.is_signed_in()
    assert REFUSED in thief.get("/staff/sign-in/passkey").text


def test_an_old_response_is_refused(owner: Owner, device: Authenticator) -> None:
    path, options = owner.start("/staff/sign-in/passkey")
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=6)):
        owner.post(path, "/staff/sign-in", credential=device.get(options))
        assert not owner.is_signed_in()
        assert "took too long" in owner.get("/staff/sign-in/passkey").text


def test_a_disabled_account_cannot_sign_in_with_its_passkey(
    site: Console, owner: Owner, device: Authenticator
) -> None:
    site.says("staff", "disable", MARIA, "--yes")
    owner.sign_in(device)
    assert not owner.is_signed_in()
    assert ("signed in", None, MARIA) not in site.events()[-2:]


def test_wrong_passwords_do_not_keep_out_the_owner_of_a_passkey(
    site: Console, owner: Owner, device: Authenticator
) -> None:
    stranger = Owner(site.app)
    for number in range(12):
        stranger.post("/staff/sign-in", "/staff/sign-in", email=MARIA, password=f"guess {number}")
    assert site.account(MARIA).failed_count == 10
    assert owner.sign_in(device) == "/staff/"
    assert site.account(MARIA).failed_count == 0


def test_passkeys_have_names_and_can_be_removed(
    site: Console, owner: Owner, device: Authenticator
) -> None:
    owner.sign_in(device)
    answer = owner.get(owner.register(Authenticator(), "Phone"), follow_redirects=True)
    assert answer.request.path == "/staff/account"
    page = answer.text
    assert "Desk computer" in page
    assert "Phone" in page
    twice = owner.post("/staff/account/passkeys", name="Phone", usage="first")
    assert "passkey called “Phone” already" in twice.text
    owner.post("/staff/account/passkeys/delete", name="Desk computer")
    assert [passkey.name for passkey in site.account(MARIA).webauthn] == ["Phone"]
    owner.post("/staff/sign-out")
    owner.sign_in(device)
    assert not owner.is_signed_in()


def test_added_and_removed_passkeys_are_in_the_audit_log(
    site: Console, owner: Owner, device: Authenticator
) -> None:
    owner.sign_in(device)
    longest = "x" * 64
    owner.register(Authenticator(), longest)
    owner.post("/staff/account/passkeys/delete", name=longest)
    assert [action for action, _, actor in site.events() if actor == MARIA] == [
        "invitation accepted",
        "passkey added: Desk computer",
        "signed out",
        "signed in",
        f"passkey added: {longest}",
        f"passkey removed: {longest}",
    ]


def test_the_only_way_to_sign_in_cannot_be_removed(
    site: Console, owner: Owner, device: Authenticator
) -> None:
    owner.sign_in(device)
    remove = "/staff/account/passkeys/delete"
    assert "Remove" not in owner.get("/staff/account").text
    owner.post(remove, name="Desk computer")
    assert "This is your only way to sign in." in owner.get("/staff/account").text
    assert len(site.account(MARIA).webauthn) == 1
    owner.register(Authenticator(), "Phone")
    assert owner.get("/staff/account").text.count("Remove<") == 2
    page = owner.client.post(
        remove,
        data={"csrf_token": owner.token(), "name": "Desk computer"},
        follow_redirects=True,
    )
    assert page.request.path == "/staff/account"
    assert "The passkey “Desk computer” is removed." in page.text


def test_a_password_replaces_the_last_passkey(
    site: Console, owner: Owner, device: Authenticator
) -> None:
    owner.sign_in(device)
    site.change_account(MARIA, password="unusable", tf_totp_secret="unusable")
    owner.post("/staff/account/passkeys/delete", name="Desk computer")
    assert site.account(MARIA).webauthn == []


def test_a_reset_removes_passkeys(site: Console, owner: Owner, device: Authenticator) -> None:
    site.says("staff", "reset", MARIA, "--yes")
    owner.sign_in(device)
    assert not owner.is_signed_in()


@pytest.mark.parametrize(
    "credential", ["", "{}", "[]", "null", "x" * 5000, '{"id": 1, "rawId": {}}']
)
def test_broken_responses_are_refused(owner: Owner, credential: str) -> None:
    path, _ = owner.start("/staff/sign-in/passkey")
    answer = owner.post(path, "/staff/sign-in", credential=credential)
    assert answer.status_code == 302
    assert not owner.is_signed_in()
