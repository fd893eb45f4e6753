"""The chores of a mailer, from the site's settings."""

from functools import partial

from flask import current_app

from app.clinic import Clinic
from app.db import Database
from app.ops import webhook
from app.ops.alerts import alert_chore
from app.ops.chores import Chore
from app.ops.digest import digest_chore
from app.ops.keys import keys_chore
from app.ops.ping import ping_chore
from app.ops.retention import retention_chore, traces_chore
from config import Settings


def current_settings() -> Settings:
    """The settings of the running application."""
    settings = current_app.extensions["settings"]
    assert isinstance(settings, Settings)
    return settings


def chores(settings: Settings, clinic: Clinic, database: Database) -> list[Chore]:
    """What there is to do: nothing is told where no address was given for it."""
    days, held_days = settings.retention_days, settings.quarantine_retention_days
    found = [retention_chore(database, clinic.zone, days, held_days), keys_chore(database)]
    found.append(traces_chore())
    if url := settings.alert_webhook_url.get_secret_value():
        tell = partial(webhook.post, url)
        found.append(alert_chore(database, tell, clinic=clinic.name, site=settings.site))
    if url := settings.heartbeat_url.get_secret_value():
        found.append(ping_chore(partial(webhook.ping, url)))
    if clinic.digest:
        found.append(
            digest_chore(database, clinic, clinic.digest, site=settings.site, held_days=held_days)
        )
    return found
