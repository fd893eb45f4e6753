"""``/dev/mailbox``: what the clinic would have got. Development only."""

from pathlib import Path

from flask import Blueprint, Response, abort, current_app, make_response, render_template

from app.dev.maildir import ReceivedMail, all_mails, one_mail

blueprint = Blueprint("dev", __name__, url_prefix="/dev/mailbox")

# A mail's HTML may do nothing but look as it does in a mail program.
MAIL_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"


@blueprint.get("")
def mailbox() -> str:
    return render_template("dev/mailbox.html", mails=all_mails(_maildir()))


@blueprint.get("/<key>")
def mail(key: str) -> Response:
    response = make_response(render_template("dev/mail.html", mail=_find(key)))
    site_policy = current_app.config["CONTENT_SECURITY_POLICY"].replace("{images}", "")
    response.headers["Content-Security-Policy"] = f"{site_policy}; frame-src 'self'"
    return response


@blueprint.get("/<key>/html")
def html_part(key: str) -> Response:
    html = _find(key).html
    if html is None:
        abort(404)
    response = make_response(html)
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    return response


def _find(key: str) -> ReceivedMail:
    try:
        return one_mail(_maildir(), key)
    except LookupError:
        abort(404)


def _maildir() -> Path:
    folder = current_app.extensions["development_maildir"]
    assert isinstance(folder, Path)
    return folder
