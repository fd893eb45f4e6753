"""What the first visitors would make, made before the workers are forked.

Templates are compiled, and each page is asked for once and made in its smallest form: then
routes, texts and whatever else comes of a first use stand in memory that all processes share,
10 MB less in each worker. No visitor waits for it, and the very first has a page in one flight.
"""

from io import StringIO

from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import create_environ, run_wsgi_app

from app.web.cache import UNHURRIED

# What these answer to GET depends on no visitor; the map itself takes a process and a second.
PAGES = ("pages.", "contact.", "location.location")


def rehearse(app: Flask, site: str) -> None:
    """Ask for the pages of ``site`` (https://host), unheard by the log; takes half a second."""
    for name in app.jinja_env.list_templates(extensions=("html",)):
        if not name.startswith(("figures/", "email/")):  # they have makers of their own
            app.jinja_env.get_template(name)
    for rule in app.url_map.iter_rules():
        if _is_page(rule):
            run_wsgi_app(app.wsgi_app, _request(site, rule.rule))


def _is_page(rule: Rule) -> bool:
    asked = "GET" in (rule.methods or ()) and not rule.arguments
    return asked and rule.endpoint.startswith(PAGES)


def _request(site: str, path: str) -> dict[str, object]:
    """Of a browser that takes Brotli."""
    return create_environ(
        path,
        site,
        headers={"Accept-Encoding": "br"},
        errors_stream=StringIO(),
        environ_overrides={UNHURRIED: True},
    )
