"""Who may request what, and what other sites, copied cookies and proxies can do."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
import time_machine
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from config import ROOT
from tests.staff.conftest import EMAILS, Console, Staff
from tests.support.pages import ALL_PAGES
from tests.support.settings import environment

SIGN_IN, NOT_THERE, FORBIDDEN, ALLOWED = "sign in", "404", "403", "allowed"
# For everyone, signed in or not.
OPEN = {
    "security.login",
    "security.wan_signin",
    "security.wan_signin_response",
    "security.two_factor_token_validation",
    "security.mf_recovery",
    "staff.welcome",
    "staff.accept_invitation",
}
# Views of Flask-Security that must not exist here.
REMOVED = {
    "security.two_factor_setup",
    "security.two_factor_setup_validate",
    "security.two_factor_rescue",
    "security.tf_select",
}
DESK = {
    "security.logout",
    "security.mf_recovery_codes",
    "security.wan_delete",
    "security.wan_register",
    "security.wan_register_response",
    "staff.account",
    "staff.act",
    "staff.add_note",
    "staff.add_notice",
    "staff.end_notice",
    "staff.inbox",
    "staff.notices",
    "staff.passkey_created",
    "staff.password",
    "staff.search",
    "staff.set_password",
    "staff.show_inquiry",
}
MANAGER = {
    "staff.accounts",
    "staff.audit_log",
    "staff.change_account",
    "staff.confirm_erasure",
    "staff.erase",
    "staff.export",
    "staff.export_file",
    "staff.invite",
}
FRESH = {
    "security.mf_recovery_codes",
    "security.wan_delete",
    "security.wan_register",
    "staff.change_account",
    "staff.confirm_erasure",
    "staff.erase",
    "staff.export",
    "staff.export_file",
    "staff.invite",
    "staff.password",
    "staff.set_password",
}
VALUES: dict[str, Any] = {"token": "x", "number": 1, "reference": "K7R-4M2", "key": "answered"}


def routes(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Each endpoint of the console with a path and a method."""
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/staff"):
            for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                yield rule.endpoint, method, adapter.build(rule.endpoint, _values(rule), method)


def _values(rule: Rule) -> dict[str, Any]:
    action = {"staff.act": "take", "staff.change_account": "disable"}.get(rule.endpoint, "")
    return {name: VALUES.get(name, action) for name in rule.arguments - set(rule.defaults or ())}


def outcome(response: TestResponse) -> str:
    if response.location and response.location.startswith("/staff/sign-in?next="):
        return SIGN_IN
    return {403: FORBIDDEN}.get(response.status_code, ALLOWED)


def request(staff: Staff, method: str, path: str) -> TestResponse:
    if method == "GET":
        return staff.get(path)
    return staff.post(path, "/staff/sign-in" if not staff.token() else "/staff/account")


def expected(endpoint: str, who: str) -> str:
    if endpoint in REMOVED:
        return NOT_THERE
    if endpoint in OPEN:
        return ALLOWED
    if who not in ("desk", "manager"):
        return SIGN_IN
    return FORBIDDEN if endpoint in MANAGER and who == "desk" else ALLOWED


def test_the_table_lists_every_route(site: Console) -> None:
    assert {endpoint for endpoint, _, _ in routes(site.app)} == OPEN | REMOVED | DESK | MANAGER


@pytest.mark.parametrize("who", ["anonymous", "desk", "manager", "disabled", "expired"])
def test_every_route_is_for_those_who_may(site: Console, who: str) -> None:
    """Each route with a new session, because some of them end it."""
    errors = list[str]()
    for number, (endpoint, method, path) in enumerate(routes(site.app)):
        role = who if who in ("desk", "manager") else "manager"
        email = f"{number}@x.example"
        staff = Staff(site.app) if who == "anonymous" else site.staff(role, email)
        if who == "disabled":
            site.says("staff", "disable", email, "--yes")
        later = timedelta(hours=13) if who == "expired" else timedelta()
        with time_machine.travel(datetime.now(UTC) + later):
            response = request(staff, method, path)
        found = NOT_THERE if endpoint in REMOVED and response.status_code == 404 else ""
        if (found or outcome(response)) != expected(endpoint, who):
            errors.append(f"{method} {path}: {response.status} {response.location}")
        assert response.headers["Cache-Control"] == "no-store", path
    assert not errors, "\n".join(errors)


def test_what_is_final_needs_a_fresh_sign_in(site: Console) -> None:
    for number, (endpoint, method, path) in enumerate(routes(site.app)):
        if endpoint in OPEN | REMOVED:
            continue
        staff = site.staff("manager", f"{number}@x.example")
        with time_machine.travel(datetime.now(UTC) + timedelta(minutes=11)):
            response = request(staff, method, path)
        assert (outcome(response) == SIGN_IN) == (endpoint in FRESH), path
        if endpoint in FRESH and method == "GET":
            assert response.location == f"/staff/sign-in?next={path}"


