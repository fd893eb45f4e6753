"""The accounts screen, for managers: invite, disable, enable, reset."""

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import current_user

from app.maintenance import audit_log
from app.services import current_services
from app.staff import accounts as service
from app.staff.accounts import AccountError, AccountExistsError, Role
from app.staff.blueprint import blueprint
from app.staff.models import StaffUser

INVITE_AGAIN = "For a new invitation, press “New invitation” next to it."


@blueprint.get("/accounts")
def accounts() -> str:
    return _page()


@blueprint.post("/accounts")
def invite() -> ResponseReturnValue:
    """Create an account, and show the link of its invitation once."""
    database = current_services().database
    email, role = request.form.get("email", ""), request.form.get("role", "")
    if role not in {*Role}:
        return _page(problem="Choose what the person may do."), 422
    try:
        with database.session() as session:
            now = database.now(session)
            account, token = service.invite(session, email, Role(role), now)
            action = f"invited {account.email}"
            audit_log.record(session, now, action, actor=current_user.email)
    except AccountExistsError as error:
        return _page(problem=f"{error} {INVITE_AGAIN}"), 422
    except AccountError as error:
        return _page(problem=str(error)), 422
    return _page(invited=account.email, token=token)


@blueprint.post("/accounts/<int:number>/<any(disable, enable, reset):action>")
def change_account(number: int, action: str) -> ResponseReturnValue:
    """Disable, enable or reset another account."""
    database, token = current_services().database, ""
    if number == current_user.id:
        flash("You cannot change your own account here. Ask another manager.", "error")
        return redirect(url_for(".accounts"), 303)
    with database.session() as session:
        account = session.get(StaffUser, number, with_for_update=True) or abort(404)
        now = database.now(session)
        match action:
            case "disable":
                service.disable(account)
            case "enable":
                service.enable(account)
            case _:
                token = service.reset(account, now)
        done = {"disable": "disabled", "enable": "enabled", "reset": "reset"}[action]
        audit_log.record(session, now, f"{done} {account.email}", actor=current_user.email)
    if token:
        return _page(invited=account.email, token=token)
    flash(f"{account.email} is {done}.", "done")
    return redirect(url_for(".accounts"), 303)


def _page(problem: str = "", invited: str = "", token: str = "") -> str:
    services = current_services()
    with services.database.read_session() as session:
        rows = service.list_accounts(session)
    return render_template(
        "staff/accounts.html",
        accounts=rows,
        problem=problem,
        typed=request.form if problem else {},
        invited=invited,
        link=service.invitation_url(services.settings.staff_url, token) if token else "",
    )
