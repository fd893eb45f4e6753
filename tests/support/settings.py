"""Settings for tests: made from explicit values, never from the tester's environment."""

from pathlib import Path

from cryptography.fernet import Fernet

from config import Settings

DATA_KEY = Fernet.generate_key().decode()


def environment(instance: Path, **more: str) -> dict[str, str]:
    """The variables of a development site in ``instance``; ``more`` adds or replaces some."""
    return {
        "APP_ENV": "development",
        "SECRET_KEY": "only-for-tests-" + "x" * 32,
        "DATA_KEYS": DATA_KEY,
        "INSTANCE_DIR": str(instance),
        "MAIL_SERVER": "127.0.0.1",
        "RATELIMIT_ENABLED": "false",
        **more,
    }


def settings_for(instance: Path, **more: str) -> Settings:
    return Settings.from_env(environment(instance, **more))
