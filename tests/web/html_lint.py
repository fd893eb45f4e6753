"""Rules for the HTML of every page, and a test client that checks every page it fetches."""

from collections import Counter
from functools import lru_cache
from itertools import pairwise
from xml.etree.ElementTree import Element

import html5lib
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

HTML = "text/html"
HIDDEN = {"hidden", "submit", "button"}


@lru_cache(maxsize=256)
def lint(html: str) -> list[str]:
    """Return a short message for each error in an HTML document."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    document = parser.parse(html)
    errors = [f"invalid HTML: {code} at line {at[0]}" for at, code, _ in parser.errors]
    elements = [element for element in document.iter() if isinstance(element.tag, str)]
    return errors + _structure(document, elements) + _forbidden(elements) + _names(elements)


def _structure(document: Element, elements: list[Element]) -> list[str]:
    errors = [
        f"{len(found)} <{tag}> elements instead of one"
        for tag in ("title", "h1", "main")
        if len(found := [element for element in elements if element.tag == tag]) != 1
    ]
    if not document.get("lang"):
        errors.append("no lang on <html>")
    levels = [
        int(element.tag[1])
        for element in elements
        if element.tag in ("h1", "h2", "h3", "h4", "h5", "h6")
    ]
    for before, after in pairwise(levels):
        if after > before + 1:
            errors.append(f"<h{after}> follows <h{before}>")
    return errors


def _forbidden(elements: list[Element]) -> list[str]:
    """Find what our Content-Security-Policy would block."""
    errors = []
    for element in elements:
        errors += [f"inline handler {name}" for name in element.attrib if name.startswith("on")]
        if "style" in element.attrib:
            errors.append(f"inline style on <{element.tag}>")
        if (
            element.tag == "script"
            and not element.get("src")
            and element.get("type") != "application/ld+json"
        ):
            errors.append("inline script")
        for name in ("src", "href", "action"):
            if element.get(name, "").strip().lower().startswith(("javascript:", "data:")):
                errors.append(f"{name} is a script or data")
    return errors


def _names(elements: list[Element]) -> list[str]:
    """Find duplicate or missing ids, and elements without an accessible name."""
    ids = Counter(element.get("id") for element in elements if element.get("id"))
    errors = [f"id {name!r} is used {count} times" for name, count in ids.items() if count > 1]
    labelled = {element.get("for") for element in elements if element.tag == "label"}
    for element in elements:
        for name in ("aria-labelledby", "aria-describedby", "for", "aria-controls"):
            errors += [
                f"{name} refers to a missing id: {part}"
                for part in element.get(name, "").split()
                if part not in ids
            ]
        if (
            element.tag == "a"
            and (target := element.get("href", "")).startswith("#")
            and target[1:] not in ids
        ):
            errors.append(f"link to a missing id: {target}")
        if element.tag == "img" and element.get("alt") is None:
            errors.append("image without alt")
        field = element.tag in ("input", "select", "textarea") and element.get("type") not in HIDDEN
        if field and element.get("id") not in labelled and not element.get("aria-label"):
            errors.append(f"field without a label: {element.get('name')}")
    return errors


class LintingClient(FlaskClient):
    """A test client that fails when a page has an error.

    ``app.test_client_class = LintingClient`` applies it to every test of ``app``.
    """

    def open(self, *args: object, **kwargs: object) -> TestResponse:
        response = super().open(*args, **kwargs)  # type: ignore[arg-type]
        if (
            response.mimetype == HTML
            and response.data
            and response.status_code not in (301, 302, 303, 308)
        ):
            errors = lint(response.get_data(as_text=True))
            assert not errors, f"{response.request.path}: " + "; ".join(errors)
        return response
