"""The clinic's identity: ``clinic/clinic.toml`` read once into frozen values.

Nothing about a clinic (a name, a number, an opening hour) stands in Python or
in a template; it all comes through here. A fault in the file stops the start
and is named with file, key and reason.
"""

from app.clinic.errors import ClinicError
from app.clinic.loader import load_clinic
from app.clinic.models import (
    Clinic,
    ClosedDay,
    CrisisLine,
    Digest,
    Hours,
    Links,
    Location,
    Review,
    Topic,
    Weekday,
)

__all__ = [
    "Clinic",
    "ClinicError",
    "ClosedDay",
    "CrisisLine",
    "Digest",
    "Hours",
    "Links",
    "Location",
    "Review",
    "Topic",
    "Weekday",
    "load_clinic",
]