def test_a_session_ends_after_half_an_hour_without_a_request_and_after_twelve_hours(
    site: Console,
) -> None:
    staff, start = site.staff(), datetime.now(UTC)
    for number in range(1, 49):
        with time_machine.travel(start + number * timedelta(minutes=15)):
            status = staff.get("/staff/").status_code
            assert status == (200 if number < 48 else 303), number
    idle = site.staff(email="idle@clinic.example")
    with time_machine.travel(start + timedelta(minutes=31)):
        assert idle.get("/staff/").status_code == 303


@pytest.mark.parametrize(
    ("path", "back"),
    [
        ("/staff/inquiries/{}/answered", "/staff/inquiries/{}"),
        ("/staff/inquiries/{}/erase", "/staff/inquiries/{}/erase"),
        ("/staff/notices/1/end", "/staff/notices"),
        ("/staff/accounts/1/disable", "/staff/accounts"),
        ("/staff/account/password", "/staff/account/password"),
        ("/staff/sign-out", "/staff/"),
    ],
)
def test_a_button_after_half_an_hour_leads_to_the_sign_in_and_back(
    site: Console, path: str, back: str
) -> None:
    reference, staff = site.receive(), site.staff("manager")
    token = staff.token()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=31)):
        answer = staff.client.post(path.format(reference), data={"csrf_token": token})
        assert answer.status_code == 303
        assert answer.location == f"/staff/sign-in?next={back.format(reference)}"
        page = staff.get(answer.location).text
    assert "You were signed out after 30 minutes without a click. Nothing was changed." in page
    assert site.inquiry(reference).answered_at is None
    assert site.account(EMAILS["manager"]).active


def test_the_cookie_is_for_the_console_only(
    make_app: Callable[..., Flask], production: dict[str, str]
) -> None:
    client = make_app(**production).test_client()
    answer = client.get("/staff/sign-in", base_url="https://clinic.example")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Secure-frontdesk_staff=")
    for attribute in ("Secure", "HttpOnly", "SameSite=Strict", "Path=/staff/"):
        assert attribute in cookie
    assert "Domain" not in cookie


@pytest.fixture
def production(tmp_path: Path) -> dict[str, str]:
    """The variables of a production site with the console."""
    text = (ROOT / "clinic" / "clinic.toml").read_text(encoding="utf-8")
    folder = tmp_path / "clinic"
    folder.mkdir()
    for entry in (ROOT / "clinic").iterdir():
        if entry.name != "clinic.toml":
            (folder / entry.name).symlink_to(entry)
    (folder / "clinic.toml").write_text(text.replace("demo = true", "demo = false"))
    return {
        "APP_ENV": "production",
        "BASE_URL": "https://clinic.example",
        "TRUSTED_PROXIES": "0",
        "CLINIC_DIR": str(folder),
        "MAIL_DEFAULT_SENDER": "no-reply@clinic.example",
        "STAFF_CONSOLE": "on",
    }


def test_on_a_host_of_its_own_the_console_is_nowhere_else(
    make_app: Callable[..., Flask], production: dict[str, str]
) -> None:
    client = make_app(**production, STAFF_HOST="desk.clinic.example").test_client()
    assert client.get("/staff/sign-in", base_url="https://clinic.example").status_code == 404
    own = client.get("/staff/sign-in", base_url="https://desk.clinic.example")
    assert own.status_code == 200
    console = Console(client.application)
    assert console.says("staff", "invite", "a@b.example", "--role", "desk").startswith(
        "Works once, for 24 hours: https://desk.clinic.example/staff/welcome/"
    )


def test_public_answers_are_the_same_for_staff_and_visitors(site: Console) -> None:
    staff, visitor = site.staff(), site.app.test_client()
    for path in (*ALL_PAGES, "/healthz", "/static/site.js", "/api/openapi.json"):
        answer = visitor.get(path, headers={"Cookie": f"frontdesk_staff={staff.cookie}"})
        other = visitor.get(path)
        assert answer.data == other.data, path
        for response in (answer, other):
            assert "Set-Cookie" not in response.headers, path
            assert "Cookie" not in response.headers.get("Vary", ""), path
    sent = site.send()
    assert "Set-Cookie" not in sent.headers


