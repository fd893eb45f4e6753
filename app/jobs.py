"""The scheduled jobs of a mailer, by the site's settings."""

from datetime import timedelta
from functools import partial

from app.clinic import Clinic
from app.contact.reminders import send_reminders
from app.contact.search_index import index_missing
from app.contact.service import InquiryService
from app.database import Database
from app.mail import password_warning
from app.maintenance.retention import RetentionPeriods, retention_job, spam_digest_cleanup_job
from app.monitoring.alert_addresses import AlertAddresses, send_and_record
from app.monitoring.alerts import alert_job, uptime_ping_job, website_job
from app.monitoring.digest import digest_job
from app.monitoring.observations import PING, WEBSITE, call_and_record
from app.scheduler import Job, every
from config import Settings

REMINDER_INTERVAL = timedelta(minutes=1)
INDEX_INTERVAL = timedelta(hours=1)


def scheduled_jobs(
    settings: Settings, clinic: Clinic, database: Database, inquiries: InquiryService
) -> list[Job]:
    """All jobs. Alerts, pings and the digest run only where a receiver is configured.

    Raises SettingsError if an address for alerts cannot be used.
    """
    days, quarantine_days = settings.retention_days, settings.quarantine_retention_days
    jobs = [
        website_job(partial(call_and_record, database, WEBSITE, settings.readiness_url)),
        retention_job(
            database,
            clinic.zone,
            RetentionPeriods(days, quarantine_days, settings.audit_retention_days),
            settings.instance_dir,
            inquiries.announcer,
        ),
        Job(
            "reminders",
            every(REMINDER_INTERVAL),
            lambda _session, _now: partial(send_reminders, database, clinic, inquiries.staff_links),
        ),
        spam_digest_cleanup_job(),
    ]
    if settings.staff_console == "on":
        jobs.append(search_index_job(database))
    if urls := settings.alert_url_list:
        addresses = AlertAddresses(urls, site=settings.site_url)
        send = partial(send_and_record, database, addresses)
        # First: while the database hangs, each job waits for it.
        jobs.insert(0, alert_job(database, send, clinic=clinic.name, site=settings.site_url))
    if url := settings.heartbeat_url.get_secret_value():
        jobs.append(uptime_ping_job(partial(call_and_record, database, PING, url)))
    if clinic.digest:
        jobs.append(
            digest_job(
                database,
                clinic,
                clinic.digest,
                site=settings.site_url,
                console=inquiries.staff_links.console_url,
                quarantine_days=quarantine_days,
                mail_warning=". ".join(password_warning(settings) or ()),
            )
        )
    return jobs


def search_index_job(database: Database) -> Job:
    """Index the inquiries that came while the staff console was off, or with a restored backup."""
    after_commit = partial(index_missing, database)
    return Job("search-index", every(INDEX_INTERVAL), lambda _session, _now: after_commit)
