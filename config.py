"""Settings: every variable, validated together at startup.

gunicorn, ``flask`` and the mailer all use this module. Settings come from the process
environment and from one file, ``.env`` in the project folder or the file that ``ENV_FILE``
names; the process environment wins. Errors are reported together and never show a value. A secret
``NAME`` can come from a file of its own, named by ``NAME_FILE``.

python-dotenv parses the file, as it does for the ``flask`` command. pydantic-settings is not
used: its sources cannot take an explicit mapping or ``NAME_FILE``, and importing it adds 0.1 s
to every command.
"""

import json
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from difflib import get_close_matches
from importlib.util import find_spec
from io import StringIO
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import SplitResult, urlsplit

from cryptography.fernet import Fernet
from dotenv.parser import Binding, parse_stream
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

ROOT = Path(__file__).resolve().parent
DEFAULT_ENV_FILE = ROOT / ".env"
NAME_FORMAT = re.compile(r"[A-Z][A-Z0-9_]*")
# A byte order mark, zero-width characters, and whitespace except the ASCII space, at both ends.
COPIED_ALONG = re.compile(r"\A{0}|{0}\Z".format(r"(?:[^\S ]|[\ufeff\u200b-\u200d\u2060])+"))
NON_ASCII_SPACE = re.compile(r"[^\S\x00-\x7f]")
ALERT_URL = re.compile(r"[A-Za-z][A-Za-z0-9]*://\S+")
LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
HOST_NAME = re.compile(rf"(?=.{{1,253}}$){LABEL}(\.{LABEL})*")
MAILBOX_NAME = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
TILE_PLACEHOLDERS = ({"z", "x", "y"}, {"z", "x", "y", "s", "r"})  # required, and known
DEFAULT_PORTS = {"http": 80, "https": 443}
# Otherwise a part of the password becomes part of the host, which error messages show.
ESCAPED = "; a password in it needs %2F for /, %40 for @ and so on"
REQUIRED_IN_PRODUCTION = {
    "BASE_URL": "",
    "TRUSTED_PROXIES": "; 1 behind nginx or Caddy on this machine, 0 when nothing is in front",
    "MAIL_SERVER": "",
    "MAIL_DEFAULT_SENDER": "",
}


class SettingsError(Exception):
    """The settings are invalid. The message lists every error, one per line."""


def _split_url(url: str) -> SplitResult | None:
    """Return the parts of ``url``, or None: the messages of urlsplit may quote a password."""
    try:
        parts = urlsplit(url)
        port = parts.port  # raises ValueError when it is not a number
    except ValueError:
        return None
    return None if port == 0 else parts


def _host(text: str) -> str:
    """Return a host name or IP address as programs send it: in lower case, in ASCII (IDNA).

    Raises ValueError when it is neither.
    """
    name = text.lower().removesuffix(".")
    if not name.isascii():
        from email_validator import validate_email  # noqa: PLC0415  (slow to import)

        # As browsers do it (UTS 46); Python's own codec is of 2003.
        email = validate_email(f"a@{name}", check_deliverability=False, test_environment=True)
        name = email.ascii_domain
    return name if HOST_NAME.fullmatch(name) else str(ip_address(name.strip("[]")))


def _is_host(text: str | None) -> bool:
    with suppress(ValueError):
        return bool(_host(text or ""))
    return False


def _bracketed(host: str) -> str:
    """Return ``host`` as URLs and Host headers contain it."""
    return f"[{host}]" if ":" in host else host


def _http_url(url: str) -> str:
    parts = _split_url(url.replace("{s}", "s"))  # of map tiles
    if url and not (parts and parts.scheme in ("http", "https") and _is_host(parts.hostname)):
        raise ValueError("must start with https:// (or http://) and name a host")
    return url.rstrip("/")


def _secret_http_url(url: SecretStr) -> SecretStr:
    _http_url(url.get_secret_value())
    return url


