"""Staff use the console while the database restarts."""

import re

import httpx
import sqlalchemy as sa

from app.contact.models import Inquiry
from app.maintenance.audit_log import AuditEvent
from app.staff.models import StaffUser
from tests.faults.database_servers import Postgres
from tests.faults.registry import POSTGRES, scenario
from tests.faults.site_under_test import SiteUnderTest, wait_until

EMAIL = "desk@clinic.example"
FIELD = r'name="{}" value="([^"]+)"'
RESTARTS = 3


class Clerk:
    """Opens inquiries and marks them as answered. Remembers what the console has confirmed."""

    def __init__(self, site: SiteUnderTest) -> None:
        # Its own address keeps the cookie of a development site.
        self._http = httpx.Client(
            base_url=f"http://127.0.0.1:{site.port}",
            timeout=40,
            trust_env=False,
            follow_redirects=True,
        )
        self.opened = 0
        self.answered: set[str] = set()
        self.statuses: list[int] = []

    def accept(self, path: str) -> None:
        token = _field(self._http.get(path).text, "csrf_token")
        self._http.post(path, data={"csrf_token": token})

    def answer(self, reference: str) -> None:
        """Open an inquiry and mark it as answered."""
        path = f"/staff/inquiries/{reference}"
        page = self._http.get(path)
        self.statuses.append(page.status_code)
        if page.status_code != 200:
            return
        self.opened += 1
        fields = {name: _field(page.text, name) for name in ("csrf_token", "seen")}
        done = self._http.post(f"{path}/answered", data=fields)
        self.statuses.append(done.status_code)
        if f"{reference}: marked as answered." in done.text:
            self.answered.add(reference)


def _field(page: str, name: str) -> str:
    match = re.search(FIELD.format(name), page)
    return match[1] if match else ""


@scenario(
    "staff console used while the database restarts",
    on=(POSTGRES,),
    note="what the console has confirmed is stored, and every page that was shown is in the"
    " audit log",
)
def restarts(site: SiteUnderTest) -> None:
    server = site.server
    assert isinstance(server, Postgres)
    site.env = {"STAFF_CONSOLE": "on"}
    site.start()
    clerk = Clerk(site)
    invitation = site.flask("staff", "invite", EMAIL, "--role", "desk")
    clerk.accept("/staff/" + invitation.partition("/staff/")[2].strip())
    with site.database.session() as session:
        session.execute(sa.update(StaffUser).values(password="x", tf_totp_secret="x"))
    with site.load() as load:
        for _ in range(RESTARTS):
            goal = load.acknowledged + 12
            wait_until(lambda: load.acknowledged >= goal, 60, "12 more inquiries")  # noqa: B023
            references = _references(site)
            clerk.answer(references[0])
            server.stop_immediately()
            try:
                clerk.answer(references[1])
            finally:
                server.start()
            for reference in references[2:6]:
                clerk.answer(reference)
            site.injected += 1
    _check(site, clerk)


def _references(site: SiteUnderTest) -> list[str]:
    """The references of inquiries that nobody has answered."""
    with site.database.read_session() as session:
        query = sa.select(Inquiry.reference).where(Inquiry.answered_at.is_(None))
        return list(session.scalars(query.limit(6)))


def _check(site: SiteUnderTest, clerk: Clerk) -> None:
    assert set(clerk.statuses) == {200, 503}, clerk.statuses
    assert len(clerk.answered) >= 2 * RESTARTS
    with site.database.read_session() as session:
        stored = session.scalars(sa.select(Inquiry.reference).where(Inquiry.answered_by == EMAIL))
        assert clerk.answered <= set(stored), "a confirmed answer is missing"
        opened = sa.select(sa.func.count()).where(AuditEvent.action == "opened")
        assert (session.scalar(opened) or 0) >= clerk.opened, "a page without its audit row"
