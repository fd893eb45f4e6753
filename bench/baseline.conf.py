"""The site's own gunicorn settings, without the hooks that know the site."""

from pathlib import Path
from runpy import run_path

OWN = {"wsgi_app", "settings"}
site = run_path(str(Path(__file__).parents[1] / "gunicorn.conf.py"))
globals().update(
    {
        name: value
        for name, value in site.items()
        if not callable(value) and name not in OWN and not name.startswith("_")
    }
)
