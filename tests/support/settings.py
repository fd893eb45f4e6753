"""Settings for tests, from explicit values: never from the environment or a .env file."""

import os
from pathlib import Path

from cryptography.fernet import Fernet

from config import Settings

ENCRYPTION_KEY = Fernet.generate_key().decode()
NO_ENV_FILE = {"ENV_FILE": os.devnull, "FLASK_SKIP_DOTENV": "1"}


def environment(instance: Path, **more: str) -> dict[str, str]:
    """Return the variables of a development site; ``more`` adds or replaces some."""
    return {
        **NO_ENV_FILE,
        "APP_ENV": "development",
        "SECRET_KEY": "only-for-tests-" + "x" * 32,
        "ENCRYPTION_KEYS": ENCRYPTION_KEY,
        "INSTANCE_DIR": str(instance),
        "MAIL_SERVER": "127.0.0.1",
        "RATELIMIT_ENABLED": "false",
        **more,
    }


def settings_for(instance: Path, **more: str) -> Settings:
    return Settings.from_env(environment(instance, **more))
