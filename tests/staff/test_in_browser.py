"""The console in Chromium: by keyboard alone with a passkey, axe on every screen, and its size.

The key is Chromium's virtual authenticator. It presses no button and types no name by script.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import brotli
import httpx
import pytest
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect

from tests.browser.test_axe import ALL_BUT_COLORS, EVERYTHING, ONLY_COLORS, violations
from tests.browser.test_keyboard import tab_to
from tests.contact.conftest import GOOD
from tests.staff.conftest import LINK
from tests.support.site import Site, flask, running_site

KEY = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
MAX_BYTES = 30_000  # of a page, not compressed


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with the console, as `make run` starts it."""
    with running_site(tmp_path_factory.mktemp("desk") / "instance") as site:
        yield site


@pytest.fixture
def open_console(open_page: Callable[..., Page], desk: Site) -> Callable[..., Page]:
    """Open a page of the console at a name, because passkeys do not work at an IP address."""
    address = desk.url.replace("127.0.0.1", "localhost")
    return lambda **options: open_page(base_url=address, **options)


def invite(site: Site, email: str, role: str = "manager") -> str:
    """Returns the path of the invitation."""
    match = LINK.search(flask(site, "staff", "invite", email, "--role", role))
    assert match
    return match[0]


def send(site: Site, **changed: str) -> str:
    """Send an inquiry. Returns its reference."""
    response = httpx.post(f"{site.url}/contact", data={**GOOD, **changed}, trust_env=False)
    assert response.status_code == 303
    return response.headers["Location"].rpartition("/")[2]


