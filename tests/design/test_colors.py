"""Whoever reads with tired eyes can read every word: 7:1, in each color scheme."""

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
TEXT_ON_GROUND = (
    *(
        (text, ground)
        for text in ("ink", "quiet", "action", "urgent")
        for ground in ("paper", "shade")
    ),
    ("on-action", "action"),
    ("on-care", "urgent"),
    ("on-care", "ask"),
    ("on-emergency", "emergency"),
)
MARK_ON_GROUND = (("edge", "paper"), ("accent", "paper"), ("accent", "shade"))


def tokens(wants: tuple[str, ...]) -> dict[str, str]:
    """The color tokens as a browser with these preferences sees them."""
    seen: dict[str, str] = {}
    for block in BLOCK.finditer((CSS / "tokens.css").read_text(encoding="utf-8")):
        asked = re.findall(r"prefers-[a-z-]+: (\w+)", block["media"] or "")
        if set(asked) <= set(wants):
            seen |= dict(TOKEN.findall(block["tokens"]))
    return seen


def luminance(color: str) -> float:
    """Relative luminance, 0 to 1 (WCAG 2.2)."""
    digits = color[1:] if len(color) == 7 else "".join(2 * digit for digit in color[1:])
    channels = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """From 1 (the same) to 21 (black on white)."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("text", "ground"), TEXT_ON_GROUND)
def test_text_stands_out_from_its_ground(scheme: str, text: str, ground: str) -> None:
    color = tokens(SCHEMES[scheme])

    assert contrast(color[text], color[ground]) >= 7


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("mark", "ground"), MARK_ON_GROUND)
def test_borders_and_marks_can_be_made_out(scheme: str, mark: str, ground: str) -> None:
    color = tokens(SCHEMES[scheme])

    assert contrast(color[mark], color[ground]) >= 3


@pytest.mark.parametrize("sheet", ["base", "layout", "components"])
def test_colors_are_named_in_one_place(sheet: str) -> None:
    assert not HEX.findall((CSS / f"{sheet}.css").read_text(encoding="utf-8"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_browser_frame_has_the_color_of_the_paper(scheme: str) -> None:
    base = (ROOT / "templates" / "base.html").read_text(encoding="utf-8")
    paper = tokens(SCHEMES[scheme])["paper"]

    assert f'content="{paper}" media="(prefers-color-scheme: {scheme})"' in base
