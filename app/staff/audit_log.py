"""The audit log, for managers: who opened, changed, exported or erased what, and when."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import sqlalchemy as sa
from flask import render_template, request

from app.maintenance.audit_log import AuditEvent
from app.services import current_services
from app.staff.blueprint import blueprint
from app.staff.inquiry import OPENED

PAGE_SIZE = 100
REDIRECT_TIME = timedelta(seconds=10)


@blueprint.get("/audit-log")
def audit_log() -> str:
    """Show events, newest first: of one inquiry, or older than the event ``before``."""
    reference = request.args.get("reference", "").strip().upper()
    before = request.args.get("before", type=int)
    query = sa.select(AuditEvent).order_by(AuditEvent.id.desc()).limit(PAGE_SIZE + 1)
    if reference:
        query = query.where(AuditEvent.reference == reference)
    if before:
        query = query.where(AuditEvent.id < before)
    with current_services().database.read_session() as session:
        events = session.scalars(query).all()
    page = events[:PAGE_SIZE]
    return render_template(
        "staff/audit_log.html",
        events=list(_without_redirects(page))[::-1],
        oldest=page[-1].id if len(events) > PAGE_SIZE else None,
        reference=reference,
    )


def _without_redirects(events: Sequence[AuditEvent]) -> Iterator[AuditEvent]:
    """Yield events, oldest first, without the redirect to the inquiry after an action on it."""
    last = dict[tuple[str, str | None], AuditEvent]()
    for event in reversed(events):
        before = last.get((event.actor, event.reference))
        last[event.actor, event.reference] = event
        if before is None or not _is_redirect(before, event):
            yield event


def _is_redirect(before: AuditEvent, event: AuditEvent) -> bool:
    is_soon = event.occurred_at - before.occurred_at <= REDIRECT_TIME
    return event.action == OPENED and before.action != OPENED and is_soon
