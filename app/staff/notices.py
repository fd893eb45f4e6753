"""Notices on the public pages: add one, end one."""

from datetime import date, datetime

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import current_user

from app.maintenance import audit_log
from app.notices import service
from app.notices.models import MAX_LENGTH, Notice
from app.notices.service import NoticeError
from app.notices.text import notice_line
from app.notices.typed_times import end_of, parse_time
from app.services import current_services
from app.staff.blueprint import blueprint
from app.staff.formats import sentence


@blueprint.get("/notices")
def notices() -> str:
    return _page()


@blueprint.post("/notices")
def add_notice() -> ResponseReturnValue:
    """Publish what the form describes, or show it again with what is wrong."""
    services = current_services()
    try:
        with services.database.session() as session:
            now = services.database.now(session)
            notice = _typed_notice(now)
            service.add_notice(session, services.clinic, notice, now)
            audit_log.record(session, now, f"notice {notice.id} added", actor=current_user.email)
    except NoticeError as error:
        return _page(problem=sentence(error)), 422
    services.notices.refresh()
    flash("The notice is on every page within a minute of its start.", "done")
    return redirect(url_for(".notices"), 303)


@blueprint.post("/notices/<int:number>/end")
def end_notice(number: int) -> ResponseReturnValue:
    services = current_services()
    try:
        with services.database.session() as session:
            now = services.database.now(session)
            service.end_notice(session, number, now)
            audit_log.record(session, now, f"notice {number} ended", actor=current_user.email)
    except NoticeError as error:
        flash(sentence(error), "error")
    else:
        services.notices.refresh()
        flash("The notice is gone from every page within a minute.", "done")
    return redirect(url_for(".notices"), 303)


def _page(problem: str = "") -> str:
    services = current_services()
    with services.database.read_session() as session:
        now = services.database.now(session)
        current = [
            (notice, notice_line(notice, services.clinic, max(now, notice.starts_at)))
            for notice in service.current_notices(session, now)
        ]
    return render_template(
        "staff/notices.html",
        notices=current,
        now=now,
        problem=problem,
        typed=request.form,
        max_length=MAX_LENGTH,
    )


def _typed_notice(now: datetime) -> Notice:
    """The notice that the form describes. Raises NoticeError."""
    form, zone = request.form, current_services().clinic.zone
    starts_at = _typed_time("starts", now.astimezone(zone).date()) or now
    day = starts_at.astimezone(zone).date()
    closed_from = {
        "closed": starts_at,
        "closing": _typed_time("closing_at", day),
    }.get(form.get("kind", ""))
    if form.get("kind") == "closing" and closed_from is None:
        raise NoticeError("enter when the clinic closes")
    return Notice(
        text=" ".join(form.get("text", "").split()),
        location=form.get("location") or None,
        starts_at=starts_at,
        ends_at=_typed_time("ends", day) or end_of(day, zone),
        closed_from=closed_from,
    )


def _typed_time(field: str, day: date) -> datetime | None:
    """The time in ``field``, None if it is empty. Raises NoticeError."""
    typed = request.form.get(field, "").strip()
    return parse_time(typed, day, current_services().clinic.zone) if typed else None
