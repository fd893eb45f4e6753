"""The settings of gunicorn.conf.py without the hooks that need the site."""

from pathlib import Path
from runpy import run_path

EXCLUDED = {"wsgi_app", "settings"}
site = run_path(str(Path(__file__).parents[1] / "gunicorn.conf.py"))
globals().update(
    {
        name: value
        for name, value in site.items()
        if not callable(value) and name not in EXCLUDED and not name.startswith("_")
    }
)
