"""``/dev/mailbox``: the emails that a development site has sent."""

from pathlib import Path

from flask import Blueprint, Response, abort, current_app, make_response, render_template

from app.dev.maildir import ReceivedMessage, get_message, list_messages
from app.services import current_services

blueprint = Blueprint("dev", __name__, url_prefix="/dev/mailbox")

# An HTML part may use inline styles, like in an email client, and nothing else.
HTML_PART_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"


@blueprint.get("")
def mailbox() -> str:
    return render_template("dev/mailbox.html", messages=list_messages(_maildir()))


@blueprint.get("/<key>")
def message(key: str) -> Response:
    response = make_response(render_template("dev/message.html", received=_get_or_404(key)))
    site_policy = current_app.config["CONTENT_SECURITY_POLICY"].replace("{images}", "")
    response.headers["Content-Security-Policy"] = f"{site_policy}; frame-src 'self'"
    return response


@blueprint.get("/<key>/html")
def html_part(key: str) -> Response:
    html = _get_or_404(key).html
    if html is None:
        abort(404)
    response = make_response(html)
    response.headers["Content-Security-Policy"] = HTML_PART_POLICY
    return response


def _get_or_404(key: str) -> ReceivedMessage:
    try:
        return get_message(_maildir(), key)
    except KeyError:
        abort(404)


def _maildir() -> Path:
    return current_services().settings.instance_dir / "mailbox"
