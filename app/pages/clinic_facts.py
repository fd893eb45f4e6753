"""What ``clinic.toml`` says about the clinic's care, as pages can use it.

A fact that is filled in is a placeholder (``{{ care.fasting }}``) and a condition
(``::: when care.fasting``). Prices, the steps to book and the team are blocks (``::: prices``).
"""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.clinic import Clinic
from app.pages.parser import PlaceholderValue
from app.pages.render_rules import LISTS

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parents[2] / "templates/pages/lists"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def fact_values(clinic: Clinic) -> dict[str, PlaceholderValue]:
    """The facts by the name of their placeholder, without those that are not filled in.

    The demo clinic's are marked as invented.
    """
    note = " (invented for this demo)" if clinic.demo else ""
    texts = {f"care.{name}": text for name, text in clinic.care}
    texts["booking.cancellation"] = clinic.booking and clinic.booking.cancellation
    facts = {name: PlaceholderValue(text, note=note) for name, text in texts.items() if text}
    links = {f"link.{name}": str(url) for name, url in clinic.links if url}
    return facts | {name: PlaceholderValue(url, url, note) for name, url in links.items()}


def fact_conditions(clinic: Clinic) -> dict[str, bool]:
    """Whether each fact is filled in; ``care``: whether any of its facts is. Also to whom else
    inquiries go, for the privacy page.
    """
    values = fact_values(clinic)
    names = (
        *(f"care.{name}" for name, _ in clinic.care),
        "booking.cancellation",
        *(f"link.{name}" for name, _ in clinic.links),
    )
    conditions = {name: name in values for name in names}
    conditions |= {name: bool(getattr(clinic, name)) for name in (*LISTS, "notify")}
    with_content = {webhook.content for webhook in clinic.webhooks}
    return conditions | {
        "care": any(text for _, text in clinic.care),
        "several_locations": len(clinic.locations) > 1,
        "notify.urgent": any(receiver.urgent for receiver in clinic.notify),
        "webhooks.with_content": True in with_content,
        "webhooks.without_content": False in with_content,
    }


def fact_lists(clinic: Clinic) -> dict[str, Markup]:
    """The HTML of each block that is filled in."""
    templates = {name: TEMPLATES.get_template(f"{name}.html") for name in LISTS}
    return {
        name: Markup(template.render(clinic=clinic))  # noqa: S704 - the templates escape
        for name, template in templates.items()
        if getattr(clinic, name)
    }
