"""The jobs of a mailer, from the site's settings."""

from functools import partial

from app.clinic import Clinic
from app.database import Database
from app.maintenance.encryption_keys import keys_job
from app.maintenance.retention import cleanup_job, retention_job
from app.monitoring import webhook
from app.monitoring.alerts import alert_job, ping_job
from app.monitoring.digest import digest_job
from app.scheduler import Job
from config import Settings


def scheduled_jobs(settings: Settings, clinic: Clinic, database: Database) -> list[Job]:
    """What there is to do: nothing is told where no address was given for it."""
    days, held_days = settings.retention_days, settings.quarantine_retention_days
    found = [retention_job(database, clinic.zone, days, held_days), keys_job(database)]
    found.append(cleanup_job())
    if url := settings.alert_webhook_url.get_secret_value():
        tell = partial(webhook.post, url)
        found.append(alert_job(database, tell, clinic=clinic.name, site=settings.site_url))
    if url := settings.heartbeat_url.get_secret_value():
        found.append(ping_job(partial(webhook.ping, url)))
    if clinic.digest:
        found.append(
            digest_job(database, clinic, clinic.digest, site=settings.site_url, held_days=held_days)
        )
    return found
