"""The metrics of the dashboard and alert rules exist, and their thresholds match the site."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.diagnostics.database import MAX_BACKUP_AGE
from app.monitoring import health_rules
from app.outbox.heartbeat import HEARTBEAT_TIMEOUT
from config import ROOT
from tests.monitoring.test_metrics import as_numbers
from tests.support.site import METRICS_TOKEN, Site, eventually

ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
SCRAPE = ROOT / "deploy" / "prometheus" / "scrape.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboard.json"
UNPACKED = ROOT / "build" / "prometheus" / "usr" / "bin"
REQUESTS = 40


def promtool(*arguments: str) -> str:
    path = os.pathsep.join((os.environ.get("PATH", ""), str(UNPACKED)))
    program = shutil.which("promtool", path=path)
    assert program, "promtool is missing: run `make promtool`"
    result = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def scrape(server: Site) -> dict[str, float]:
    headers = {"Authorization": f"Bearer {METRICS_TOKEN}"}
    response = httpx.get(f"{server.url}/metrics", headers=headers, trust_env=False)
    assert response.status_code == 200
    return as_numbers(response.text)


def test_requests_of_all_workers_are_counted(server: Site) -> None:
    """Each request uses a new connection, so that both workers receive some."""
    metric = "frontdesk_http_requests_total{route=/evidence,status=200}"
    before = scrape(server).get(metric, 0)
    for _ in range(REQUESTS):
        httpx.get(f"{server.url}/evidence", trust_env=False)
    eventually(
        lambda: scrape(server).get(metric) == before + REQUESTS, what="all requests are counted"
    )
    assert len(list((server.instance / "metrics").glob("counter_*.db"))) > 1
    samples = scrape(server)
    assert (
        samples["frontdesk_http_request_duration_seconds_count{route=/evidence}"] == samples[metric]
    )


@pytest.mark.parametrize("file", [ALERTS, DASHBOARD], ids=lambda file: file.name)
def test_every_metric_in_use_exists(server: Site, file: Path) -> None:
    with sqlite3.connect(server.instance / "frontdesk.db") as database:
        row = ("backup", "2026-07-01 12:00:00.000000")
        database.execute(
            "INSERT OR REPLACE INTO scheduled_job (name, started_at) VALUES (?, ?)", row
        )
    database.close()
    scrape(server)  # this request itself is included in the next scrape
    available = {sample.partition("{")[0] for sample in scrape(server)}
    used = set(re.findall(r"frontdesk_[a-z_]+", _expressions(file)))
    assert len(used) > 8
    assert used - available == set()


def _expressions(file: Path) -> str:
    if file.suffix == ".json":
        panels = json.loads(file.read_text())["panels"]
        return " ".join(target["expr"] for panel in panels for target in panel["targets"])
    return "".join(line for line in file.read_text().splitlines() if "frontdesk_" in line)


def test_the_configuration_files_are_valid() -> None:
    assert "SUCCESS" in promtool("check", "rules", str(ALERTS))
    assert "SUCCESS" in promtool("check", "config", "--syntax-only", str(SCRAPE))


def seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())


WAITS, TOO_LONG = seconds(health_rules.DELAY_WARNING), seconds(health_rules.DELAY_CRITICAL)
OLDEST, BEAT = (
    "frontdesk_outbox_oldest_pending_message_age_seconds",
    "frontdesk_mailer_heartbeat_age_seconds",
)
HELD = "frontdesk_quarantine_oldest_inquiry_age_seconds"
UNANSWERED = "frontdesk_unanswered_oldest_inquiry_age_seconds"
PER_HOST = ("FrontdeskDatabaseDown", "FrontdeskHostDown", "FrontdeskNotReady")
PROBLEM = 'frontdesk_problem{event="%s"'
BACKUP, NOW = "frontdesk_last_backup_timestamp_seconds", 1800  # the clock of the test starts at 0
DEAD = 'frontdesk_outbox_messages{state="dead"'
RELAY = 'frontdesk_mail_transport_unavailable{fault="%s"'
ERRORS = 'frontdesk_http_requests_total{status="%s"'


# The value of a series, and the alerts that it causes with their severity.
CASES: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({DEAD: 0}, {}),
    ({DEAD: 1}, {"FrontdeskMailUndelivered": "critical"}),
    ({OLDEST: WAITS}, {}),
    ({OLDEST: WAITS + 1}, {"FrontdeskMailWaits": "warning"}),
    ({OLDEST: TOO_LONG}, {"FrontdeskMailWaits": "warning"}),
    (
        {OLDEST: TOO_LONG + 1},
        {"FrontdeskMailWaits": "warning", "FrontdeskMailWaitsTooLong": "critical"},
    ),
    ({BEAT: seconds(HEARTBEAT_TIMEOUT)}, {}),
    ({BEAT: seconds(HEARTBEAT_TIMEOUT) + 1}, {"FrontdeskMailerDown": "critical"}),
    ({BEAT: "Inf " * 61}, {"FrontdeskMailerDown": "critical"}),
    ({RELAY % "connection": 1}, {}),
    ({RELAY % "tls": 1}, {"FrontdeskMailServerRefuses": "critical"}),
    ({RELAY % "authentication": 1}, {"FrontdeskMailServerRefuses": "critical"}),
    ({RELAY % "sender": 1}, {"FrontdeskSenderRefused": "warning"}),
    ({"frontdesk_outbox_paused": 1}, {"FrontdeskOutboxPaused": "warning"}),
    ({HELD: seconds(health_rules.QUARANTINE_WARNING)}, {}),
    (
        {HELD: seconds(health_rules.QUARANTINE_WARNING) + 1},
        {"FrontdeskQuarantineUnreviewed": "warning"},
    ),
    ({UNANSWERED: seconds(timedelta(days=4))}, {}),
    ({UNANSWERED: seconds(timedelta(days=4)) + 1}, {"FrontdeskInquiryUnanswered": "warning"}),
    ({"frontdesk_database_up": 0}, {"FrontdeskDatabaseDown": "critical"}),
    ({"frontdesk_ready": 0}, {"FrontdeskNotReady": "critical"}),
    ({PROBLEM % "website_down": 1}, {"FrontdeskWebsiteRefuses": "critical"}),
    ({PROBLEM % "inquiries_refused": 1}, {"FrontdeskWebsiteRefuses": "critical"}),
    ({PROBLEM % "inquiries_refused": 0}, {}),
    ({PROBLEM % "certificate_ends": 1}, {"FrontdeskWarning": "warning"}),
    ({PROBLEM % "ping_fails": 1}, {"FrontdeskWarning": "warning"}),
    ({"up": 0}, {"FrontdeskHostDown": "critical"}),
    ({ERRORS % 200: "0+99x60", ERRORS % 503: "0+1x60"}, {}),
    (
        {ERRORS % 200: "0+97x60", ERRORS % 503: "0+3x60"},
        {"FrontdeskErrors": "warning"},
    ),
    ({BACKUP: NOW - seconds(MAX_BACKUP_AGE)}, {}),
    ({BACKUP: NOW - seconds(MAX_BACKUP_AGE) - 1}, {"FrontdeskBackupOld": "warning"}),
    ({"frontdesk_backup_overdue": 0}, {}),
    ({"frontdesk_backup_overdue": 1}, {"FrontdeskBackupsMissed": "warning"}),
    ({"frontdesk_database_up": 1}, {"FrontdeskNoBackup": "warning"}),
    ({"frontdesk_database_up": 1, BACKUP: NOW}, {}),
]


def test_alerts_fire_at_the_thresholds_of_the_site(tmp_path: Path) -> None:
    file = tmp_path / "tests.yml"  # JSON is YAML too
    tests = [_rule_test(series, firing) for series, firing in CASES]
    file.write_text(json.dumps({"rule_files": [str(ALERTS)], "tests": tests}))
    promtool("test", "rules", str(file))


def _rule_test(series: dict[str, Any], firing: dict[str, str]) -> dict[str, Any]:
    """If two hosts report the same, one alert fires, unless it is about the host itself."""
    return {
        "name": str(series),
        "interval": "30s",
        "input_series": [
            {
                "series": _with_labels(name, host),
                "values": values if isinstance(values, str) else f"{values}x60",
            }
            for name, values in series.items()
            for host in ("one", "two")
        ],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname, severity) (ALERTS{alertstate="firing"})',
                "eval_time": f"{NOW}s",
                "exp_samples": [
                    {
                        "labels": f'{{alertname="{name}", severity="{severity}"}}',
                        "value": 2 if name in PER_HOST else 1,
                    }
                    for name, severity in firing.items()
                ],
            }
        ],
    }


def _with_labels(series: str, host: str) -> str:
    name, _, labels = series.partition("{")
    return f'{name}{{job="frontdesk", instance="{host}"{", " + labels if labels else ""}}}'
