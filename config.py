"""Settings: every environment variable, typed, checked together.

``Settings.from_env()`` reads them once at the start. A wrong start is refused
with all faults listed at once; the value of a secret is never shown. Each
secret may also come from a file named by ``NAME_FILE`` (systemd credentials,
container secrets).
"""

import os
import re
from collections.abc import Mapping
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

ROOT = Path(__file__).resolve().parent
SECRETS = (
    "SECRET_KEY",
    "DATA_KEYS",
    "DATABASE_URL",
    "MAIL_PASSWORD",
    "RATELIMIT_STORAGE_URI",
    "ALERT_WEBHOOK_URL",
    "HEARTBEAT_URL",
    "METRICS_TOKEN",
)
SCHEMES = {
    "database_url": ("sqlite", "postgresql+psycopg"),
    "ratelimit_storage_uri": ("memory", "redis", "rediss"),
}
MAY_BE_EMPTY = ("map_tiles_url",)  # elsewhere empty means: not set


class SettingsError(Exception):
    """The environment does not make a valid set of settings; lists every fault."""


class AppEnv(StrEnum):
    PRODUCTION = "production"
    DEVELOPMENT = "development"


class Settings(BaseModel):
    """What the environment says, checked. Field names are the variables in lower case."""

    model_config = ConfigDict(frozen=True)

    app_env: AppEnv = AppEnv.PRODUCTION
    secret_key: SecretStr = Field(min_length=32)
    data_keys: SecretStr
    instance_dir: Path = ROOT / "instance"
    clinic_dir: Path = ROOT / "clinic"
    database_url: SecretStr = SecretStr("")
    base_url: str = ""
    hsts_subdomains: bool = False
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    trusted_proxies: int = Field(0, ge=0, le=5)
    mail_server: str = ""
    mail_port: int = Field(587, ge=1, le=65535)
    mail_use_tls: bool = True
    mail_use_ssl: bool = False
    mail_username: str = ""
    mail_password: SecretStr = SecretStr("")
    mail_default_sender: str = ""
    ratelimit_enabled: bool = True
    ratelimit_storage_uri: SecretStr = SecretStr("memory://")
    screening_enabled: bool = True
    map_tiles_url: str = "https://tile.openstreetmap.org/{z}/{x}/{y}.png"
    alert_webhook_url: SecretStr = SecretStr("")
    heartbeat_url: SecretStr = SecretStr("")
    metrics_token: SecretStr = Field(SecretStr(""), min_length=16)
    retention_days: int = Field(90, ge=1, le=3650)
    held_retention_days: int = Field(30, ge=1, le=3650)
    notify: Literal["full", "contact", "minimal"] = "full"
    acknowledge: bool = False
    log_format: Literal["json", "console"] = "json"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Settings from ``environ``. Raises SettingsError listing every fault at once."""
        values, faults = _read(environ, cls.model_fields)
        faults += _missing(values)
        try:
            settings = cls(**values)
        except ValidationError as error:
            faults += [_fault(one["loc"], one["msg"]) for one in error.errors(include_input=False)]
            raise SettingsError(_report(faults)) from None
        faults += settings._unsafe()
        if faults:
            raise SettingsError(_report(faults))
        return settings

    @field_validator("data_keys")
    @classmethod
    def _fernet_keys(cls, keys: SecretStr) -> SecretStr:
        try:
            made = [Fernet(key) for key in _listed(keys)]
        except ValueError:
            raise ValueError("must be 32 bytes each in URL-safe base64, newest first") from None
        if not made:
            raise ValueError("at least one key is needed")
        return keys

    @field_validator("database_url", "ratelimit_storage_uri")
    @classmethod
    def _known_scheme(cls, url: SecretStr, info: ValidationInfo) -> SecretStr:
        known, given = SCHEMES[info.field_name or ""], url.get_secret_value()
        if given and urlsplit(given).scheme not in known:
            raise ValueError(f"must start with {' or '.join(f'{name}://' for name in known)}")
        if given.startswith("sqlite:") and urlsplit(given).query not in ("", "journal_mode=delete"):
            raise ValueError("behind an SQLite file only ?journal_mode=delete is known")
        return url

    @field_validator("base_url", "map_tiles_url")
    @classmethod
    def _web_address(cls, url: str, info: ValidationInfo) -> str:
        if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
            raise ValueError("must start with https:// (or http://) and name a host")
        if info.field_name == "base_url" and any(urlsplit(url.rstrip("/"))[2:]):
            raise ValueError("must name the host alone, with nothing behind it")
        production = info.data.get("app_env") is AppEnv.PRODUCTION  # app_env stands before it
        if info.field_name == "base_url" and production and urlsplit(url).scheme == "http":
            raise ValueError("must start with https:// in production")
        return url.rstrip("/")

    @field_validator("mail_default_sender")
    @classmethod
    def _plain_address(cls, address: str) -> str:
        if address and not re.fullmatch(r"[!-~]+@[!-~]+", address):
            raise ValueError("must be one address alone, like no-reply@clinic.example")
        return address

    @field_validator("instance_dir", "clinic_dir")
    @classmethod
    def _absolute(cls, folder: Path) -> Path:
        return folder.expanduser().absolute()

    @model_validator(mode="after")
    def _one_kind_of_tls(self) -> Self:
        if self.mail_use_ssl and self.mail_use_tls and "mail_use_tls" in self.model_fields_set:
            raise ValueError("MAIL_USE_TLS and MAIL_USE_SSL: at most one of them may be on")
        return self

    def _unsafe(self) -> list[str]:
        """What mails show of visitors and would travel unsealed."""
        shown = {
            f"NOTIFY={self.notify} sends what visitors write": self.notify != "minimal",
            "ACKNOWLEDGE shows who wrote": self.acknowledge,
            "MAIL_PASSWORD would be sent as it is": bool(self.mail_username),
        }
        why = " and ".join(reason for reason, holds in shown.items() if holds)
        if self.mail_server and not (self.mail_tls or self.relay_is_loopback) and why:
            return [f"MAIL_USE_TLS: must be on unless MAIL_SERVER is this machine: {why}"]
        return []

    @property
    def is_development(self) -> bool:
        return self.app_env is AppEnv.DEVELOPMENT

    @property
    def data_key_list(self) -> tuple[str, ...]:
        """The Fernet keys, newest first: the first one encrypts, all of them decrypt."""
        return _listed(self.data_keys)

    @property
    def database(self) -> str:
        """The database's URL: SQLite in the instance folder unless told otherwise."""
        return self.database_url.get_secret_value() or f"sqlite:///{self.instance_dir}/frontdesk.db"

    @property
    def site(self) -> str:
        """Where visitors reach the site, without a slash at the end."""
        return self.base_url or f"http://{self.host}:{self.port}"

    @property
    def mail_tls(self) -> bool:
        return self.mail_use_tls or self.mail_use_ssl

    @property
    def relay_is_loopback(self) -> bool:
        try:
            return ip_address(self.mail_server).is_loopback
        except ValueError:
            return self.mail_server == "localhost"


