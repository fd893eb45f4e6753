"""Figures: rendered from the clinic's data, accessible, and validated."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from markupsafe import escape
from playwright.sync_api import Page

from app.pages.figures.render import FONT_SIZE

CLINIC = Path(__file__).parents[2] / "clinic"
PATHS = {
    "visit-timeline": "/first-visit",
    "mechanism": "/questions",
    "trials": "/evidence",
    "effect-duration": "/after-your-infusion",
}
SOURCE = '[a-2020]\ntext = "A. 2020."\n'
EFFECT = '[[effects]]\nlabel = "Effect"\nnote = "a note"\nreferences = ["a-2020"]\n'
DURATION = (
    'kind = "effect_duration"\ntitle = "T <i>"\ndescription = "D"\n'
    'axis_label = "S"\naxis_max = 27\nticks = [0, 24]\n'
    '[driving]\nlabel = "No driving"\nhours = 24\ncondition = "sleep"\nreferences = ["a-2020"]\n'
)
TEXT_OUTSIDE = """() => [...document.querySelectorAll('text')].filter(text => {
      const own = text.getBoundingClientRect();
      const box = document.documentElement.getBoundingClientRect();
      return own.left < box.left - 2 || own.right > box.right + 2 || own.bottom > box.bottom + 2;
    }).map(text => text.textContent)"""
each_figure = pytest.mark.parametrize(("name", "path"), PATHS.items())


def figure(client: FlaskClient, path: str) -> str:
    found = re.search(r'<figure class="figure.*?</figure>', client.get(path).text, re.DOTALL)
    assert found
    return found[0]


def trials() -> list[dict[str, Any]]:
    panels = tomllib.loads((CLINIC / "figures" / "trials.toml").read_text("utf-8"))["panels"]
    return [trial for panel in panels for trial in panel["trials"]]


@each_figure
def test_figure_is_described_in_words_and_loaded_later(
    client: FlaskClient, name: str, path: str
) -> None:
    html = figure(client, path)
    table = tomllib.loads((CLINIC / "figures" / f"{name}.toml").read_text("utf-8"))
    assert f"<strong>{table['title']}</strong>" in html
    assert re.search(rf'<img src="/figures/{name}.svg"[^>]* loading="lazy"', html)
    assert f'alt="{table["description"]}"' in html


@each_figure
def test_images_have_the_size_that_the_page_reserves(
    client: FlaskClient, name: str, path: str
) -> None:
    html = figure(client, path)
    for file in (f"{name}.svg", f"{name}-wide.svg"):
        [(width, height)] = set(re.findall(rf'/figures/{file}" width="(\d+)" height="(\d+)"', html))
        response = client.get(f"/figures/{file}")
        assert response.content_type == "image/svg+xml"
        assert f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"' in response.text
        assert response.headers["Content-Security-Policy"].startswith(
            "default-src 'none'; style-src"
        )


@each_figure
@pytest.mark.parametrize("suffix", ["", "-wide"])
def test_every_number_in_the_drawing_is_in_the_table(
    client: FlaskClient, name: str, path: str, suffix: str
) -> None:
    drawing = client.get(f"/figures/{name}{suffix}.svg").text
    table = figure(client, path).partition("<details>")[2]
    texts = re.findall(r'<text[^>]*(?:font-weight="600"|x="-?\.8em")[^>]*>([^<]+)<', drawing)
    numbers = {one for text in texts for one in re.findall(r"\d+(?:\.\d+)?", text)}
    assert numbers if name != "visit-timeline" else texts
    assert {one for one in numbers if not re.search(rf"\b{re.escape(one)}\b", table)} == set()


@pytest.mark.parametrize(
    ("name", "finding"),
    [
        ("Lii 2023", "No clear difference"),
        ("KARMA-Dep 2", "No clear difference"),
        ("KetECT 2022", "ECT did better"),
        ("Ionescu 2019", "No clear difference"),
        ("Shiroma 2020", "No clear difference"),
        ("Cochrane review 2025", "No clear benefit"),
        ("Abdallah 2022", "No PTSD benefit"),
    ],
)
def test_trials_without_benefit_are_in_the_chart(
    client: FlaskClient, name: str, finding: str
) -> None:
    for suffix in ("", "-wide"):
        drawing = client.get(f"/figures/trials{suffix}.svg").text
        assert re.search(rf">{name}</text>\s*<text[^>]*>{finding}<", drawing)


@pytest.mark.parametrize("trial", trials(), ids=lambda trial: trial["name"])
def test_chart_and_page_have_the_same_numbers(trial: dict[str, Any]) -> None:
    text = (CLINIC / "pages" / "evidence.md").read_text("utf-8").replace(",", "")
    rows = [
        row for row in text.splitlines() if row[:1] == "|" and f"@{trial['references'][0]}" in row
    ]
    numbers = [
        trial[key] for key in ("participants", "ketamine_value", "comparator_value") if key in trial
    ]
    assert rows
    matches = [all(re.search(rf"(?<![\d.]){re.escape(f'{n:g}')}\b", row) for n in numbers)
            for row in rows]  # fmt: skip
    assert any(matches), f"{trial['name']}: {numbers}"


@pytest.mark.parametrize("trial", trials(), ids=lambda trial: trial["name"])
def test_each_trial_cites_its_source_in_the_table(
    client: FlaskClient, trial: dict[str, Any]
) -> None:
    name = re.escape(trial["name"])
    row = re.search(rf'<td>{name}<sup.*?href="/references#(ref-\d+)"', client.get("/evidence").text)
    assert row
    entry = re.search(rf'<li id="{row[1]}".*?</li>', client.get("/references").text, re.DOTALL)
    sources = tomllib.loads((CLINIC / "references.toml").read_text("utf-8"))
    assert entry
    assert escape(sources[trial["references"][0]]["text"].split(".")[0]) in entry[0]


def test_animal_findings_are_labeled(client: FlaskClient) -> None:
    drawing = client.get("/figures/mechanism.svg").text
    assert re.search(r">New connections</text>.*From animal studies</text>", drawing, re.DOTALL)


def test_drawing_has_the_font_of_the_site(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto("/figures/trials.svg")
    used = "document.fonts.ready.then(() => [...document.fonts].map(font => font.status))"
    assert page.evaluate(used) == ["loaded"]


def test_text_stays_inside_the_drawing(open_page: Callable[..., Page]) -> None:
    page = open_page()
    for name in PATHS:
        for suffix in ("", "-wide"):
            page.goto(f"/figures/{name}{suffix}.svg")
            assert page.evaluate(TEXT_OUTSIDE) == [], name + suffix


def test_text_is_large_enough_on_a_small_phone(open_page: Callable[..., Page]) -> None:
    page = open_page(viewport={"width": 320, "height": 640})
    for path in PATHS.values():
        page.goto(path)
        image = page.locator(".figure img")
        scale = image.evaluate("one => one.clientWidth / one.getAttribute('width')")
        assert scale * FONT_SIZE >= 14, path


def test_drawing_follows_the_color_scheme_and_the_clinics_colors(
    open_page: Callable[..., Page],
) -> None:
    page = open_page(color_scheme="dark")
    page.goto("/figures/trials.svg")
    assert page.evaluate("getComputedStyle(document.documentElement).color") == "rgb(232, 236, 232)"


def issues(folder: Any, data: str, text: str = "::: figure f\nWords.\n:::") -> list[str]:
    (folder.path / "figures").mkdir()
    (folder.path / "figures" / "f.toml").write_text(data, encoding="utf-8")
    folder.sources(SOURCE)
    folder.write("index", text)
    lines: list[str] = folder.issues()
    return lines


@pytest.mark.parametrize(
    ("data", "issue"),
    [
        ("kind = ", "1: Invalid value"),
        (
            'kind = "pie"',
            "1: kind: must be one of effect_duration, mechanism, trials, visit_timeline",
        ),
        (DURATION, "1: effects: missing"),
        (f"{DURATION}{EFFECT}color = 1\n", "16: effects[0].color: unknown key"),
        (
            f"{DURATION}{EFFECT}{EFFECT}hours = -1\n",
            "20: effects[1].hours: Input should be greater",
        ),
        (f"{DURATION}{EFFECT}hours = 30\n", "1: f: effects: 'Effect' is longer"),
        (DURATION + EFFECT.replace("a-2020", "b-2021"), "15: references: b-2021 is not in"),
    ],
)
def test_invalid_data_is_reported_with_file_key_and_reason(
    folder: Any, data: str, issue: str
) -> None:
    found = issues(folder, data)
    assert any(line.startswith(f"figures/f.toml:{issue}") for line in found), found


def test_unknown_figure_is_reported_with_its_line(folder: Any) -> None:
    found = issues(folder, DURATION + EFFECT, "one\n\n::: figure g\n:::")
    assert "pages/index.md:8: unknown figure g: there is no figures/g.toml" in found


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("ketamine_value = 60\n", "ketamine_value = 160\n", "Lii 2023"),
        ("confidence_interval = [4.37,", "confidence_interval = [0.37,", "Newport 2015"),
        ("ticks = [1, 3,", "ticks = [0, 3,", "ticks"),
        ("no_effect = 1\n", "no_effect = 0\n", "no_effect"),
    ],
)
def test_number_outside_its_axis_is_rejected(folder: Any, old: str, new: str, place: str) -> None:
    data = (CLINIC / "figures" / "trials.toml").read_text("utf-8")
    assert old in data
    found = issues(folder, data.replace(old, new))
    reason = f"{place}: a number is not between axis_min and axis_max"
    assert any(line.endswith(reason) for line in found), found


def test_figure_can_be_on_a_page_twice(folder: Any) -> None:
    (folder.path / "figures").mkdir()
    (folder.path / "figures" / "f.toml").write_text(DURATION + EFFECT)
    folder.sources(SOURCE)
    folder.write("index", "::: figure f\nWords.\n:::\n" * 2)
    page = folder.load()["/"]
    ids = re.findall(r' id="([^"]+)"', page.lead + page.body)
    assert ids == ["cite-1"]
    assert "T &lt;i&gt;" in page.body
    assert "<i>" not in page.body
