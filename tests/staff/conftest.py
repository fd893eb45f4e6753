"""A site with the staff console on, its staff, and visitors who send inquiries."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.contact.models import Inquiry
from app.maintenance.audit_log import AuditEvent
from app.staff.models import StaffUser
from tests.cli.test_commands import Desk
from tests.web.html_lint import LintingClient

CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')
LINK = re.compile(r"/staff/welcome/[\w-]+")
EMAILS = {"desk": "maria@clinic.example", "manager": "boss@clinic.example"}


class Staff:
    """A browser of a member of staff. Pages are checked for valid HTML."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client: FlaskClient = LintingClient(app, app.response_class)

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(path, **more)

    def post(self, path: str, page: str = "/staff/account", **data: str) -> TestResponse:
        """Post a form with the token of ``page``."""
        return self.client.post(path, data={"csrf_token": self.token(page), **data})

    def token(self, page: str = "/staff/account") -> str:
        """The CSRF token of a page."""
        match = CSRF.search(self.client.get(page).text)
        return match[1] if match else ""

    def act(self, reference: str, action: str, **data: str) -> TestResponse:
        """Open the page of an inquiry and press a button."""
        page = self.get(f"/staff/inquiries/{reference}").text
        return self.press(page, reference, action, **data)

    def press(self, page: str, reference: str, action: str, **data: str) -> TestResponse:
        """Press a button on ``page``, which may have been opened earlier."""
        seen = re.search(r'name="seen" value="(\w+)"', page)
        token = CSRF.search(page)
        fields = {"seen": seen[1] if seen else "", "csrf_token": token[1] if token else "", **data}
        return self.client.post(f"/staff/inquiries/{reference}/{action}", data=fields)

    @property
    def cookie(self) -> str:
        cookie = self.client.get_cookie("frontdesk_staff", path="/staff/")
        return cookie.value if cookie else ""


class Console(Desk):
    """The site: what visitors, operators and staff do with it."""

    def invite(self, email: str, role: str = "desk") -> str:
        """Create an account. Returns the path of its invitation."""
        return self.link(self.says("staff", "invite", email, "--role", role))

    @staticmethod
    def link(output: str) -> str:
        match = LINK.search(output)
        assert match, output
        return match[0]

    def staff(self, role: str = "desk", email: str = "") -> Staff:
        """A member of staff who has just signed in, and has a way to sign in again."""
        email = email or EMAILS[role]
        staff = Staff(self.app)
        path = self.invite(email, role)
        assert staff.post(path, path).status_code == 303
        self.change_account(email, password="unusable", tf_totp_secret="unusable")
        return staff

    def change_account(self, email: str, **values: Any) -> None:
        with self.database.session() as session:
            session.execute(sa.update(StaffUser).where(StaffUser.email == email).values(**values))

    def account(self, email: str) -> StaffUser:
        with self.database.read_session() as session:
            return session.scalars(sa.select(StaffUser).where(StaffUser.email == email)).one()

    def receive(self, **changed: str) -> str:
        """Receive an inquiry. Returns its reference."""
        response = self.send(None, **changed)
        assert response.status_code == 303
        return response.headers["Location"].rpartition("/")[2]

    def inquiry(self, reference: str) -> Inquiry:
        return next(one for one in self.inquiries() if one.reference == reference)

    def events(self) -> list[tuple[str, str | None, str]]:
        """Action, reference and actor of the audit log, oldest first."""
        with self.database.read_session() as session:
            query = sa.select(AuditEvent.action, AuditEvent.reference, AuditEvent.actor)
            return [tuple(row) for row in session.execute(query.order_by(AuditEvent.id))]  # type: ignore[misc]


@pytest.fixture
def console(make_app: Callable[..., Flask], database_url: str) -> Console:
    """On SQLite and PostgreSQL."""
    return Console(make_app(DATABASE_URL=database_url, STAFF_CONSOLE="on"))


@pytest.fixture
def site(make_app: Callable[..., Flask]) -> Console:
    """On SQLite."""
    return Console(make_app(STAFF_CONSOLE="on"))
