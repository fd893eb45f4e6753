"""The export of inquiries to a CSV file, for managers."""

from collections.abc import Iterator
from datetime import date, datetime, time
from io import StringIO

from flask import Response, render_template, request
from flask.typing import ResponseReturnValue
from flask_security import current_user

from app import clock
from app.maintenance import audit_log
from app.maintenance.inquiry_export import csv_writer, find_inquiries, read_rows
from app.services import current_services
from app.staff.blueprint import blueprint


@blueprint.get("/export")
def export() -> str:
    return render_template("staff/export.html", problem="", typed="")


@blueprint.post("/export")
def export_file() -> ResponseReturnValue:
    """Send all inquiries since a date. The audit log has an entry before the first byte."""
    services = current_services()
    database, zone = services.database, services.clinic.zone
    try:
        typed = request.form.get("since", "").strip()
        since = date.fromisoformat(typed) if typed else None
    except ValueError:
        problem = f"{typed} is not a date: write one like 2027-01-31."
        return render_template("staff/export.html", problem=problem, typed=typed), 422
    with database.session() as session:
        first = datetime.combine(since, time(), zone) if since else None
        ids = find_inquiries(session, first)
        now = database.now(session)
        audit_log.record(session, now, f"exported {len(ids)}", actor=current_user.email)

    def lines() -> Iterator[str]:
        out = StringIO()
        write_row = csv_writer(out)
        yield "\ufeff"  # without it, Excel assumes an old Windows encoding
        for row in read_rows(database, ids, zone):
            write_row(row)
            yield out.getvalue()
            out.seek(0)
            out.truncate()
        yield out.getvalue()

    response = Response(lines(), content_type="text/csv; charset=utf-8")
    name = f"inquiries-{clock.now().astimezone(zone):%Y-%m-%d}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
