"""The scheduled jobs of a mailer, by the site's settings."""

from functools import partial

from app.clinic import Clinic
from app.database import Database
from app.maintenance.retention import RetentionPeriods, retention_job, spam_digest_cleanup_job
from app.monitoring import webhook
from app.monitoring.alerts import alert_job, uptime_ping_job
from app.monitoring.digest import digest_job
from app.scheduler import Job
from config import Settings


def scheduled_jobs(settings: Settings, clinic: Clinic, database: Database) -> list[Job]:
    """All jobs. Alerts, pings and the digest run only where a receiver is configured."""
    days, quarantine_days = settings.retention_days, settings.quarantine_retention_days
    jobs = [
        retention_job(
            database, clinic.zone, RetentionPeriods(days, quarantine_days), settings.instance_dir
        ),
        spam_digest_cleanup_job(),
    ]
    if url := settings.alert_webhook_url.get_secret_value():
        post = partial(webhook.call, url)
        jobs.append(alert_job(database, post, clinic=clinic.name, site=settings.site_url))
    if url := settings.heartbeat_url.get_secret_value():
        jobs.append(uptime_ping_job(partial(webhook.call, url)))
    if clinic.digest:
        site = settings.site_url
        jobs.append(
            digest_job(database, clinic, clinic.digest, site=site, quarantine_days=quarantine_days)
        )
    return jobs
