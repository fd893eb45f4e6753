"""Settings for tests, independent of the environment and of .env files."""

import os
from pathlib import Path

from cryptography.fernet import Fernet

from config import Settings

ENCRYPTION_KEY = Fernet.generate_key().decode()
NO_ENV_FILE = {"ENV_FILE": os.devnull, "FLASK_SKIP_DOTENV": "1"}


def environment(instance: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a development site, plus ``variables``."""
    return {
        **NO_ENV_FILE,
        "APP_ENV": "development",
        "SECRET_KEY": "only-for-tests-" + "x" * 32,
        "ENCRYPTION_KEYS": ENCRYPTION_KEY,
        "INSTANCE_DIR": str(instance),
        "MAIL_SERVER": "127.0.0.1",
        "RATELIMIT_ENABLED": "false",
        **variables,
    }


def settings_for(instance: Path, **variables: str) -> Settings:
    return Settings.from_env(environment(instance, **variables))
