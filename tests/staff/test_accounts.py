"""Invitations, passwords with codes, recovery codes, disabled and reset accounts."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from passlib.totp import TOTP
from werkzeug.test import TestResponse

from tests.staff.conftest import EMAILS, Console, Staff

PASSWORD = "correct horse battery staple"
MARIA = EMAILS["desk"]
NOW = datetime(2026, 11, 30, 15, 0, tzinfo=UTC)
SIGNED_OUT = "/staff/sign-in"
WRONG = "The email address, password or code is not right"


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=True) as traveller:
        yield traveller


class Owner(Staff):
    """A member of staff with a password and an authenticator app."""

    app_key = ""

    def code(self) -> str:
        return str(TOTP(key=self.app_key).generate().token)

    def set_password(self) -> TestResponse:
        page = self.get("/staff/account/password").text
        key = re.search(r'class="key">([^<]+)<', page)
        assert key
        self.app_key = key[1]
        return self.post("/staff/account/password", password=PASSWORD, code=self.code())

    def sign_in(
        self, password: str = PASSWORD, email: str = MARIA, next_: str = ""
    ) -> TestResponse:
        return self.post(SIGNED_OUT, SIGNED_OUT, email=email, password=password, next=next_)

    def enter(self, code: str) -> TestResponse:
        return self.post("/staff/sign-in/code", "/staff/sign-in/code", code=code)

    def sign_out(self) -> TestResponse:
        return self.post("/staff/sign-out")

    def is_signed_in(self) -> bool:
        return self.get("/staff/").status_code == 200


@pytest.fixture
def owner(site: Console) -> Owner:
    """Invited and signed in, with a password and an authenticator app."""
    owner, path = Owner(site.app), site.invite(MARIA)
    owner.post(path, path)
    assert owner.set_password().headers["Location"] == "/staff/account/recovery-codes"
    return owner


def test_an_invitation_signs_in_once_and_leads_to_the_choice_of_a_way_to_sign_in(
    console: Console,
) -> None:
    path, staff = console.invite(MARIA), Staff(console.app)
    page = staff.get(path)
    assert (page.status_code, MARIA in page.text) == (200, True)
    for _ in range(3):
        assert staff.get(path).status_code == 200, "programs that check links use up nothing"
    assert staff.post(path, path).headers["Location"] == "/staff/account"
    assert "Create a passkey" in staff.get("/staff/account").text
    assert staff.get("/staff/").headers["Location"] == "/staff/account", "nothing else yet"
    other = Staff(console.app)
    assert other.get(path).status_code == 410
    assert other.post(path, "/staff/sign-in").status_code == 410
    assert "was used already" in other.get(path).text


@pytest.mark.parametrize(
    "change", [lambda path: path[:-1], lambda path: path.swapcase(), lambda _: "/staff/welcome/x"]
)
def test_a_mistyped_invitation_does_not_work(site: Console, change: Callable[[str], str]) -> None:
    path = change(site.invite(MARIA)).replace("/STAFF/WELCOME", "/staff/welcome")
    assert Staff(site.app).get(path).status_code == 410


def test_an_invitation_expires_and_is_replaced_by_the_next(
    site: Console, clock: time_machine.Traveller
) -> None:
    first = site.invite(MARIA)
    second = site.invite(MARIA)
    staff = Staff(site.app)
    assert staff.get(first).status_code == 410
    assert staff.get(second).status_code == 200
    clock.shift(timedelta(hours=24, seconds=1))
    assert staff.post(second, "/staff/sign-in").status_code == 410


def test_password_and_code_sign_in_and_the_password_alone_does_not(owner: Owner) -> None:
    owner.sign_out()
    assert not owner.is_signed_in()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=1)):
        assert "/staff/sign-in/code" in owner.sign_in().headers["Location"]
        assert not owner.is_signed_in()
        assert owner.enter("000000").status_code == 200
        assert not owner.is_signed_in()
        assert owner.enter(owner.code()).status_code == 302
        assert owner.is_signed_in()


def test_a_code_works_once(site: Console, owner: Owner) -> None:
    owner.sign_out()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=1), tick=False):
        owner.sign_in()
        code = owner.code()
        assert owner.enter(code).status_code == 302
        thief = Owner(site.app)
        thief.sign_in()
        assert "The code is not right. Wait for the next one." in thief.enter(code).text
        assert not thief.is_signed_in()


@pytest.mark.parametrize("password", ["", "too short", "x" * 14])
def test_a_short_password_is_refused_with_a_reason(site: Console, password: str) -> None:
    owner, path = Owner(site.app), site.invite(MARIA)
    owner.post(path, path)
    owner.get("/staff/account/password")
    answer = owner.post("/staff/account/password", password=password, code="123456")
    assert (answer.status_code, "15 characters or more" in answer.text) == (422, True)
    assert site.account(MARIA).password is None


def test_without_a_right_code_no_password_is_stored(site: Console) -> None:
    owner, path = Owner(site.app), site.invite(MARIA)
    owner.post(path, path)
    owner.get("/staff/account/password")
    answer = owner.post("/staff/account/password", password=PASSWORD, code="123456")
    assert (answer.status_code, "code is not right" in answer.text) == (422, True)
    assert site.account(MARIA).password is None


def test_a_recovery_code_stands_in_for_the_app_once(site: Console, owner: Owner) -> None:
    page = owner.post("/staff/account/recovery-codes", generate_new_codes="1").text
    codes = re.findall(r"<code>([0-9a-f-]{14})</code>", page)
    assert len(codes) == 8
    stored = json.dumps(site.account(MARIA).mf_recovery_codes)
    assert not any(code in stored for code in codes), "only hashes are stored"
    recovery = "/staff/sign-in/recovery-code"
    owner.sign_out()
    owner.sign_in()
    assert owner.post(recovery, recovery, code=codes[0].upper()).status_code == 302
    assert owner.is_signed_in()
    assert "7 recovery codes" in owner.get("/staff/account").text
    assert [action for action, _, actor in site.events() if actor == MARIA] == [
        "invitation accepted",
        "password set",
        "new recovery codes",
        "signed out",
        "signed in with a recovery code",
    ]
    owner.sign_out()
    owner.sign_in()
    assert "was used before" in owner.post(recovery, recovery, code=codes[0]).text
    assert not owner.is_signed_in()


def test_dashes_of_a_recovery_code_can_be_omitted(owner: Owner) -> None:
    page = owner.post("/staff/account/recovery-codes", generate_new_codes="1").text
    codes = re.findall(r"<code>([0-9a-f-]{14})</code>", page)
    recovery = "/staff/sign-in/recovery-code"
    for code in codes[:7]:
        owner.sign_out()
        owner.sign_in()
        owner.post(recovery, recovery, code=code.replace("-", ""))
        assert owner.is_signed_in()
    assert "1 recovery code is left." in owner.get("/staff/account").text


def test_a_recovery_code_leads_back_to_the_inquiry(site: Console, owner: Owner) -> None:
    page = owner.post("/staff/account/recovery-codes", generate_new_codes="1").text
    (code, *_) = re.findall(r"<code>([0-9a-f-]{14})</code>", page)
    owner.sign_out()
    inquiry = f"/staff/inquiries/{site.receive()}"
    code_page = owner.get(owner.sign_in(next_=inquiry).location).text
    link = re.search(r'href="(/staff/sign-in/recovery-code[^"]*)"', code_page)
    assert link
    recovery_page = owner.get(link[1]).text
    assert '<form method="post" class="stacked">' in recovery_page, "it posts to its own address"
    assert owner.post(link[1], link[1], code=code).location == inquiry


def test_a_recovery_code_without_the_password_is_worth_nothing(site: Console, owner: Owner) -> None:
    page = owner.post("/staff/account/recovery-codes", generate_new_codes="1").text
    (code, *_) = re.findall(r"<code>([0-9a-f-]{14})</code>", page)
    stranger, recovery = Owner(site.app), "/staff/sign-in/recovery-code"
    stranger.post(recovery, SIGNED_OUT, code=code)
    assert not stranger.is_signed_in()


def test_answers_do_not_tell_whether_an_account_exists(site: Console, owner: Owner) -> None:
    site.invite("invited@clinic.example")
    site.says("staff", "invite", "gone@clinic.example", "--role", "desk")
    site.says("staff", "disable", "gone@clinic.example", "--yes")
    owner.sign_out()
    pages = set()
    for email in (MARIA, "invited@clinic.example", "gone@clinic.example", "nobody@x.example"):
        answer = Owner(site.app).sign_in("not the right password", email)
        assert WRONG in answer.text
        text = re.sub(r'name="csrf_token" value="[^"]+"', "", answer.text.replace(email, "EMAIL"))
        pages.add((answer.status_code, text))
    assert len(pages) == 1


def test_twenty_guesses_lock_password_and_code_for_a_quarter_of_an_hour(
    site: Console, owner: Owner, clock: time_machine.Traveller
) -> None:
    clock.shift(60)
    for number in range(20):
        assert WRONG in Owner(site.app).sign_in(f"guess number {number:06}").text
    assert sum(action == "sign-in failed: password" for action, _, _ in site.events()) == 10
    guesser = Owner(site.app)
    assert WRONG in guesser.sign_in().text, "not even the right password"
    clock.shift(timedelta(minutes=15))
    assert "/staff/sign-in/code" in guesser.sign_in().headers["Location"]
    for number in range(20):
        guesser.enter(f"{number:06}")
    guesser.enter(owner.code())
    assert not guesser.is_signed_in(), "not even the right code"


def test_guesses_from_one_network_are_limited(make_app: Callable[..., Flask]) -> None:
    stranger = Owner(make_app(STAFF_CONSOLE="on", RATELIMIT_ENABLED="true"))
    answers = [stranger.sign_in(email=f"{n}@clinic.example") for n in range(21)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429]
    assert "wait a few minutes" in answers[-1].text
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_a_disabled_account_is_signed_out_at_once(site: Console, owner: Owner) -> None:
    assert owner.is_signed_in()
    assert site.says("staff", "disable", MARIA, "--yes") == "disabled\n"
    assert not owner.is_signed_in()
    assert WRONG in owner.sign_in().text


def test_a_reset_ends_sessions_and_all_ways_to_sign_in(site: Console, owner: Owner) -> None:
    path = site.link(site.says("staff", "reset", MARIA, "--yes"))
    assert not owner.is_signed_in()
    assert WRONG in owner.sign_in().text
    owner.post(path, path)
    assert "Create a passkey" in owner.get("/staff/account").text


def test_a_copied_cookie_is_worthless_after_signing_out(site: Console, owner: Owner) -> None:
    thief = Owner(site.app)
    thief.client.set_cookie("frontdesk_staff", owner.cookie, path="/staff/")
    assert thief.is_signed_in()
    owner.sign_out()
    thief.client.set_cookie("frontdesk_staff", owner.cookie, path="/staff/")
    assert not thief.is_signed_in()


def test_a_manager_invites_disables_enables_and_resets(site: Console) -> None:
    boss = site.staff("manager")
    page = boss.post("/staff/accounts", "/staff/accounts", email="New@Clinic.example", role="desk")
    assert page.status_code == 200
    new, path = site.account("new@clinic.example"), site.link(page.text)
    staff = Staff(site.app)
    assert staff.post(path, path).status_code == 303
    url = f"/staff/accounts/{new.id}"
    boss.post(f"{url}/disable", "/staff/accounts")
    assert staff.get("/staff/account").headers["Location"].startswith(SIGNED_OUT)
    boss.post(f"{url}/enable", "/staff/accounts")
    assert site.account("new@clinic.example").active
    assert "Invitation for new@clinic.example" in boss.post(f"{url}/reset", "/staff/accounts").text
    actions = [action for action, _, actor in site.events() if actor == EMAILS["manager"]]
    assert actions[-4:] == [
        f"{done} new@clinic.example" for done in ("invited", "disabled", "enabled", "reset")
    ]


def test_a_new_invitation_for_a_colleague_who_works_takes_two_clicks(site: Console) -> None:
    boss = site.staff("manager")
    site.staff(email=MARIA)
    assert f"<p>{MARIA} can no longer sign in" in boss.get("/staff/accounts").text
    path = site.link(site.says("staff", "reset", MARIA, "--yes"))
    page = boss.get("/staff/accounts").text
    assert "New invitation<" in page
    assert "can no longer sign in" not in page, "she was only invited"
    assert Staff(site.app).get(path).status_code == 200


def test_managers_cannot_lock_themselves_out(site: Console) -> None:
    boss = site.staff("manager")
    number = site.account(EMAILS["manager"]).id
    boss.post(f"/staff/accounts/{number}/disable", "/staff/accounts")
    assert "cannot change your own account" in boss.get("/staff/accounts").text
    assert site.account(EMAILS["manager"]).active


@pytest.mark.parametrize(
    ("email", "role", "problem"),
    [
        ("no address", "desk", "is not an email address"),
        (f"{'x' * 70}@clinic.example", "desk", "at most 80 characters"),
        (EMAILS["manager"], "desk", "has an account already. For a new invitation, press “New "),
        ("new@clinic.example", "boss", "Choose what the person may do"),
    ],
)
def test_a_wrong_invitation_is_explained(
    site: Console, email: str, role: str, problem: str
) -> None:
    boss = site.staff("manager")
    answer = boss.post("/staff/accounts", "/staff/accounts", email=email, role=role)
    assert (answer.status_code, problem in answer.text) == (422, True)


def test_the_commands_list_accounts_and_explain_mistakes(site: Console) -> None:
    site.staff("manager")
    site.invite(MARIA)
    listed = json.loads(site.says("staff", "list", "--json"))
    assert [(one["email"], one["role"], one["state"]) for one in listed] == [
        (EMAILS["manager"], "manager", "active"),
        (MARIA, "desk", "invited"),
    ]
    for command in (("disable",), ("reset",)):
        result = site.run("staff", *command, "nobody@clinic.example", "--yes")
        assert (result.exit_code, "There is no account" in result.output) == (1, True)
    again = site.run("staff", "invite", EMAILS["manager"], "--role", "desk")
    reset = f"For a new invitation, run flask staff reset {EMAILS['manager']}."
    assert f"has an account already. {reset}" in again.output


def test_without_the_console_nobody_is_invited(make_app: Callable[..., Flask]) -> None:
    result = Console(make_app()).run("staff", "invite", MARIA, "--role", "desk")
    assert (result.exit_code, "STAFF_CONSOLE=on" in result.output) == (1, True)
