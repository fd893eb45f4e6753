"""The security headers that every answer bears, errors and redirects included.

A room may set one of them itself on its own answer (a stricter policy, a
frame of its own): what is already there stays.
"""

from flask import Flask, Response, current_app, g, request

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # Not "no-referrer": public map tile servers insist on knowing the site.
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
HSTS = "max-age=31536000"


def init_headers(app: Flask, *, style_hash: str) -> None:
    """Put the headers on every response; ``style_hash`` allows the inlined style sheet."""
    app.extensions["content_security_policy"] = _policy(style_hash)
    app.after_request(_add_headers)


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
        )
    )


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    images = "".join(f" {origin}" for origin in sorted(images_allowed()))
    policy = current_app.extensions["content_security_policy"].replace("{images}", images)
    response.headers.setdefault("Content-Security-Policy", policy)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", HSTS)
    return response
