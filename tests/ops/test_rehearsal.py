"""What is made before the workers are forked: visitors find it, nobody hears of it."""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import brotli
import pytest
from flask import Flask, template_rendered

from app.ops.rehearsal import rehearse
from tests.support.site import METRICS_TOKEN

PAGES = ("/", "/first-visit", "/after-your-infusion", "/evidence", "/location", "/contact")
SITE = "http://127.0.0.1:8000"
PUBLIC = "https://clinic.example"


@pytest.fixture
def public(make_app: Callable[..., Flask], clinic_dir: Path, tmp_path: Path) -> Flask:
    """A site in production, which answers to its own name alone, and is counted."""
    folder = tmp_path / "clinic"
    shutil.copytree(clinic_dir, folder)
    file = folder / "clinic.toml"
    file.write_text(file.read_text("utf-8").replace("demo = true", "demo = false"), "utf-8")
    return make_app(
        APP_ENV="production",
        TRUSTED_PROXIES="1",
        BASE_URL=PUBLIC,
        CLINIC_DIR=str(folder),
        MAIL_DEFAULT_SENDER="web@clinic.example",
        METRICS_TOKEN=METRICS_TOKEN,
    )


def test_the_first_visitor_finds_pages_that_are_made(public: Flask) -> None:
    made: list[object] = []
    with template_rendered.connected_to(lambda *_, **more: made.append(more["template"]), public):
        rehearse(public, PUBLIC)
        assert len(made) >= len(PAGES)
        made.clear()
        for path in PAGES:
            assert public.test_client().get(path, base_url=PUBLIC).status_code == 200
        assert not made


def test_the_first_visitor_has_a_page_in_its_smallest_form(app: Flask) -> None:
    rehearse(app, SITE)
    for path in PAGES:
        answer = app.test_client().get(path, headers={"Accept-Encoding": "br"})
        smallest = brotli.compress(brotli.decompress(answer.data), quality=11)
        assert len(answer.data) == len(smallest)


def test_neither_log_nor_metrics_hear_of_it(
    public: Flask, capfd: pytest.CaptureFixture[str]
) -> None:
    capfd.readouterr()
    rehearse(public, PUBLIC)
    public.extensions["metrics"].requests.empty()  # as gunicorn.conf.py does after it
    told = capfd.readouterr()
    assert (told.out, told.err) == ("", "")
    assert "frontdesk_requests_total" not in public.extensions["metrics"].text().decode()


def test_it_makes_no_map_and_starts_no_thread(app: Flask, tmp_path: Path) -> None:
    before = threading.active_count()
    rehearse(app, SITE)
    assert threading.active_count() == before
    assert not [*tmp_path.rglob("map-*.json")]
