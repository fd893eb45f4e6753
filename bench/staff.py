"""Server time of the staff console with 100,000 inquiries, and the memory that it costs."""

import re
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import islice, product
from pathlib import Path
from statistics import median
from time import perf_counter
from uuid import UUID, uuid4

import psutil
import sqlalchemy as sa
from flask.testing import FlaskClient

from app import create_app
from app.contact.models import ALPHABET, Inquiry, InquiryData
from app.contact.search_index import InquirySearchKey
from app.database import Database
from app.services import get_services
from app.staff.models import StaffUser
from bench.databases import DATABASES, temporary_database
from bench.markdown import table
from bench.profiles import Profile
from bench.servers import frontdesk
from tests.support.settings import settings_for

INQUIRIES = 100_000
ANSWERED, QUARANTINED = 0.48, 0.02  # of them; the others are open
REQUESTS = 60
BATCH = 5_000
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
HEAD = ("screen", "database", "p50 ms", "p99 ms")


def report(_profile: Profile) -> str:
    rows = [[screen, name, *times] for name in DATABASES for screen, times in measure(name).items()]
    off, on = (worker_memory(console) for console in ("off", "on"))
    memory = f"A web worker: {off:.0f} MB (PSS) without the console, {on:.0f} MB with it.\n"
    return f"{INQUIRIES:,} inquiries.\n\n{table(HEAD, rows)}\n{memory}"


def measure(name: str) -> dict[str, list[str]]:
    """The times of each screen on one database."""
    with (
        temporary_database(name) as (server, folder),
        signed_in(server.create(folder), folder) as (client, database),
    ):
        references = add_inquiries(database)
        return {screen: _times(request) for screen, request in _screens(client, references)}


def _screens(
    client: FlaskClient, references: list[str]
) -> Iterator[tuple[str, Callable[[], object]]]:
    def get(path: str) -> Callable[[], object]:
        return lambda: client.get(path)

    def search(text: Callable[[int], str]) -> Callable[[], object]:
        numbers = iter(range(0, INQUIRIES, INQUIRIES // (2 * REQUESTS)))
        token = _token(client, "/staff/")
        return lambda: client.post(
            "/staff/search", data={"csrf_token": token, "search": text(next(numbers))}
        )

    yield "inbox, open", get("/staff/")
    yield "inbox, answered", get("/staff/answered")
    yield "inbox, quarantined", get("/staff/quarantined")
    yield "inbox, one topic and location", get("/staff/?topic=directions&location=hill")
    yield "search by email address", search(lambda number: f"visitor{number}@example.com")
    yield "search by phone number", search(_phone)
    yield "search by reference", search(lambda number: references[number])
    yield "one inquiry", get(f"/staff/inquiries/{references[0]}")


def _times(request: Callable[[], object]) -> list[str]:
    times = []
    for _ in range(REQUESTS):
        started = perf_counter()
        request()
        times.append((perf_counter() - started) * 1000)
    times = sorted(times[3:])  # the first fill the caches
    return [f"{median(times):.0f}", f"{times[-1]:.0f}"]


@contextmanager
def signed_in(url: str, folder: Path) -> Iterator[tuple[FlaskClient, Database]]:
    """A manager who has accepted an invitation."""
    app = create_app(settings_for(folder, DATABASE_URL=url, STAFF_CONSOLE="on"))
    database, client = get_services(app).database, app.test_client()
    invitation = ["staff", "invite", "bench@clinic.example", "--role", "manager"]
    path = "/staff/" + app.test_cli_runner().invoke(args=invitation).output.partition("/staff/")[2]
    client.post(path.strip(), data={"csrf_token": _token(client, path.strip())})
    with database.session() as session:
        session.execute(sa.update(StaffUser).values(password="x", tf_totp_secret="x"))
    try:
        yield client, database
    finally:
        database.engine.dispose()


def _token(client: FlaskClient, path: str) -> str:
    match = TOKEN.search(client.get(path).text)
    assert match
    return match[1]


def add_inquiries(database: Database) -> list[str]:
    """Add inquiries of the last 90 days with their search keys. Returns their references."""
    names = product(ALPHABET, repeat=4)
    references = [f"{a}{b}{c}-{d}BB" for a, b, c, d in islice(names, INQUIRIES)]
    content = database.keys.encrypt(_content(0).to_json())  # the same text: only its size counts
    with database.read_session() as session:
        now = database.now(session)
    for start in range(0, INQUIRIES, BATCH):
        inquiries, keys = [], []
        for number in range(start, start + BATCH):
            key = uuid4()
            inquiries.append(_inquiry(number, key, references[number], content, now))
            keys += _keys(database, key, number)
        with database.session() as session:
            session.execute(sa.insert(Inquiry), inquiries)
            session.execute(sa.insert(InquirySearchKey), keys)
    _analyze(database)
    return references


def _inquiry(
    number: int, key: UUID, reference: str, content: bytes, now: datetime
) -> dict[str, object]:
    share = number / INQUIRIES
    created_at = now - timedelta(days=90 * (1 - share))
    quarantined = number % round(1 / QUARANTINED) == 0
    return {
        "id": key,
        "reference": reference,
        "content_digest": b"",
        "encrypted_content": content,
        "state": "quarantined" if quarantined else "received",
        "topic": ("general", "appointments", "billing", "directions")[number % 4],
        "location": ("quay", "hill")[number % 2],
        "created_at": created_at,
        "answered_at": created_at if share < ANSWERED and not quarantined else None,
        "answered_by": "bench" if share < ANSWERED and not quarantined else None,
    }


def _keys(database: Database, key: UUID, number: int) -> list[dict[str, object]]:
    newest = database.keys.fingerprints[0]
    return [
        {
            "inquiry_id": key,
            "digest": database.keys.search_digests(term)[newest],
            "key_fingerprint": newest,
        }
        for term in (f"email:visitor{number}@example.com", f"phone:{_phone(number)}")
    ]


def _phone(number: int) -> str:
    return f"+1212{2_000_000 + number:07}"


def _content(number: int) -> InquiryData:
    return InquiryData(
        name="Ada Example",
        email=f"visitor{number}@example.com",
        phone=_phone(number),
        phone_e164=_phone(number),
        reply_by="phone",
        voicemail_ok=True,
        best_time="weekday mornings",
        topic="billing",
        location="quay",
        message="I would like to know what a first visit costs, and how I can pay. " * 8,
    )


def _analyze(database: Database) -> None:
    """PostgreSQL runs this by itself over time."""
    if database.engine.dialect.name == "postgresql":
        with database.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(
                "VACUUM ANALYZE"
            )


def worker_memory(console: str) -> float:
    """MB of a web worker that has shown its pages."""
    with (
        tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as folder,
        frontdesk(Path(folder), MAIL_PORT="9", STAFF_CONSOLE=console) as server,
    ):
        for path in ("", "contact", "location", *(["staff/sign-in"] if console == "on" else [])):
            for _ in range(20):
                urllib.request.urlopen(server.url + path).close()
        workers = psutil.Process(server.process.pid).children()
        return float(max(worker.memory_full_info().pss for worker in workers)) / 1e6
