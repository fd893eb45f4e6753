"""Clinic locations with given opening hours."""

from collections.abc import Mapping, Sequence

from app.clinic import Location


def location_with_hours(
    hours: Mapping[str, Sequence[tuple[str, str]]], closed: tuple[str, ...] = ()
) -> Location:
    """Return a location open on ``hours`` (HH:MM by weekday), closed on the dates ``closed``."""
    return Location.model_validate(
        {
            "key": "quay",
            "name": "Quay",
            "address": ("1 Quay",),
            "city": "Null Harbor",
            "region": "NY",
            "postal_code": "00000",
            "latitude": 0.1,
            "longitude": 0.1,
            "hours": {
                day: tuple({"opens": opens, "closes": closes} for opens, closes in periods)
                for day, periods in hours.items()
            },
            "closed": tuple({"date": day, "reason": "Harbor Day"} for day in closed),
        }
    )
