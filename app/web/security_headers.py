"""The security headers that every answer bears, errors and redirects included.

A room may set one of them itself on its own answer (a stricter policy, a
frame of its own): what is already there stays.
"""

from flask import Flask, Response, current_app, g, request

REPORT_PATH = "/policy-reports"  # where browsers say what they refused: app/web/csp_reports.py
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # Not "no-referrer": public map tile servers insist on knowing the site.
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": (
        "accelerometer=(), browsing-topics=(), camera=(), display-capture=(), geolocation=(),"
        " gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Integrity-Policy": "blocked-destinations=(script), endpoints=(reports)",
    "Reporting-Endpoints": f'reports="{REPORT_PATH}"',
}
TWO_YEARS = "max-age=63072000"


def init_headers(app: Flask, *, style_hash: str, insist_on_https: bool, subdomains: bool) -> None:
    """Put the headers on every response; ``style_hash`` allows the inlined style sheet.

    ``insist_on_https``: browsers that came by HTTPS shall never come otherwise,
    with ``subdomains`` to the hosts below this one neither.
    """
    app.extensions["content_security_policy"] = _policy(style_hash)
    app.extensions["hsts"] = TWO_YEARS + ("; includeSubDomains" if subdomains else "")
    app.after_request(_add_headers)
    if insist_on_https:
        app.after_request(_insist_on_https)


def bare_headers(length: int) -> list[tuple[str, str]]:
    """Those of an answer that is made without Flask: ``length`` bytes of plain text."""
    return [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(length)),
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
        ("Cross-Origin-Embedder-Policy", "require-corp"),
        *HEADERS.items(),
    ]


def allow_images_from(*origins: str) -> None:
    """Let the page that is being answered show images of ``origins`` (https://host)."""
    g.image_origins = images_allowed() | frozenset(origins)


def images_allowed() -> frozenset[str]:
    """The foreign image origins that the current answer allows."""
    return frozenset(g.get("image_origins", ()))


def _policy(style_hash: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self' '{style_hash}'",
            "img-src 'self'{images}",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            f"report-uri {REPORT_PATH}",  # for browsers without report-to
            "report-to reports",
        )
    )


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    allowed = images_allowed()
    images = "".join(f" {origin}" for origin in sorted(allowed))
    policy = current_app.extensions["content_security_policy"].replace("{images}", images)
    response.headers.setdefault("Content-Security-Policy", policy)
    # Tile servers need not know these headers: their pictures come without credentials instead.
    embedder = "credentialless" if allowed else "require-corp"
    response.headers.setdefault("Cross-Origin-Embedder-Policy", embedder)
    return response


def _insist_on_https(response: Response) -> Response:
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", current_app.extensions["hsts"])
    return response
