"""Several hosts over one PostgreSQL and one Redis: web servers and mailers with instance
folders and clocks of their own, and a host that dies.
"""

import itertools
import random
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx
import psutil

from app.clinic import load_clinic
from app.scheduler import ScheduledJob
from config import ROOT
from tests.faults.clients import new_inquiry, submit
from tests.faults.database_faults import more
from tests.faults.fault_plan import VARIABLE
from tests.faults.process_faults import senders
from tests.faults.registry import POSTGRES, SCENARIOS, Scenario
from tests.faults.site_under_test import GUNICORN, MAILER, NotInTimeError, SiteUnderTest, wait_until
from tests.support.redis import redis_running
from tests.support.site import free_port
from tests.support.webhook_receiver import Receiver

HOUR = 3600.0
LIMIT = 10  # posts a minute from one address
NOTE = "clocks two hours apart; limits in Redis; one digest, one alert; the site goes on"


@dataclass
class Host:
    """One machine of the site: ``name`` is its instance folder, ``shift`` how many seconds
    its clock is off.
    """

    site: SiteUnderTest
    name: str
    shift: float
    env: dict[str, str]
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self) -> "subprocess.Popen[bytes]":
        return self._launch(*GUNICORN)

    def mail(self) -> "subprocess.Popen[bytes]":
        return self._launch(*MAILER, f"mailer-of-{self.name}")

    def answers(self) -> bool:
        return self.site.answers(self.port)

    def die(self) -> int:
        """All at once, as when the power goes; how many processes there were."""
        mine = [one for one in self.site.processes() if self._is_mine(one)]
        for one in mine:
            with suppress(psutil.Error):
                one.send_signal(signal.SIGKILL)
        psutil.wait_procs(mine, 10)
        return len(mine)

    def _launch(self, *command: str) -> "subprocess.Popen[bytes]":
        self._folder.mkdir(exist_ok=True)
        if not (self._folder / "cache").exists():
            (self._folder / "cache").symlink_to(self.site.cache)
        clock = self._folder / "shift"
        clock.write_text(str(self.shift))
        plan = replace(self.site.plan, shift=str(clock))
        mine = {"INSTANCE_DIR": str(self._folder), "PORT": str(self.port)}
        return self.site.launch(*command, **{VARIABLE: plan.to_json()}, **self.env, **mine)

    @property
    def _folder(self) -> Path:
        return self.site.folder / self.name

    def _is_mine(self, process: psutil.Process) -> bool:
        try:
            return bool(process.environ().get("INSTANCE_DIR") == str(self._folder))
        except psutil.Error:
            return False


def several_hosts(site: SiteUnderTest, deaths: int) -> None:
    receiver = Receiver()
    site.at_end.callback(receiver.close)
    env = {
        "RATELIMIT_ENABLED": "true",
        "RATELIMIT_STORAGE_URI": site.at_end.enter_context(redis_running()),
        "TRUSTED_PROXIES": "1",
        "WEB_CONCURRENCY": "1",
        "ALERT_WEBHOOK_URL": receiver.url,
        "CLINIC_DIR": str(_clinic_with_digest_due(site)),
    }
    hosts = [Host(site, "one", HOUR, env), Host(site, "two", -HOUR, env)]
    third = Host(site, "three", 0.0, env)  # mails only
    for host in hosts:
        host.serve()
    for host in (*hosts, third):
        host.mail()
    wait_until(lambda: all(host.answers() for host in hosts), 90, "both hosts answer")
    _limits_are_shared(hosts)
    wait_until(lambda: _digests(site), 60, "the digest")  # before mail is refused
    _an_undelivered_mail_is_told(site, hosts[1], receiver)
    with site.load(url=lambda: random.choice(hosts).url, clients=6) as load:
        wait_until(lambda: senders(site) == 3, 60, "all three mailers send")
        for host in itertools.islice(itertools.cycle(hosts), deaths):
            more(load, 20)
            site.injected += host.die() > 1
            more(load, 20)
            if deaths > 1:
                _come_back(host)
    site.dup_allowed = deaths  # its mailer may have been between the dot and the commit
    site.drain()
    _one_of_each(site, receiver)


def _come_back(host: Host) -> None:
    host.serve()
    host.mail()
    wait_until(host.answers, 60, "the host is back")


def _clinic_with_digest_due(site: SiteUnderTest) -> Path:
    """The demo clinic, with a digest whose time has come whenever this runs."""
    folder = site.folder / "clinic"
    folder.mkdir()
    for one in (ROOT / "clinic").iterdir():
        (folder / one.name).symlink_to(one)
    told = (folder / "clinic.toml").read_text()
    (folder / "clinic.toml").unlink()
    (folder / "clinic.toml").write_text(told.replace("\nat = 07:30:00", "\nat = 00:00:00"))
    digest = load_clinic(folder).digest
    assert digest
    assert digest.at.hour == 0
    with site.database.session() as session:
        yesterday = site.database.now(session) - timedelta(days=2)
        session.add(ScheduledJob(name="digest", started_at=yesterday))
    return folder


def _limits_are_shared(hosts: list[Host]) -> None:
    """One visitor who writes to both in turn is counted once."""
    ask = partial(httpx.post, trust_env=False, json={}, timeout=30)
    visitor = {"X-Forwarded-For": "198.51.100.7"}
    told = [
        ask(f"{hosts[n % 2].url}/api/v1/inquiries", headers=visitor).status_code
        for n in range(LIMIT + 4)
    ]
    assert told == [422] * LIMIT + [429] * 4, told


def _an_undelivered_mail_is_told(site: SiteUnderTest, host: Host, receiver: Receiver) -> None:
    site.relay.script = {"rcpt": "550 no such mailbox"}
    refused = new_inquiry()
    submit(host.url, refused)
    site.sent.append(refused)
    wait_until(lambda: _firing(receiver), 60, "an alert")
    site.relay.script = {}


def _firing(receiver: Receiver) -> list[str]:
    told = [body for body in receiver.bodies if body and body["status"] == "firing"]
    return [one["event"] for one in told]


def _digests(site: SiteUnderTest) -> list[str]:
    subjects = [str(one.message["Subject"]) for one in tuple(site.relay.received)]
    return [subject for subject in subjects if "Daily digest" in subject]


def _one_of_each(site: SiteUnderTest, receiver: Receiver) -> None:
    digests = _digests(site)
    if len(digests) != 1 or _firing(receiver) != ["dead"]:
        raise NotInTimeError(f"one digest and one alert: {digests}, {_firing(receiver)}")


SCENARIOS += [
    Scenario(
        "two hosts, three mailers: a host dies",
        partial(several_hosts, deaths=1),
        on=(POSTGRES,),
        short=True,
        note=NOTE,
    ),
    Scenario(
        "two hosts, three mailers: each dies twice",
        partial(several_hosts, deaths=4),
        on=(POSTGRES,),
        note=NOTE,
    ),
]
