"""The audit log, for managers: who opened, changed, exported or erased what, and when."""

import sqlalchemy as sa
from flask import render_template, request

from app.maintenance.audit_log import AuditEvent
from app.services import current_services
from app.staff.blueprint import blueprint

PAGE_SIZE = 100


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
    return render_template(
        "staff/audit_log.html",
        events=events[:PAGE_SIZE],
        more=len(events) > PAGE_SIZE,
        reference=reference,
    )
