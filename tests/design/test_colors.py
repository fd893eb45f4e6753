"""Contrast of the color tokens in every color scheme."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CSS = ROOT / "static" / "css"
BLOCK = re.compile(r"(?:@media (?P<media>[^{]+)\{\s*)?:root\s*\{(?P<tokens>[^}]*)\}")
TOKEN = re.compile(r"--([a-z-]+):\s*(#[0-9a-f]{3,6})\b")
HEX = re.compile(r"#[0-9a-f]{3,8}\b(?=[^{]*})", re.IGNORECASE)

SCHEMES = {
    "light": (),
    "dark": ("dark",),
    "more contrast": ("more",),
    "more contrast, dark": ("dark", "more"),
}
TEXT_ON_BACKGROUND = (
    *(
        (text, background)
        for text in ("ink", "quiet", "action", "urgent")
        for background in ("paper", "shade")
    ),
    ("on-action", "action"),
    ("on-care", "urgent"),
    ("on-care", "ask"),
    ("on-emergency", "emergency"),
)
MARK_ON_BACKGROUND = (("edge", "paper"), ("accent", "paper"), ("accent", "shade"))


def tokens(wants: tuple[str, ...]) -> dict[str, str]:
    """The color tokens in a browser with these preferences."""
    colors: dict[str, str] = {}
    for block in BLOCK.finditer((CSS / "tokens.css").read_text(encoding="utf-8")):
        queries = re.findall(r"prefers-[a-z-]+: (\w+)", block["media"] or "")
        if set(queries) <= set(wants):
            colors |= dict(TOKEN.findall(block["tokens"]))
    return colors


def luminance(color: str) -> float:
    """Relative luminance, 0 to 1 (WCAG 2.2)."""
    digits = color[1:] if len(color) == 7 else "".join(2 * digit for digit in color[1:])
    channels = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    """From 1 (the same) to 21 (black on white)."""
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


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


@pytest.mark.parametrize("sheet", ["base", "layout", "components"])
def test_colors_are_defined_only_in_tokens_css(sheet: str) -> None:
    assert not HEX.findall((CSS / f"{sheet}.css").read_text(encoding="utf-8"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_theme_color_matches_the_background(scheme: str) -> None:
    base = (ROOT / "templates" / "base.html").read_text(encoding="utf-8")
    paper = tokens(SCHEMES[scheme])["paper"]

    assert f'content="{paper}" media="(prefers-color-scheme: {scheme})"' in base
