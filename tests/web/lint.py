"""What every page must be, whoever wrote it: the test client reads all it fetches by this."""

from collections import Counter
from itertools import pairwise
from xml.etree.ElementTree import Element

import html5lib
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

HTML = "text/html"
HIDDEN = {"hidden", "submit", "button"}


def lint(html: str) -> list[str]:
    """The faults of one HTML document, each in a few words; an empty list is praise."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    document = parser.parse(html)
    faults = [f"invalid HTML: {code} at line {at[0]}" for at, code, _ in parser.errors]
    elements = [one for one in document.iter() if isinstance(one.tag, str)]
    return faults + _structure(document, elements) + _forbidden(elements) + _names(elements)


def _structure(document: Element, elements: list[Element]) -> list[str]:
    faults = [
        f"{len(found)} <{tag}> elements instead of one"
        for tag in ("title", "h1", "main")
        if len(found := [one for one in elements if one.tag == tag]) != 1
    ]
    if not document.get("lang"):
        faults.append("no lang on <html>")
    levels = [
        int(one.tag[1]) for one in elements if one.tag in ("h1", "h2", "h3", "h4", "h5", "h6")
    ]
    for before, after in pairwise(levels):
        if after > before + 1:
            faults.append(f"<h{after}> follows <h{before}>")
    return faults


def _forbidden(elements: list[Element]) -> list[str]:
    """What our Content-Security-Policy would block."""
    faults = []
    for one in elements:
        faults += [f"inline handler {name}" for name in one.attrib if name.startswith("on")]
        if "style" in one.attrib:
            faults.append(f"inline style on <{one.tag}>")
        if one.tag == "script" and not one.get("src") and one.get("type") != "application/ld+json":
            faults.append("inline script")
        for name in ("src", "href", "action"):
            if one.get(name, "").strip().lower().startswith(("javascript:", "data:")):
                faults.append(f"{name} that is a script or data")
    return faults


def _names(elements: list[Element]) -> list[str]:
    """Ids that are doubled or missing, and things without a name for those who cannot see."""
    ids = Counter(one.get("id") for one in elements if one.get("id"))
    faults = [f"id {name!r} stands {count} times" for name, count in ids.items() if count > 1]
    labelled = {one.get("for") for one in elements if one.tag == "label"}
    for one in elements:
        for name in ("aria-labelledby", "aria-describedby", "for", "aria-controls"):
            faults += [
                f"{name} names no id: {part}"
                for part in one.get(name, "").split()
                if part not in ids
            ]
        if (
            one.tag == "a"
            and (target := one.get("href", "")).startswith("#")
            and target[1:] not in ids
        ):
            faults.append(f"link to nothing: {target}")
        if one.tag == "img" and one.get("alt") is None:
            faults.append("image without alt")
        field = one.tag in ("input", "select", "textarea") and one.get("type") not in HIDDEN
        if field and one.get("id") not in labelled and not one.get("aria-label"):
            faults.append(f"field without a label: {one.get('name')}")
    return faults


class LintingClient(FlaskClient):
    """A test client that refuses to hand over a faulty page.

    ``app.test_client_class = LintingClient`` makes every test of ``app`` read so.
    """

    def open(self, *args: object, **kwargs: object) -> TestResponse:
        response = super().open(*args, **kwargs)  # type: ignore[arg-type]
        if (
            response.mimetype == HTML
            and response.data
            and response.status_code not in (301, 303, 308)
        ):
            faults = lint(response.get_data(as_text=True))
            assert not faults, f"{response.request.path}: " + "; ".join(faults)
        return response
