"""Checks of the disk, the website and the alert channels."""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from app import clock
from app.apprise_client import AppriseClient
from app.diagnostics.result import CheckResult, failed, ok, warning
from app.http_calls import CallResult, call
from app.maintenance.retention import REPLACED_BACKUPS
from app.monitoring.alert_addresses import AlertAddresses, Report, record_results
from app.monitoring.health import PROXIES_HEADER
from app.monitoring.health_rules import CERTIFICATE_WARNING
from app.monitoring.observations import PING, WEBSITE, call_and_record
from app.services import Services
from config import Settings, SettingsError

LOW_SPACE, TOO_LITTLE_SPACE = 1_000_000_000, 200_000_000  # bytes


def check_disk(folder: Path) -> CheckResult:
    """Check that ``folder``, such as that of the database, is writable and has space."""
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        message = f"{folder} is not a writable folder"
        return failed("disk", message, "Create it, or set INSTANCE_DIR")
    free = shutil.disk_usage(folder).free
    message, advice = f"{free / 1e9:.1f} GB free in {folder}", "Free some space"
    if free < TOO_LITTLE_SPACE:
        return failed("disk", message, advice)
    return warning("disk", message, advice) if free < LOW_SPACE else ok("disk", message)


def check_replaced_backups(folder: Path) -> list[CheckResult]:
    """Warn of copies of visitor data that `flask restore` has made in ``folder``."""
    files = len(list(folder.glob(REPLACED_BACKUPS)))
    advice = "Delete them when you do not need them any more; retention does so after two weeks"
    message = f"copies of replaced databases in {folder}: {files}"
    return [warning("copies", message, advice)] if files else []


def check_website(settings: Settings) -> list[CheckResult]:
    """Ask the website for its readiness, by the address and the certificate that visitors see."""
    result = call(WEBSITE, settings.readiness_url)
    return [_check_readiness(settings, result), *_check_proxies(settings, result.headers)]


def _check_readiness(settings: Settings, result: CallResult) -> CheckResult:
    check = WEBSITE
    if result.problem:
        tls = result.problem.startswith("SSL")
        advice = "Renew or correct the certificate" if tls else "Check web service, proxy and DNS"
        return failed(check, f"{settings.readiness_url}: {result.problem}", advice)
    end = result.certificate_ends_at
    message = f"{settings.site_url} is ready" + (
        f", certificate until {end:%Y-%m-%d}" if end else ""
    )
    if end and end - clock.now() < CERTIFICATE_WARNING:
        return warning(check, message, "Check why the certificate is not renewed")
    return ok(check, message)


def _check_proxies(settings: Settings, headers: Mapping[str, str]) -> list[CheckResult]:
    """Compare what the proxies add to a request with what the settings expect."""
    if (seen := headers.get(PROXIES_HEADER.lower())) is None:  # no answer, or of another server
        return []
    if seen != str(settings.trusted_proxies):
        message = (
            f"a request to {settings.site_url} has {seen} entries in X-Forwarded-For, but"
            f" TRUSTED_PROXIES is {settings.trusted_proxies}: visitors cannot be told apart"
        )
        return [warning("proxies", message, "Correct it: docs/deploy.md#proxies")]
    if (
        settings.site_url.startswith("https:")
        and not settings.is_development
        and "strict-transport-security" not in headers
    ):
        message = "the site does not know that visitors use HTTPS"
        return [warning("proxies", message, "Let the proxy send X-Forwarded-Proto")]
    return [ok("proxies", f"{seen}, as TRUSTED_PROXIES says")]


def check_alert_channels(services: Services, *, send_test: bool) -> list[CheckResult]:
    """Check the addresses for alerts and for notifications about inquiries.

    With ``send_test``, send a test to each.
    """
    return [
        *_check_alert_addresses(services, send_test=send_test),
        *_check_notify(services, send_test=send_test),
        _check_ping(services, send_test=send_test),
    ]


def _check_alert_addresses(services: Services, *, send_test: bool) -> list[CheckResult]:
    check, settings = "alerts", services.settings
    if not settings.alert_url_list:
        return [warning(check, "ALERT_URLS is not set", "Set it")]
    try:
        addresses = AlertAddresses(settings.alert_url_list, site=settings.site_url)
    except SettingsError as error:
        return [failed(check, str(error).splitlines()[-1].strip(), "Mailers do not start with it")]
    if not send_test:
        return [ok(check, f"{', '.join(addresses.names)}; --send-test tries each")]
    title = f"[ok] {services.clinic.name}: This is a test"
    results = addresses.send(Report("ok", title, settings.site_url))
    record_results(services.database, results)
    return [
        failed(check, f"{name} did not accept the test: {problem}", "Correct ALERT_URLS")
        if problem
        else ok(check, f"{name} accepted the test")
        for name, problem in results.items()
    ]


def _check_notify(services: Services, *, send_test: bool) -> Iterator[CheckResult]:
    check, advice = "notify", "Correct its url in clinic.toml"
    if not services.clinic.notify:
        return
    client = AppriseClient(services.settings.site_url)
    for receiver in services.clinic.notify:
        url = receiver.url.get_secret_value()
        service = client.service_name(url)
        name = f"{receiver.key} ({service})"
        if service is None:
            message = f"{receiver.key}: Apprise cannot use its address, so mailers do not start"
            yield failed(check, message, advice)
        elif not send_test:
            yield ok(check, f"{name}; --send-test tries it")
        elif problem := client.send([url], services.clinic.name, "This is a test")[0]:
            yield failed(check, f"{name} did not accept the test: {problem}", advice)
        else:
            yield ok(check, f"{name} accepted the test")


def _check_ping(services: Services, *, send_test: bool) -> CheckResult:
    url = services.settings.heartbeat_url.get_secret_value()
    if not url:
        return warning(PING, "HEARTBEAT_URL is not set", "Set it")
    if not send_test:
        return ok(PING, "HEARTBEAT_URL is set; --send-test tries it")
    if call_and_record(services.database, PING, url):
        return ok(PING, "accepted the test")
    return failed(PING, "did not accept the test", "Correct HEARTBEAT_URL")
