"""Security headers on every response, errors and redirects included.

A view may set one of them itself, such as a stricter policy: a header that is already on the
response is not changed.
"""

from flask import Flask, Response, current_app, g, request

from app.web.static_files import integrity_hash

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # Not "no-referrer": public map tile servers require the name of the site.
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "browsing-topics=(), camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Integrity-Policy": "blocked-destinations=(script)",
}
TWO_YEARS = "max-age=63072000"


def init_security_headers(
    app: Flask, *, style_hash: str, hsts: bool, hsts_subdomains: bool
) -> None:
    """Add the headers to every response. ``style_hash`` allows the inlined style sheet.

    With ``hsts``, browsers that used HTTPS once never use plain HTTP again; with
    ``hsts_subdomains`` this includes all hosts below this one.
    """
    app.config["CONTENT_SECURITY_POLICY"] = _policy(style_hash)
    app.after_request(_add_headers)
    if not hsts:
        return
    transport_security = TWO_YEARS + ("; includeSubDomains" if hsts_subdomains else "")

    @app.after_request
    def require_https(response: Response) -> Response:
        if request.is_secure:
            response.headers.setdefault("Strict-Transport-Security", transport_security)
        return response


def svg_policy(style: str) -> str:
    """Return the policy of an SVG image that is opened by itself.

    It needs only its own style, and the font in that.
    """
    style_hash = integrity_hash(style.encode())
    return f"default-src 'none'; style-src '{style_hash}'; font-src data:; frame-ancestors 'none'"


def allow_images_from(origin: str) -> None:
    """Allow images from ``origin`` (``https://host``) in the current response."""
    g.image_origin = origin


def _policy(style_hash: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self' '{style_hash}'",
            "img-src 'self'{images}",
            "font-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    origin = g.get("image_origin")
    images = f" {origin}" if origin else ""
    policy = current_app.config["CONTENT_SECURITY_POLICY"].replace("{images}", images)
    response.headers.setdefault("Content-Security-Policy", policy)
    # Tile servers may not send the headers that "require-corp" demands of other origins.
    embedder = "credentialless" if origin else "require-corp"
    response.headers.setdefault("Cross-Origin-Embedder-Policy", embedder)
    return response
