"""Our own style sheets and scripts: inlined or fingerprinted, compressed, kept for a year.

Every file under ``static/`` is read when the application starts. A request is
a look-up in that table, so no request path ever reaches the file system.
"""

import base64
import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import rcssmin
from flask import Flask, Response, abort, current_app, request
from markupsafe import Markup

from app.web.page_cache import public_response

SHEETS = ("tokens", "base", "layout", "components")
SCRIPT = "site.js"  # all of static/js in one file, for one request
ONE_YEAR = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
# Named here, because the system's own table differs from host to host.
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


def init_assets(app: Flask) -> str:
    """Serve ``static/`` and give the templates ``asset`` and ``inline_css``.

    Returns the source expression by which a CSP allows the inlined style sheet.
    """
    assert app.static_folder
    folder = Path(app.static_folder)
    files = _read_all(folder)
    files[SCRIPT] = _joined(sorted((folder / "js").glob("*.js")))
    app.extensions["assets"] = files
    sheets = ((folder / "css" / f"{name}.css").read_text(encoding="utf-8") for name in SHEETS)
    css = "".join(rcssmin.cssmin(sheet) for sheet in sheets)
    style = Markup(f"<style>{css}</style>")  # noqa: S704 - our own files
    app.jinja_env.globals.update(asset=asset, integrity=integrity, inline_css=lambda: style)
    app.view_functions["static"] = serve
    return integrity_hash(css.encode())


def asset(path: str) -> str:
    """The address of ``static/<path>``, changed whenever its bytes change.

    Raises KeyError when there is no such file.
    """
    return f"{current_app.static_url_path}/{path}?v={_assets()[path].fingerprint}"


def integrity(path: str) -> str:
    """The ``integrity`` of ``static/<path>``: a browser runs these very bytes or none.

    Raises KeyError when there is no such file.
    """
    return integrity_hash(_assets()[path].body)


def integrity_hash(body: bytes) -> str:
    """``body`` as ``integrity`` attributes and a CSP name it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(body).digest()).decode()}"


def serve(filename: str) -> Response:
    """One static file; only an address that names these very bytes is kept for long."""
    if not (found := _assets().get(filename)):
        abort(404)
    current = request.args.get("v") == found.fingerprint
    return public_response(found.body, found.media_type, ONE_YEAR if current else ASK_AGAIN)


def _assets() -> dict[str, StaticFile]:
    assets: dict[str, StaticFile] = current_app.extensions["assets"]
    return assets


def _joined(scripts: list[Path]) -> StaticFile:
    return StaticFile(b"".join(map(Path.read_bytes, scripts)), MEDIA_TYPES[".js"])


def _read_all(folder: Path) -> dict[str, StaticFile]:
    files = (file for file in folder.rglob("*") if file.is_file() and file.name[0] != ".")
    return {
        file.relative_to(folder).as_posix(): StaticFile(
            file.read_bytes(), MEDIA_TYPES.get(file.suffix, "application/octet-stream")
        )
        for file in files
    }
