"""Contrast of the color tokens in every color scheme, and of a clinic's own colors."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.clinic.theme import DARK, LIGHT, Theme, contrast

ROOT = Path(__file__).parents[2]
CSS = ROOT / "static" / "css"
SHEETS = ("base", "layout", "components", "form", "references", "print")
BLOCK = re.compile(r"(?:@media (?P<media>[^{]+)\{\s*)?:root\s*\{(?P<tokens>[^}]*)\}")
TOKEN = re.compile(r"--([a-z-]+):\s*(#[0-9a-f]{3,6})\b")
HEX = re.compile(r"#[0-9a-f]{3,8}\b(?=[^{]*})", re.IGNORECASE)

SCHEMES = {
    "light": (),
    "dark": ("dark",),
    "more contrast": ("more",),
    "more contrast, dark": ("dark", "more"),
}
BACKGROUNDS = ("paper", "shade", "tint", "sand")
TEXT_ON_BACKGROUND = (
    *((text, background) for text in ("ink", "quiet", "action") for background in BACKGROUNDS),
    *(("urgent", background) for background in ("paper", "shade", "tint")),
    ("on-action", "action"),
    ("on-deep", "deep"),
    ("on-care", "alarm"),
    ("on-care", "ask"),
    ("on-care", "emergency"),
)
MARK_ON_BACKGROUND = (("edge", "paper"), *(("accent", background) for background in BACKGROUNDS))


def tokens(wants: tuple[str, ...]) -> dict[str, str]:
    """The color tokens in a browser with these preferences."""
    colors: dict[str, str] = {}
    for block in BLOCK.finditer((CSS / "tokens.css").read_text(encoding="utf-8")):
        queries = re.findall(r"prefers-[a-z-]+: (\w+)", block["media"] or "")
        if set(queries) <= set(wants):
            colors |= dict(TOKEN.findall(block["tokens"]))
    return colors


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#ffffff", "#000") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("text", "background"), TEXT_ON_BACKGROUND)
def test_text_has_contrast_7_to_1(scheme: str, text: str, background: str) -> None:
    color = tokens(SCHEMES[scheme])

    assert contrast(color[text], color[background]) >= 7


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("mark", "background"), MARK_ON_BACKGROUND)
def test_borders_and_marks_have_contrast_3_to_1(scheme: str, mark: str, background: str) -> None:
    color = tokens(SCHEMES[scheme])

    assert contrast(color[mark], color[background]) >= 3


@pytest.mark.parametrize("sheet", SHEETS)
def test_colors_are_defined_only_in_tokens_css(sheet: str) -> None:
    assert not HEX.findall((CSS / f"{sheet}.css").read_text(encoding="utf-8"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_theme_color_matches_the_background(scheme: str) -> None:
    base = (ROOT / "templates" / "base.html").read_text(encoding="utf-8")
    paper = tokens(SCHEMES[scheme])["paper"]

    assert f'content="{paper}" media="(prefers-color-scheme: {scheme})"' in base


@pytest.mark.parametrize(
    "colors",
    [
        {},
        {"action": "#5b2a86", "tint": "#efe8f5", "deep": "#33164e"},
        {"action": "#000000", "accent": "#7a7a7a"},
        {"action": "#7a1020", "tint": "#fdeeee", "deep": "#400008", "accent": "#a04000"},
    ],
    ids=["the site's", "violet", "black", "red"],
)
def test_a_clinics_colors_are_readable_in_light_and_dark(colors: dict[str, str]) -> None:
    theme = Theme(**colors)

    for scheme in (theme.all_light, theme.all_dark):
        for text, background in TEXT_ON_BACKGROUND:
            assert contrast(scheme[text], scheme[background]) >= 6.9, (text, background)
        for mark, background in MARK_ON_BACKGROUND:
            assert contrast(scheme[mark], scheme[background]) >= 3, (mark, background)
    assert bool(theme.css) == bool(colors)


@pytest.mark.parametrize(
    ("key", "color", "reason"),
    [
        ("action", "#6fb1a8", "contrast of 2.0:1 with the background, #f3e6d8, and needs 7:1"),
        ("tint", "#777777", "choose a lighter color"),
        ("deep", "#0f8f80", "choose a darker color"),
        ("accent", "#f0c0a0", "needs 3:1"),
        ("accent", "orange", "write a color as # and six digits"),
    ],
)
def test_a_color_that_is_hard_to_see_is_refused(key: str, color: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(reason)) as error:
        Theme(**{key: color})
    assert error.value.errors()[0]["loc"] == (key,)


def test_the_themes_defaults_are_the_sites_tokens() -> None:
    assert tokens(()) == LIGHT
    assert tokens(("dark",)) == DARK
