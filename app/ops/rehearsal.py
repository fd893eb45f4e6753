"""What the first visitors would make, made before the workers are forked.

Templates are compiled, pages made in their smallest form, and each is asked for once: then
routes, texts and whatever else is made at a first use stand in memory that all processes
share, 10 MB less in each worker, and no visitor waits for it.
"""

from io import StringIO

from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import create_environ, run_wsgi_app

from app import pages

# What these answer to GET depends on no visitor; the map itself takes a process and a second.
PAGES = ("pages.", "contact.", "location.location")


def rehearse(app: Flask, site: str) -> None:
    """Ask for the pages of ``site`` (https://host), unheard by the log."""
    for name in app.jinja_env.list_templates(extensions=("html",)):
        if not name.startswith(("figures/", "email/")):  # they have makers of their own
            app.jinja_env.get_template(name)
    pages.prepare(app)
    for rule in app.url_map.iter_rules():
        if _is_page(rule):
            environ = create_environ(rule.rule, site, errors_stream=StringIO())
            run_wsgi_app(app.wsgi_app, environ)


def _is_page(rule: Rule) -> bool:
    asked = "GET" in (rule.methods or ()) and not rule.arguments
    return asked and rule.endpoint.startswith(PAGES)