def test_without_the_console_nothing_of_it_is_there(make_app: Callable[..., Flask]) -> None:
    app = make_app()
    client = app.test_client()
    assert not [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/staff")]
    for path in ("/staff", "/staff/", "/staff/sign-in", "/static/console.js"):
        answer = client.get(path)
        assert (answer.status_code, "Set-Cookie" in answer.headers) == (404, False)
    on = make_app(STAFF_CONSOLE="on").test_client()
    for path in ALL_PAGES:
        off_page, on_page = client.get(path), on.get(path)
        assert off_page.data == on_page.data, path
        headers = [{*page.headers.keys()} for page in (off_page, on_page)]
        assert headers[0] == headers[1], path


def test_without_the_console_a_web_process_imports_nothing_of_it(tmp_path: Path) -> None:
    def modules(**env: str) -> set[str]:
        result = subprocess.run(
            [sys.executable, "-c", "import sys, wsgi; print(*sys.modules)"],
            cwd=ROOT,
            env={**os.environ, **environment(tmp_path, **env)},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return set(result.stdout.split())

    off, on = modules(), modules(STAFF_CONSOLE="on")
    assert {"flask_security", "webauthn", "app.staff.console", "app.contact.notes"} <= on - off
    names = ("app.staff", "argon2", "flask_login", "flask_principal", "flask_security", "passlib",
             "qrcode", "webauthn", "app.contact.notes", "app.contact.search_index")  # fmt: skip
    assert not [name for name in off if name.startswith(names)]


def test_a_post_from_elsewhere_changes_nothing(site: Console) -> None:
    reference, staff = site.receive(), site.staff()
    seen = re.search(r'name="seen" value="(\w+)"', staff.get(f"/staff/inquiries/{reference}").text)
    assert seen
    path = f"/staff/inquiries/{reference}/answered"
    other = site.staff(email="other@clinic.example")
    for token in ("", "x", other.token()):
        answer = staff.client.post(path, data={"seen": seen[1], "csrf_token": token})
        assert answer.status_code == 400
        assert "Nothing was changed" in answer.text
    assert site.inquiry(reference).answered_at is None
    for endpoint, method, address in routes(site.app):
        if method == "POST" and endpoint not in REMOVED:
            assert staff.client.post(address).status_code == 400, address


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 400),
        ({"Sec-Fetch-Site": "cross-site"}, 400),
        ({"Origin": "http://localhost"}, 200),
        ({"Origin": "https://evil.example"}, 400),
        ({"Origin": "http://localhost:1"}, 400),
    ],
)
def test_a_post_from_a_page_of_another_origin_is_refused(
    site: Console, headers: dict[str, str], status: int
) -> None:
    staff = Staff(site.app)
    fields = {"csrf_token": staff.token("/staff/sign-in"), "email": "a@b.example", "password": "x"}
    assert staff.client.post("/staff/sign-in", data=fields, headers=headers).status_code == status


@pytest.mark.parametrize("page", ["/staff/sign-in", "/staff/welcome/x"])
def test_no_other_site_can_frame_the_console(site: Console, page: str) -> None:
    headers = site.app.test_client().get(page).headers
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Robots-Tag"] == "noindex"


def test_the_session_before_signing_in_is_worth_nothing_afterwards(site: Console) -> None:
    """A cookie that an attacker has planted does not become a session."""
    path = site.invite(EMAILS["desk"])
    victim = Staff(site.app)
    victim.get("/staff/sign-in")
    planted = victim.cookie
    assert victim.post(path, path).status_code == 303
    assert victim.cookie != planted
    attacker = Staff(site.app)
    attacker.client.set_cookie("frontdesk_staff", planted, path="/staff/")
    assert attacker.get("/staff/account").location.startswith("/staff/sign-in?next=")


def test_a_changed_cookie_is_no_session(site: Console) -> None:
    staff = site.staff()
    head, _, signature = staff.cookie.rpartition(".")
    for cookie in (f"{head}.{signature[::-1]}", head, "x", ""):
        staff.client.set_cookie("frontdesk_staff", cookie, path="/staff/")
        assert staff.get("/staff/").status_code == 303


TARGETS = (
    "https://evil.example/", "//evil.example/", "///evil.example", r"\\evil.example",
    r"/\evil.example", "http:evil.example", "javascript:alert(1)", "https:///evil.example",
    "\t//evil.example",
)  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
def test_signing_in_never_leads_to_another_site(site: Console, target: str) -> None:
    from tests.staff.test_accounts import Owner

    owner, path = Owner(site.app), site.invite(EMAILS["desk"])
    owner.post(path, path)
    owner.set_password()
    owner.sign_out()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=1)):
        leads_to = [owner.sign_in(next_=target).location or ""]
        code_page = f"/staff/sign-in/code?next={target}"
        leads_to.append(owner.post(code_page, "/staff/sign-in/code", code=owner.code()).location)
    base = "http://localhost/staff/sign-in/code"
    assert {urlsplit(urljoin(base, address)).netloc for address in leads_to} == {"localhost"}


def test_json_and_tokens_do_not_open_another_way_in(site: Console) -> None:
    staff = site.staff()
    answer = staff.client.get("/staff/account", headers={"Accept": "application/json"})
    assert answer.mimetype == "text/html"
    with site.app.test_request_context():
        from app.staff.sign_in import datastore

        user = datastore().find_user(email=EMAILS["desk"])
        assert user
        token = str(user.get_auth_token())
    stranger = Staff(site.app)
    for more in (
        {"headers": {"Authentication-Token": token}},
        {"query_string": {"auth_token": token}},
    ):
        assert stranger.get("/staff/", **more).status_code == 303