def _listed(keys: SecretStr) -> tuple[str, ...]:
    return tuple(key.strip() for key in keys.get_secret_value().split(",") if key.strip())


def _read(
    environ: Mapping[str, str], fields: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """The variables that are set and known, and the faults in reading the secrets' files."""
    values: dict[str, Any] = {
        name: environ[name.upper()]
        for name in fields
        if environ.get(name.upper()) or (name in MAY_BE_EMPTY and name.upper() in environ)
    }
    faults = []
    for name in SECRETS:
        if not (path := environ.get(f"{name}_FILE")):
            continue
        if name.lower() in values:
            faults.append(f"{name} and {name}_FILE: set only one of them")
            continue
        try:
            if secret := Path(path).read_text(encoding="utf-8").strip():
                values[name.lower()] = secret
        except (OSError, ValueError) as error:  # no text, or no path at all
            faults.append(f"{name}_FILE: cannot read {path} ({type(error).__name__})")
    return values, faults


def _missing(values: Mapping[str, str]) -> list[str]:
    """What these values call for and lack; told beside what is wrong with single ones."""
    faults = []
    if values.get("app_env", AppEnv.PRODUCTION) == AppEnv.PRODUCTION:
        wanted = ("base_url", "mail_server", "mail_default_sender")
        faults += [f"{name.upper()}: missing" for name in wanted if name not in values]
    if ("mail_username" in values) != ("mail_password" in values):
        faults.append("MAIL_USERNAME and MAIL_PASSWORD: give both or neither")
    return faults


def _fault(location: tuple[int | str, ...], reason: str) -> str:
    reason = reason.removeprefix("Value error, ").replace("Field required", "missing")
    reason = re.sub(r"Value should have (.+?) items?.*,", r"must have \1 characters,", reason)
    return f"{str(location[0]).upper()}: {reason}" if location else reason


def _report(faults: list[str]) -> str:
    return "\n".join(["These settings are wrong:", *(f"  {fault}" for fault in faults)])
