"""Style sheets, fonts and scripts: inlined or fingerprinted, and cached by browsers for a year.

Every file under ``static/`` is read at startup. A request is a lookup in that table, so no
request path reaches the file system.
"""

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import rcssmin
from flask import Flask, Response, abort, current_app, request
from markupsafe import Markup

from app.web.page_cache import ONE_YEAR, REVALIDATE, public_response

INLINE_STYLE_SHEETS = ("tokens", "base", "layout", "components")
COMMENT_LINE = re.compile(
    rb"^\s*//.*\n", re.MULTILINE
)  # of our scripts; they have no "//" in strings
# What is not needed for the first screen, in one file.
LATE_STYLE_SHEETS = ("article", "form", "location", "references", "footer", "print")
STYLE_BUNDLE = "late.css"
SCRIPT_BUNDLE = "site.js"  # all of static/js in one file, for one request
FONT_URL = re.compile(r"url\(\.\./(fonts/[\w.-]+)\)")
# Listed here because the system's own table differs from host to host.
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".md": "text/plain; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True)
class StaticFile:
    """One file. ``fingerprint`` changes whenever its bytes change."""

    body: bytes
    media_type: str

    @cached_property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.body).hexdigest()[:10]


def init_static_files(app: Flask, theme: str = "") -> str:
    """Serve ``static/``; give templates ``asset``, ``integrity``, ``inline_css``, ``late_css``.

    ``theme`` is CSS that changes tokens. Returns the source expression by which a CSP allows the
    inlined style sheet.
    """
    assert app.static_folder
    folder = Path(app.static_folder)
    scripts = sorted((folder / "js").glob("[!.]*.js"))
    script = COMMENT_LINE.sub(b"", b"".join(map(Path.read_bytes, scripts)))
    bundle = StaticFile(script, MEDIA_TYPES[".js"])
    late = StaticFile(_minified(folder, LATE_STYLE_SHEETS).encode(), MEDIA_TYPES[".css"])
    files = {**_read_all(folder), SCRIPT_BUNDLE: bundle, STYLE_BUNDLE: late}
    app.config["STATIC_FILES"] = files
    css = FONT_URL.sub(
        lambda url: f"url({app.static_url_path}/{url[1]}?v={files[url[1]].fingerprint})",
        _minified(folder, INLINE_STYLE_SHEETS) + theme,
    )
    style = Markup(f"<style>{css}</style>")  # noqa: S704 - our own files
    app.jinja_env.globals.update(
        asset=asset, integrity=integrity, inline_css=lambda: style, late_css=late_css
    )
    app.view_functions["static"] = serve
    return integrity_hash(css.encode())


def add_static_file(app: Flask, name: str, file: Path) -> None:
    """Serve one more ``file``, as ``static/<name>``."""
    app.config["STATIC_FILES"][name] = StaticFile(file.read_bytes(), MEDIA_TYPES[file.suffix])


def asset(path: str) -> str:
    """Return the address of ``static/<path>``, which changes whenever its bytes change.

    Raises KeyError when there is no such file.
    """
    return f"{current_app.static_url_path}/{path}?v={_static_files()[path].fingerprint}"


def integrity(path: str) -> str:
    """Return the ``integrity`` attribute for ``static/<path>``.

    Raises KeyError when there is no such file.
    """
    return integrity_hash(_static_files()[path].body)


def integrity_hash(body: bytes) -> str:
    """Return the hash of ``body`` as in ``integrity`` attributes and a CSP."""
    return f"sha256-{base64.b64encode(hashlib.sha256(body).digest()).decode()}"


def late_css() -> Markup:
    """Return the link to the second style sheet. It belongs above the first part that needs it.

    Browsers show what is above it at once, and wait with the rest, so nothing moves.
    """
    return Markup('<link rel="stylesheet" href="{}">').format(asset(STYLE_BUNDLE))


def serve(filename: str) -> Response:
    """Serve one file. Browsers may keep it for a year only under its current fingerprint."""
    if not (file := _static_files().get(filename)):
        abort(404)
    current = request.query_string == f"v={file.fingerprint}".encode()
    return public_response(file.body, file.media_type, ONE_YEAR if current else REVALIDATE)


def _static_files() -> dict[str, StaticFile]:
    files: dict[str, StaticFile] = current_app.config["STATIC_FILES"]
    return files


def _minified(folder: Path, names: Iterable[str]) -> str:
    texts = ((folder / "css" / f"{name}.css").read_text(encoding="utf-8") for name in names)
    return "".join(map(rcssmin.cssmin, texts))


def _read_all(folder: Path) -> dict[str, StaticFile]:
    files = (file for file in folder.rglob("*") if file.is_file() and file.name[0] != ".")
    return {
        file.relative_to(folder).as_posix(): StaticFile(
            file.read_bytes(), MEDIA_TYPES.get(file.suffix, "application/octet-stream")
        )
        for file in files
    }
