"""The blueprint of the console's own views. Flask-Security has another for signing in."""

from flask import Blueprint

blueprint = Blueprint("staff", __name__, url_prefix="/staff")