def _credential(text: str) -> str:
    """Remove what is copied along with a password, but no ASCII space, and map other spaces in it
    to one, as RFC 8265 section 4.2.2 does.
    """
    text = NON_ASCII_SPACE.sub(" ", COPIED_ALONG.sub("", text))
    if not text or not text.isprintable():
        raise ValueError("must be one line of printable characters in UTF-8")
    return text


def _secret_credential(secret: SecretStr) -> SecretStr:
    return SecretStr(_credential(secret.get_secret_value()))


def _folder(path: Path) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError:  # ~name/…, and nobody is called so
        raise ValueError("must be a folder; ~ names the home of an unknown user") from None


HTTPURL = Annotated[str, AfterValidator(_http_url)]
Credential = Annotated[str, AfterValidator(_credential)]
SecretCredential = Annotated[SecretStr, AfterValidator(_secret_credential)]
SecretHTTPURL = Annotated[SecretStr, AfterValidator(_secret_http_url)]
Folder = Annotated[Path, AfterValidator(_folder)]


def _check_sqlite_url(url: URL) -> None:
    if url.query and url.query != {"journal_mode": "delete"}:
        raise ValueError("the only option of SQLite is ?journal_mode=delete")
    if url.host or url.database in (None, "", ":memory:"):
        raise ValueError("must name a file: sqlite:////path/to/file.db")


def _check_postgres_url(url: URL) -> None:
    """Let SQLAlchemy and libpq judge the URL. Their messages may quote a password."""
    import psycopg  # noqa: PLC0415  (not needed for SQLite)

    if "@" in f"{url.host}{url.database}":
        raise ValueError(f"is not a database URL{ESCAPED}")
    try:
        _, options = url.get_dialect()().create_connect_args(url)
        psycopg.conninfo.make_conninfo(**options)
    except (ArgumentError, ValueError, psycopg.Error):
        raise ValueError("has an option that PostgreSQL does not know") from None


DATABASE_CHECKS: dict[str, Callable[[URL], None]] = {
    "sqlite": _check_sqlite_url,
    "postgresql+psycopg": _check_postgres_url,
}


def _check_redis_url(url: str, parts: SplitResult) -> None:
    """Let the client judge the URL. Its messages may quote a password."""
    from redis.connection import parse_url  # noqa: PLC0415  (slow to import, only for Redis)

    try:
        parse_url(url)  # type: ignore[no-untyped-call]
    except ValueError:
        raise ValueError("must have only options that Redis knows") from None
    if not (_is_host(parts.hostname) and re.fullmatch(r"(/[0-9]*)?", parts.path)):
        raise ValueError(f"must be redis://host:6379 or such{ESCAPED}")