def add_key(page: Page) -> None:
    """Give the browser a passkey device."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})


def press(page: Page, name: str) -> None:
    """Go to a button or link, press Enter, and wait for the next page."""
    tab_to(page, name)
    enter(page)


def enter(page: Page) -> None:
    with page.expect_navigation():
        page.keyboard.press("Enter")


def accept(page: Page, path: str) -> None:
    """Accept an invitation and create a passkey, by keyboard. Leads to the inbox."""
    page.goto(path)
    press(page, "Start")
    expect(page.get_by_role("heading", level=1)).to_have_text("Choose how to sign in")
    tab_to(page, "Name of this device")
    page.keyboard.type("Front desk computer")
    enter(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Inbox")
    expect(page.get_by_role("status")).to_contain_text("sign in with the passkey")


def sign_in(page: Page) -> None:
    press(page, "Sign in with a passkey")
    expect(page.get_by_role("heading", level=1)).to_have_text("Inbox")


def test_from_the_invitation_to_signing_out_by_keyboard(
    open_console: Callable[..., Page], desk: Site
) -> None:
    reference = send(desk, honeypot="x", message="A person who was taken for a robot")
    page = open_console(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    add_key(page)
    accept(page, invite(desk, "maria@clinic.example"))
    press(page, "Sign out")
    sign_in(page)
    press(page, "Quarantined\n1")
    press(page, reference)
    expect(page.get_by_text("A person who was taken for a robot")).to_be_visible()
    press(page, "Release")
    expect(page.get_by_role("status")).to_have_text(f"{reference}: released.")
    press(page, "Take")
    expect(page.get_by_text("With you since")).to_be_visible()
    tab_to(page, "Add a note")
    page.keyboard.type("Called back.")
    press(page, "Save note")
    expect(page.locator(".note")).to_contain_text("Called back.")
    press(page, "Mark as answered")
    expect(page.get_by_role("status")).to_have_text(f"{reference}: marked as answered.")
    tab_to(page, "Find an inquiry")
    page.keyboard.type(GOOD["email"])
    enter(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Billing")
    press(page, "Erase…")
    tab_to(page, f"Type {reference} to erase it")
    page.keyboard.type(reference)
    enter(page)
    expect(page.get_by_role("status")).to_have_text(f"{reference} is erased.")
    expect(page.get_by_text("A person who was taken for a robot")).to_have_count(0)
    press(page, "Sign out")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.goto(f"/staff/inquiries/{reference}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    sign_in_again_leads_back(page, reference)


def sign_in_again_leads_back(page: Page, reference: str) -> None:
    press(page, "Sign in with a passkey")
    expect(page).to_have_url(re.compile(f"/staff/inquiries/{reference}$"))


def test_two_clicks_find_and_close_an_inquiry(
    open_console: Callable[..., Page], desk: Site
) -> None:
    reference = send(desk, message="Do you validate parking?")
    page = open_console()
    add_key(page)
    accept(page, invite(desk, "click@clinic.example", "desk"))
    page.goto("/staff/")
    page.get_by_role("link", name=reference).click()
    page.get_by_role("button", name="Mark as answered").click()
    expect(page.get_by_role("status")).to_have_text(f"{reference}: marked as answered.")


def test_a_canceled_passkey_can_be_tried_again(
    open_console: Callable[..., Page], desk: Site
) -> None:
    page = open_console()
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {**KEY, "isUserVerified": False}
    key = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    page.goto(invite(desk, "clumsy@clinic.example"))
    page.get_by_role("button", name="Start").click()
    page.get_by_label("Name of this device").fill("Phone")
    page.get_by_role("button", name="Create a passkey").click()
    expect(page.get_by_text("That did not work, or it was canceled.")).to_be_visible()
    verified = {"authenticatorId": key["authenticatorId"], "isUserVerified": True}
    session.send("WebAuthn.setUserVerified", verified)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("status")).to_contain_text("sign in with the passkey “Phone”")


def test_without_javascript_everything_but_passkeys_works(
    open_console: Callable[..., Page], desk: Site
) -> None:
    from passlib.totp import TOTP

    page = open_console(java_script_enabled=False)
    page.goto(invite(desk, "noscript@clinic.example"))
    page.get_by_role("button", name="Start").click()
    page.get_by_label("Name of this device").fill("Phone")
    page.get_by_role("button", name="Create a passkey").click()
    expect(page.get_by_text("Passkeys need JavaScript")).to_be_visible()
    page.goto("/staff/account/password")
    key = page.locator(".key").inner_text()
    page.get_by_label("1. Choose a password").fill("correct horse battery staple")
    page.get_by_label("3. Enter the six digits").fill(str(TOTP(key=key).generate().token))
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Get recovery codes").click()
    expect(page.locator(".codes li")).to_have_count(8)
    reference = send(desk, message="Is there a bus stop nearby?")
    page.goto("/staff/")
    page.get_by_role("link", name=reference).click()
    page.get_by_label("Add a note").fill("Without scripts")
    page.get_by_role("button", name="Save note").click()
    page.get_by_role("button", name="Mark as answered").click()
    expect(page.get_by_role("status")).to_contain_text("marked as answered")


SCREENS = (
    "/staff/", "/staff/quarantined", "/staff/problems", "/staff/answered", "/staff/?topic=general",
    "/staff/inquiries/{}", "/staff/inquiries/{}/erase", "/staff/notices", "/staff/audit-log",
    "/staff/export", "/staff/accounts", "/staff/account", "/staff/account/password",
    "/staff/account/recovery-codes", "/staff/none",
)  # fmt: skip
SIGNED_OUT_SCREENS = (
    "/staff/sign-in", "/staff/sign-in/passkey", "/staff/welcome/x"
)  # fmt: skip


@pytest.mark.parametrize(("width", "options"), [(320, EVERYTHING), (1280, ALL_BUT_COLORS)])
def test_axe_finds_no_violations(
    open_console: Callable[..., Page], desk: Site, width: int, options: dict[str, Any]
) -> None:
    page = open_console(viewport={"width": width, "height": 900})
    add_key(page)
    found = [problem for path in SIGNED_OUT_SCREENS for problem in check(page, path, options)]
    accept(page, invite(desk, f"axe{width}@clinic.example"))
    urgent = send(desk, message="I want to kill myself", reply_by="phone", phone="212-555-0142")
    send(desk, honeypot="x", message=f"Spam to look at {width}")
    page.goto(f"/staff/inquiries/{urgent}")
    page.get_by_label("Add a note").fill("A note")
    page.get_by_role("button", name="Save note").click()
    for path in SCREENS:
        found += check(page, path.format(urgent), options)
    assert not found, "\n".join(found)


def check(page: Page, path: str, options: dict[str, Any]) -> list[str]:
    """The violations on a page, also in dark mode, and whether it scrolls sideways."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.goto(path)
    page.evaluate("document.querySelectorAll('details').forEach(item => { item.open = true; })")
    page.evaluate(AXE_SCRIPT)
    found = [f"{path} light: {problem}" for problem in violations(page, options)]
    page.emulate_media(color_scheme="dark")
    found += [f"{path} dark: {problem}" for problem in violations(page, ONLY_COLORS)]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append(f"{path}: scrolls sideways")
    size = len(page.content().encode())
    return found + ([f"{path}: {size} bytes"] if size > MAX_BYTES else [])


def test_email_addresses_fit_on_one_line_of_a_phone(
    open_console: Callable[..., Page], desk: Site
) -> None:
    page, email = open_console(viewport={"width": 360, "height": 780}), "boss@phone.clinic.example"
    add_key(page)
    accept(page, invite(desk, email))
    page.goto("/staff/accounts")
    box = page.get_by_role("rowheader", name=email).bounding_box()
    assert box
    assert box["height"] < 30, "one line"


def test_text_below_a_button_does_not_touch_it(open_console: Callable[..., Page]) -> None:
    page = open_console()
    page.goto("/staff/sign-in")
    page.get_by_text("Use a password and a code").click()
    button = page.get_by_role("button", name="Continue").bounding_box()
    text = page.get_by_text("You cannot sign in?").bounding_box()
    assert button
    assert text
    assert text["y"] - button["y"] - button["height"] > 10


def test_the_script_is_small() -> None:
    script = (Path(__file__).parents[2] / "app" / "staff" / "console.js").read_bytes()
    assert len(brotli.compress(script)) < 2_000
