"""Random clinic files and settings are accepted, or the error is named."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clinic import Clinic, ClinicError, load_clinic
from app.pages.conditional_blocks import page_settings
from app.pages.loader import load_pages
from app.pages.redirects import load_redirects
from config import SECRET_NAMES, VARIABLE_NAMES, Settings, SettingsError
from tests.fuzz.case_counts import cases
from tests.support.settings import environment

CLINIC_FILES = ("clinic.toml", "crisis-phrases.toml")
PAGE_FILES = (
    "references.toml", "redirects.toml", "figures/trials.toml", "figures/effect-duration.toml",
    "pages/index.md", "pages/questions.md", "pages/privacy.md",
)  # fmt: skip
SNIPPETS = (
    '""', "''", "0", "-1", "1e400", "nan", "true", "[]", "{}", "[[", "]]", "2026-02-30", '"',
    "2026-01-01T25:00:00", "9" * 5000, "'''", '"""', "=", "\n", "\0", "\ufeff", "# ", "+++",
    "{{ clinic.name }}", "{{ x", "[@nobody]", ":::", "::: figure x", "[a](b)", "[a](//evil)",
    "](javascript:alert(1))", "\n\n# A\n\n# A\n", "|a|b|\n|-|", '"a(b" = 1\n', "[a.b.c]\n",
    "\u202e", "\u2028", "<script>", "9999-12-31", "[" * 3000, "> " * 200,
)  # fmt: skip
SETTINGS = page_settings(
    retention_days=90,
    quarantine_retention_days=30,
    notification_detail="full",
    send_acknowledgement=False,
    map_tiles=False,
)
pieces = st.sampled_from([piece.encode() for piece in SNIPPETS]) | st.binary(max_size=12)
cuts = st.tuples(st.floats(0, 1), st.sampled_from((0, 0, 1, 4, 30, 400)), pieces)


def _cut(content: bytes, place: float, length: int, piece: bytes) -> bytes:
    at = int(place * len(content))
    return content[:at] + piece + content[at + length :]


def _lines(content: bytes, place: float, length: int, piece: bytes) -> bytes:
    """Replace the next value, after an equals sign, with ``piece``."""
    at = content.find(b"=", int(place * len(content))) + 1
    end = content.find(b"\n", at)
    return content[:at] + b" " + piece + content[end + length :] if at and end > 0 else content


@pytest.fixture(scope="module")
def folder(clinic_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("clinic") / "clinic"
    shutil.copytree(clinic_dir, copy, ignore=shutil.ignore_patterns("*.pmtiles", "*.png", "*.py"))
    return copy


def _load(folder: Path, file: str, clinic: Clinic) -> None:
    if file in CLINIC_FILES:
        load_clinic(folder)
        return
    pages = load_pages(folder, clinic, SETTINGS)
    load_redirects(folder / "redirects.toml", pages)


@cases(quick=60, long=5_000)
@given(
    file=st.sampled_from((*CLINIC_FILES, *PAGE_FILES)),
    changes=st.lists(st.tuples(st.sampled_from((_cut, _lines)), cuts), min_size=1, max_size=3),
)
def test_error_in_a_clinic_file_is_named(
    folder: Path,
    clinic: Clinic,
    file: str,
    changes: list[tuple[Callable[..., bytes], tuple[float, int, bytes]]],
) -> None:
    content = whole = (folder / file).read_bytes()
    for change, where in changes:
        content = change(content, *where)
    (folder / file).write_bytes(content)
    try:
        _load(folder, file, clinic)
    except ClinicError as error:
        message = str(error)
    else:
        return
    finally:
        (folder / file).write_bytes(whole)
    # One line per error, even if the quoted text has line breaks.
    assert all(line.startswith(f"{folder}/") for line in message.split("\n"))


names = st.sampled_from(sorted(VARIABLE_NAMES))
values = st.sampled_from(
    (
        "production", "", " ", "0", "-1", "1e9", "yes", "nan", "\0", "http://", "https://[",
        "https://a:b", "://", "https://user:pw@h", "sqlite://", "postgresql+psycopg://u:p@/x",
        "redis://[::1", "/nowhere", "a@b", "a@b\nBcc: c@d", "٣", "8000.0",
        "https://x.example:99999", "http://[fe80::1%25eth0]",
    )
) | st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=40)  # fmt: skip


@cases(quick=150, long=10_000)
@given(changed=st.dictionaries(names, values, max_size=6))
def test_error_in_settings_is_named_without_revealing_secrets(changed: dict[str, str]) -> None:
    given_variables = environment(Path("instance"), **changed)
    try:
        settings = Settings.from_env(given_variables)
    except SettingsError as error:
        message = str(error)
    else:
        assert given_variables["SECRET_KEY"] not in repr(settings)
        return
    first, *errors = message.splitlines()
    assert first == "Invalid settings:"
    assert errors
    public = [value for name, value in changed.items() if name not in SECRET_NAMES]
    secrets = [text for name in SECRET_NAMES if len(text := changed.get(name, "")) >= 12]
    assert not [secret for secret in secrets if secret in message and secret not in public]