class Settings(BaseModel):
    """Validated settings. Each field is the variable of the same name in upper case.

    ``.env.example`` describes each of them, and docs/settings.md is generated from it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    app_env: Literal["production", "development"] = "production"
    secret_key: SecretStr = Field(min_length=32)
    encryption_keys: SecretStr
    clinic_dir: Folder = ROOT / "clinic"
    instance_dir: Folder = ROOT / "instance"
    database_url: SecretStr = SecretStr("")
    base_url: HTTPURL = ""
    extra_hosts: str = ""
    trusted_proxies: int = Field(0, ge=0, le=5)
    staff_console: Literal["on", "off"] = "off"
    staff_host: str = ""
    hsts_subdomains: bool = False
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    web_concurrency: int = Field(2, ge=1, le=256)
    web_threads: int = Field(4, ge=1, le=256)
    mail_transport: Literal["smtp", "microsoft-graph", "amazon-ses"] = "smtp"
    mail_server: str = ""
    mail_port: int = Field(587, ge=1, le=65535)
    mail_use_tls: bool = True
    mail_use_ssl: bool = False
    mail_username: Credential = ""
    mail_password: SecretCredential = SecretStr("")
    mail_auth: Literal["password", "oauth2"] = "password"
    mail_oauth_provider: Literal["", "microsoft", "google"] = ""
    mail_microsoft_cloud: Literal["global", "gcc-high", "dod", "china"] = "global"
    mail_microsoft_tenant: str = ""
    mail_microsoft_client_id: str = ""
    mail_microsoft_client_secret: SecretCredential = SecretStr("")
    mail_microsoft_certificate: SecretStr = SecretStr("")
    mail_google_service_account: SecretStr = SecretStr("")
    mail_ses_region: str = ""
    mail_default_sender: str = ""
    mail_auto_submitted: bool = True
    ratelimit_enabled: bool = True
    ratelimit_storage_uri: SecretStr = SecretStr("memory://")
    spam_filter_enabled: bool = True
    map_tiles_url: HTTPURL = "https://tile.openstreetmap.org/{z}/{x}/{y}.png"
    alert_urls: SecretStr = SecretStr("")
    heartbeat_url: SecretHTTPURL = SecretStr("")
    metrics_token: SecretStr = Field(SecretStr(""), min_length=16)
    retention_days: int = Field(90, ge=1, le=3650)
    quarantine_retention_days: int = Field(30, ge=1, le=3650)
    audit_retention_days: int = Field(2190, ge=30, le=3650)
    notification_detail: Literal["full", "contact", "minimal"] = "full"
    send_acknowledgement: bool = False
    log_format: Literal["json", "console"] = "json"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Return the settings of this process, or those in ``environ`` alone.

        Raises SettingsError, which lists every error at once.
        """
        values, errors = _read_variables(environ)
        errors += _missing_settings(values) + _mail_account_errors(values)
        settings = None
        try:
            settings = cls.model_validate({name.lower(): values[name] for name in values})
        except ValidationError as error:
            invalid = error.errors(include_input=False, include_url=False, include_context=False)
            errors += [_error_line(item["loc"], item["msg"]) for item in invalid]
        else:
            errors += _mail_errors(settings)
        if errors or settings is None:
            raise SettingsError("\n".join(["Invalid settings:", *(f"  {line}" for line in errors)]))
        return settings

    @field_validator("encryption_keys")
    @classmethod
    def _fernet_keys(cls, keys: SecretStr) -> SecretStr:
        try:
            valid = [Fernet(key) for key in _split_keys(keys)]
        except ValueError:
            raise ValueError("must be 32 bytes each in URL-safe base64, newest first") from None
        if not valid:
            raise ValueError("at least one key is needed")
        return keys

    @field_validator("database_url")
    @classmethod
    def _supported_database(cls, secret: SecretStr) -> SecretStr:
        if not secret.get_secret_value():
            return secret
        try:
            url = make_url(secret.get_secret_value())
        except (ArgumentError, ValueError):  # its message may quote a password
            raise ValueError("is not a database URL") from None
        if url.drivername not in DATABASE_CHECKS:
            raise ValueError("must start with sqlite:// or postgresql+psycopg://")
        DATABASE_CHECKS[url.drivername](url)
        return secret

    @field_validator("ratelimit_storage_uri")
    @classmethod
    def _supported_storage(cls, secret: SecretStr) -> SecretStr:
        parts = _split_url(secret.get_secret_value())
        if parts is None or parts.scheme not in ("memory", "redis", "rediss"):
            raise ValueError(f"must start with memory:// or redis:// or rediss://{ESCAPED}")
        if parts.scheme != "memory":
            _check_redis_url(secret.get_secret_value(), parts)
        return secret

    @field_validator("base_url")
    @classmethod
    def _host_only(cls, url: str, info: ValidationInfo) -> str:
        parts = urlsplit(url)
        if parts.path or parts.query or parts.fragment or "@" in parts.netloc:
            raise ValueError("must be https:// and a host, with nothing after it")
        if info.data.get("app_env") == "production" and parts.scheme == "http":
            raise ValueError("must start with https:// in production")
        if not url:
            return url
        # As browsers send it in Host and Origin.
        port = "" if parts.port in (None, DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
        return f"{parts.scheme}://{_bracketed(_host(parts.hostname or ''))}{port}"

    @field_validator("extra_hosts")
    @classmethod
    def _host_names(cls, hosts: str) -> str:
        names = [name.strip() for name in hosts.split(",") if name.strip()]
        if not all(map(_is_host, names)):
            raise ValueError("must be host names without scheme or port, separated by commas")
        return ",".join(_bracketed(_host(name)) for name in names)

    @field_validator("host", "mail_server")
    @classmethod
    def _host_name(cls, name: str, info: ValidationInfo) -> str:
        if name and not _is_host(name):
            port = {"host": "PORT", "mail_server": "MAIL_PORT"}[info.field_name or ""]
            raise ValueError(f"must be a host name or an IP address; the port goes into {port}")
        return name and _host(name)

    @field_validator("staff_host")
    @classmethod
    def _name_only(cls, name: str) -> str:
        if name and not (_is_host(name) and re.search("[a-z]", name.lower().rpartition(".")[2])):
            raise ValueError("must be a host name, without scheme or port: passkeys need a name")
        return name and _host(name)

    @field_validator("map_tiles_url")
    @classmethod
    def _tile_url(cls, url: str) -> str:
        required, known = TILE_PLACEHOLDERS
        if url and not required <= set(re.findall(r"\{(.*?)\}", url)) <= known:
            raise ValueError("must contain {z}, {x} and {y}; also known are {s} and {r}")
        return url

    @field_validator("metrics_token")
    @classmethod
    def _header_text(cls, token: SecretStr) -> SecretStr:
        if not re.fullmatch("[ -~]*", token.get_secret_value()):
            raise ValueError("must be ASCII characters, because it is sent in a header")
        return token

    @field_validator("mail_microsoft_tenant", "mail_microsoft_client_id", "mail_ses_region")
    @classmethod
    def _identifier(cls, text: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9.-]*", text):
            raise ValueError("must have only letters, digits, dots and dashes")
        return text

    @field_validator("mail_microsoft_certificate")
    @classmethod
    def _certificate_with_key(cls, secret: SecretStr) -> SecretStr:
        if (pem := secret.get_secret_value()) and not _is_rsa_key(pem, with_certificate=True):
            raise ValueError("must be an RSA private key without passphrase and its certificate")
        return secret

    @field_validator("mail_google_service_account")
    @classmethod
    def _service_account_key(cls, secret: SecretStr) -> SecretStr:
        if text := secret.get_secret_value():
            try:
                key = json.loads(text)
                is_complete = key["client_email"] and key["token_uri"].startswith("https://")
                is_valid = bool(is_complete) and _is_rsa_key(key["private_key"])
            except (AttributeError, KeyError, TypeError, ValueError):
                is_valid = False
            if not is_valid:
                raise ValueError("must be the content of a service account's JSON key file")
        return secret

    @field_validator("mail_default_sender")
    @classmethod
    def _plain_address(cls, address: str) -> str:
        name, _, domain = address.rpartition("@")
        if address and not (MAILBOX_NAME.fullmatch(name) and _is_host(domain)):
            raise ValueError("must be a single address, like no-reply@clinic.example")
        return address and f"{name}@{_host(domain)}"

    @field_validator("alert_urls")
    @classmethod
    def _apprise_urls(cls, urls: SecretStr) -> SecretStr:
        # Apprise itself checks more when a mailer starts: web processes do not load it.
        parts = _split_alert_urls(urls)
        wrong = [str(n) for n, url in enumerate(parts, 1) if not ALERT_URL.fullmatch(url)]
        if wrong:
            raise ValueError(
                f"must be addresses like slack://…, but number {', '.join(wrong)} is not"
            )
        return urls

    @property
    def is_development(self) -> bool:
        return self.app_env == "development"

    @property
    def encryption_key_list(self) -> tuple[str, ...]:
        """The Fernet keys, newest first: the first encrypts, all of them decrypt."""
        return _split_keys(self.encryption_keys)

    @property
    def sqlalchemy_url(self) -> str:
        """The database URL, by default SQLite in the instance folder."""
        default = URL.create("sqlite", database=str(self.instance_dir / "frontdesk.db"))
        return self.database_url.get_secret_value() or default.render_as_string()

    @property
    def alert_url_list(self) -> tuple[str, ...]:
        """The addresses for alerts, as Apprise understands them."""
        return _split_alert_urls(self.alert_urls)

    @property
    def bind(self) -> str:
        """The address to listen on, ``host:port``."""
        return f"{_bracketed(self.host)}:{self.port}"

    @property
    def site_url(self) -> str:
        """The address visitors use, without a trailing slash."""
        return self.base_url or f"http://{self.bind}"

    @property
    def readiness_url(self) -> str:
        """Where anyone on the internet can ask whether the site is ready."""
        return f"{self.site_url}/readyz"

    @property
    def trusted_hosts(self) -> tuple[str, ...]:
        """The values of the Host header that are answered, with any port."""
        site = _bracketed(urlsplit(self.site_url).hostname or "")
        others = (self.staff_host, *self.extra_hosts.split(","))
        return (site, "localhost", "127.0.0.1", *filter(None, others))

    @property
    def staff_url(self) -> str:
        """The address of the staff console, with a final slash.

        Passkeys need a name: they do not work at an IP address.
        """
        parts = urlsplit(self.site_url)
        name = self.staff_host or (parts.hostname or "").replace("127.0.0.1", "localhost")
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{_bracketed(name)}{port}/staff/"

    @property
    def mail_mailbox(self) -> str:
        """The mailbox that sends, for OAuth 2.0 and Microsoft Graph."""
        return self.mail_username or self.mail_default_sender

    @property
    def mail_uses_password(self) -> bool:
        is_password = self.mail_transport == "smtp" and self.mail_auth == "password"
        return is_password and bool(self.mail_username)

    @property
    def mail_is_encrypted(self) -> bool:
        """Whether mail is sent over TLS: by STARTTLS or from the start."""
        return self.mail_use_tls or self.mail_use_ssl

    @property
    def mail_server_is_local(self) -> bool:
        try:
            return ip_address(self.mail_server).is_loopback
        except ValueError:
            return self.mail_server == "localhost"


SETTING_NAMES = frozenset(name.upper() for name in Settings.model_fields)
# Each of these can also come from a file, which NAME_FILE names.
SECRET_NAMES = tuple(
    name.upper() for name, field in Settings.model_fields.items() if field.annotation is SecretStr
)
VARIABLE_NAMES = SETTING_NAMES | {f"{name}_FILE" for name in SECRET_NAMES}


def _read_variables(environ: Mapping[str, str] | None = None) -> tuple[dict[str, str], list[str]]:
    """Return the variables that are set, by name, and the errors found.

    Without ``environ`` this reads the process environment, and the default file if it exists.
    With it, a file is read only when ``environ`` has ENV_FILE. An empty variable counts as not
    set, except MAP_TILES_URL.
    """
    errors: list[str] = []
    values: dict[str, str] = {}
    variables = os.environ if environ is None else environ
    file = variables.get("ENV_FILE", "")
    if environ is None and DEFAULT_ENV_FILE.is_file():
        default = str(DEFAULT_ENV_FILE)
        if file not in ("", default) and _flask_loads_env_file():
            errors.append(f"ENV_FILE: also set FLASK_SKIP_DOTENV=1; flask reads {default}")
        file = file or default
    if file:
        values, file_errors = _read_env_file(file)
        errors += file_errors
    values |= {name: text for name, text in variables.items() if name in VARIABLE_NAMES}
    # A password may begin or end with a space.
    values = {
        name: text if name == "MAIL_PASSWORD" else text.strip() for name, text in values.items()
    }
    values = {name: text for name, text in values.items() if text or name == "MAP_TILES_URL"}
    return values, errors + _read_secret_files(values)


def _read_env_file(path: str) -> tuple[dict[str, str], list[str]]:
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        return {}, [f"ENV_FILE: cannot read {path} ({type(error).__name__})"]
    values, errors = {}, []
    for binding in parse_stream(StringIO(text)):
        name, value = binding.key, binding.value
        if name is None and not binding.error:  # a comment
            continue
        if name is None or value is None or not NAME_FORMAT.fullmatch(name):
            errors.append(f"{path}, line {_line_number(binding)}: must be NAME=value")
        elif name not in VARIABLE_NAMES and not value.strip("="):
            # Perhaps the second line of a secret.
            errors.append(f"{path}, line {_line_number(binding)}: unknown setting")
        elif name not in VARIABLE_NAMES:
            similar = get_close_matches(name, sorted(VARIABLE_NAMES), n=1, cutoff=0.8)
            suggestion = f"; did you mean {similar[0]}?" if similar else ""
            errors.append(f"{name}: unknown setting{suggestion}")
        elif "${" in value:
            # The flask command, docker compose and shells would replace it.
            hint = f"; use {name}_FILE" if name in SECRET_NAMES else ""
            errors.append(f"{name}: must not contain ${{ in {path}{hint}")
        else:
            values[name] = value
    return values, errors


def _read_secret_files(values: dict[str, str]) -> list[str]:
    """Replace each NAME_FILE in ``values`` with NAME and the file's content; return errors."""
    errors = []
    for name in SECRET_NAMES:
        path = values.pop(f"{name}_FILE", None)
        if path is None:
            continue
        if name in values:
            errors.append(f"{name} and {name}_FILE: set only one of them")
            continue
        try:
            if secret := Path(path).read_text(encoding="utf-8-sig").strip():
                values[name] = secret
        except (OSError, ValueError) as error:
            errors.append(f"{name}_FILE: cannot read {path} ({type(error).__name__})")
    return errors


def _line_number(binding: Binding) -> int:
    """Return the line of a binding, because python-dotenv counts from the blank lines before it."""
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")


def _flask_loads_env_file() -> bool:
    """Return whether this is a flask command, which loads .env by itself whatever ENV_FILE says."""
    return "FLASK_RUN_FROM_CLI" in os.environ and not os.environ.get("FLASK_SKIP_DOTENV")


def _missing_settings(values: Mapping[str, str]) -> list[str]:
    """Return an error for each variable that is required but missing."""
    errors = []
    if values.get("APP_ENV", "production") == "production":
        missing = {
            name: hint for name, hint in REQUIRED_IN_PRODUCTION.items() if name not in values
        }
        if values.get("MAIL_TRANSPORT", "smtp") != "smtp":
            missing.pop("MAIL_SERVER", None)
        errors += [f"{name}: missing{hint}" for name, hint in missing.items()]
    return errors


def _mail_account_errors(values: Mapping[str, str]) -> list[str]:
    """Return what the chosen way to send lacks."""
    transport, auth = values.get("MAIL_TRANSPORT", "smtp"), values.get("MAIL_AUTH", "password")
    provider = values.get("MAIL_OAUTH_PROVIDER", "")
    is_oauth2 = transport == "smtp" and auth == "oauth2"
    is_microsoft = transport == "microsoft-graph" or (is_oauth2 and provider == "microsoft")
    needed = {
        "MAIL_OAUTH_PROVIDER": is_oauth2,
        "MAIL_MICROSOFT_TENANT": is_microsoft,
        "MAIL_MICROSOFT_CLIENT_ID": is_microsoft,
        "MAIL_GOOGLE_SERVICE_ACCOUNT": is_oauth2 and provider == "google",
        "MAIL_SES_REGION": transport == "amazon-ses",
    }
    way = "MAIL_AUTH=oauth2" if transport == "smtp" else f"MAIL_TRANSPORT={transport}"
    errors = [
        f"{name}: missing; {way} needs it"
        for name, is_needed in needed.items()
        if is_needed and name not in values
    ]
    if provider and not is_oauth2:
        errors.append("MAIL_OAUTH_PROVIDER: has no effect without MAIL_AUTH=oauth2")
    credentials = {"MAIL_MICROSOFT_CLIENT_SECRET", "MAIL_MICROSOFT_CERTIFICATE"} & values.keys()
    if is_microsoft and len(credentials) != 1:
        errors.append(
            "MAIL_MICROSOFT_CLIENT_SECRET and MAIL_MICROSOFT_CERTIFICATE: set one of them"
        )
    if (is_oauth2 or is_microsoft) and "MAIL_PASSWORD" in values:
        errors.append(f"MAIL_PASSWORD: is not used with {way}; remove it")
    has_half_a_login = ("MAIL_USERNAME" in values) != ("MAIL_PASSWORD" in values)
    if transport == "smtp" and auth == "password" and has_half_a_login:
        errors.append("MAIL_USERNAME and MAIL_PASSWORD: set both or neither")
    if transport == "amazon-ses" and not find_spec("boto3"):
        errors.append(
            "MAIL_TRANSPORT: amazon-ses needs boto3; run"
            " pip install --require-hashes -r requirements-ses.txt"
        )
    return errors


def _mail_errors(settings: Settings) -> list[str]:
    """Check for two kinds of TLS, and for visitor data or a login in mail without TLS."""
    if settings.mail_transport != "smtp":
        return []
    both = "mail_use_tls" in settings.model_fields_set and settings.mail_use_tls
    if settings.mail_use_ssl and both:
        return ["MAIL_USE_TLS and MAIL_USE_SSL: only one of them can be true"]
    detail = settings.notification_detail
    exposed = {
        f"NOTIFICATION_DETAIL={detail} sends what visitors write": detail != "minimal",
        "SEND_ACKNOWLEDGEMENT shows who wrote": settings.send_acknowledgement,
        "MAIL_PASSWORD would be sent unencrypted": settings.mail_uses_password,
        "an access token would be sent unencrypted": settings.mail_auth == "oauth2",
    }
    reasons = " and ".join(reason for reason, applies in exposed.items() if applies)
    if (
        settings.mail_server
        and not (settings.mail_is_encrypted or settings.mail_server_is_local)
        and reasons
    ):
        return [f"MAIL_USE_TLS: must be on unless MAIL_SERVER is this machine: {reasons}"]
    return []


def _error_line(location: tuple[int | str, ...], message: str) -> str:
    """Turn an error of pydantic into a line that names the variable."""
    message = message.removeprefix("Value error, ").replace("Field required", "missing")
    message = re.sub(r"Value should have (.+?) items?.*,", r"must have \1 characters,", message)
    return f"{str(location[0]).upper()}: {message}" if location else message


def _is_rsa_key(pem: str, *, with_certificate: bool = False) -> bool:
    """Return whether ``pem`` is an RSA private key, and has its certificate too."""
    # Imported here because it takes 0.07 s, and only some sites have such keys.
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        load_pem_private_key,
    )
    from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415

    try:
        key = load_pem_private_key(pem.encode(), None)
        if with_certificate:
            certificate = load_pem_x509_certificate(pem.encode())
            if certificate.public_key() != key.public_key():
                return False
    except (TypeError, ValueError, UnsupportedAlgorithm):
        return False
    return isinstance(key, RSAPrivateKey)


def _split_keys(keys: SecretStr) -> tuple[str, ...]:
    return tuple(key.strip() for key in keys.get_secret_value().split(",") if key.strip())


def _split_alert_urls(urls: SecretStr) -> tuple[str, ...]:
    """Split at spaces, line ends and commas, but not at a comma within an address."""
    return tuple(filter(None, re.split(r"\s*,\s*(?=\w+://)|,?\s+", urls.get_secret_value())))
