"""Several hosts that share one PostgreSQL and one Redis, and a host that dies.

Each host has its own web server, mailer, instance folder and clock.
"""

import itertools
import random
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx
import psutil

from app.scheduler import ScheduledJob
from config import ROOT
from tests.faults.clients import new_inquiry, submit
from tests.faults.database_faults import wait_for_more
from tests.faults.fault_plan import VARIABLE
from tests.faults.process_faults import active_mailers
from tests.faults.registry import POSTGRES, SCENARIOS, Scenario
from tests.faults.site_under_test import GUNICORN, MAILER, NotInTimeError, SiteUnderTest, wait_until
from tests.support.redis import redis_running
from tests.support.site import free_port
from tests.support.webhook_receiver import Receiver

HOUR = 3600.0
LIMIT = 10  # posts per minute from one address
NOTE = "clocks two hours apart, rate limits in Redis; one digest, one alert, no outage"


@dataclass
class Host:
    """One host. ``name``: its instance folder. ``clock_offset``: seconds its clock is off."""

    site: SiteUnderTest
    name: str
    clock_offset: float
    env: dict[str, str]
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start_web(self) -> "subprocess.Popen[bytes]":
        return self._launch(*GUNICORN)

    def start_mailer(self) -> "subprocess.Popen[bytes]":
        return self._launch(*MAILER, f"mailer-{self.name}")

    def responds(self) -> bool:
        return self.site.responds(self.port)

    def kill(self) -> int:
        """Kill all processes, as in a power cut. Returns their number."""
        processes = [process for process in self.site.processes() if self._is_ours(process)]
        for process in processes:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(processes, 10)
        return len(processes)

    def _launch(self, *command: str) -> "subprocess.Popen[bytes]":
        self._folder.mkdir(exist_ok=True)
        if not (self._folder / "cache").exists():
            (self._folder / "cache").symlink_to(self.site.cache)
        clock_offset = self._folder / "clock-offset"
        clock_offset.write_text(str(self.clock_offset))
        plan = replace(self.site.plan, clock_offset=str(clock_offset))
        own = {"INSTANCE_DIR": str(self._folder), "PORT": str(self.port)}
        return self.site.launch(*command, **{VARIABLE: plan.to_json()}, **self.env, **own)

    @property
    def _folder(self) -> Path:
        return self.site.folder / self.name

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return bool(process.environ().get("INSTANCE_DIR") == str(self._folder))
        except psutil.Error:
            return False


def several_hosts(site: SiteUnderTest, kills: int) -> None:
    receiver = Receiver()
    site.at_end.callback(receiver.close)
    env = {
        "RATELIMIT_ENABLED": "true",
        "RATELIMIT_STORAGE_URI": site.at_end.enter_context(redis_running()),
        "TRUSTED_PROXIES": "1",
        "WEB_CONCURRENCY": "1",
        "ALERT_URLS": receiver.alert_url,
    }
    _make_digest_due(site)
    hosts = [Host(site, "one", HOUR, env), Host(site, "two", -HOUR, env)]
    third = Host(site, "three", 0.0, env)  # runs a mailer only
    for host in hosts:
        host.start_web()
    for host in (*hosts, third):
        host.start_mailer()
    wait_until(lambda: all(host.responds() for host in hosts), 90, "both hosts respond")
    _check_shared_limits(hosts)
    wait_until(lambda: _digests(site), 60, "the digest")  # before messages are rejected
    _check_alert(site, hosts[1], receiver)
    with site.load(url=lambda: random.choice(hosts).url, clients=6) as load:
        wait_until(lambda: active_mailers(site) == 3, 60, "all three mailers have delivered")
        for host in itertools.islice(itertools.cycle(hosts), kills):
            wait_for_more(load, 20)
            site.injected += host.kill() > 1
            wait_for_more(load, 20)
            if kills > 1:
                _restart(host)
    site.duplicates_allowed = kills  # its mailer may have sent a message that it did not record
    site.drain()
    _check_one_digest_and_alert(site, receiver)


def _restart(host: Host) -> None:
    host.start_web()
    host.start_mailer()
    wait_until(host.responds, 60, "the host responds again")


def _make_digest_due(site: SiteUnderTest) -> None:
    """Let a digest be due at any time of the day."""
    at, at_midnight = "\nat = 07:30:00", "\nat = 00:00:00"
    assert at in (ROOT / "clinic" / "clinic.toml").read_text()
    site.change_clinic(lambda toml: toml.replace(at, at_midnight))
    with site.database.session() as session:
        last_run = site.database.now(session) - timedelta(days=2)
        session.add(ScheduledJob(name="digest", started_at=last_run))


def _check_shared_limits(hosts: list[Host]) -> None:
    """The posts of a visitor count together, whichever host receives them."""
    post = partial(httpx.post, trust_env=False, json={}, timeout=30)
    visitor = {"X-Forwarded-For": "198.51.100.7"}
    statuses = [
        post(f"{hosts[n % 2].url}/api/v1/inquiries", headers=visitor).status_code
        for n in range(LIMIT + 4)
    ]
    assert statuses == [422] * LIMIT + [429] * 4, statuses


def _check_alert(site: SiteUnderTest, host: Host, receiver: Receiver) -> None:
    site.relay.script = {"rcpt": "550 no such mailbox"}
    rejected = new_inquiry()
    submit(host.url, rejected)
    site.submissions.append(rejected)
    wait_until(lambda: _firing_alerts(receiver), 60, "an alert")
    site.relay.script = {}


def _firing_alerts(receiver: Receiver) -> list[str]:
    """Without those about the website: a host that only runs a mailer has none."""
    firing = [event for event, status, _ in receiver.reports if status == "firing"]
    return [event for event in firing if event != "website_down"]


def _digests(site: SiteUnderTest) -> list[str]:
    subjects = [str(received.message["Subject"]) for received in tuple(site.relay.received)]
    return [subject for subject in subjects if "Daily summary" in subject]


def _check_one_digest_and_alert(site: SiteUnderTest, receiver: Receiver) -> None:
    digests = _digests(site)
    if len(digests) != 1 or _firing_alerts(receiver) != ["undelivered"]:
        raise NotInTimeError(f"one digest and one alert: {digests}, {_firing_alerts(receiver)}")


SCENARIOS += [
    Scenario(
        "two hosts, three mailers: one host dies",
        partial(several_hosts, kills=1),
        on=(POSTGRES,),
        short=(POSTGRES,),
        note=NOTE,
    ),
    Scenario(
        "two hosts, three mailers: each dies twice",
        partial(several_hosts, kills=4),
        on=(POSTGRES,),
        note=NOTE,
    ),
]
