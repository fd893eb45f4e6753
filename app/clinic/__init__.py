"""The clinic's own data, read once from ``clinic/clinic.toml``.

No clinic name, phone number or opening hour is written in Python or in a template. An error
in the file stops the start-up with the file, line, key and reason.
"""

from app.clinic.errors import ClinicError
from app.clinic.loader import load_clinic
from app.clinic.models import Clinic, Digest, Links, Location, Review

__all__ = ["Clinic", "ClinicError", "Digest", "Links", "Location", "Review", "load_clinic"]
