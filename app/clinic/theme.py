"""The clinic's colors: four color tokens of the site, checked to be readable, in light and dark.

The other tokens, and the values of these four without a ``[theme]``, are in static/css/tokens.css.
Contrast is that of WCAG 2.2.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo, field_validator

TOKENS_FILE = Path(__file__).parents[2] / "static" / "css" / "tokens.css"
ROOT_BLOCK = re.compile(r":root \{([^}]*)\}")
TOKEN = re.compile(r"--([a-z-]+): (#[0-9a-f]{3,6})\b")
TEXT_CONTRAST, MARK_CONTRAST = 7.0, 3.0

Tokens = Mapping[str, str]
COLOR = re.compile(r"#[0-9a-f]{6}")


def _color(text: str) -> str:
    if not COLOR.fullmatch(text.lower()):
        raise ValueError("write a color as # and six digits, like #0b544d")
    return text.lower()


Color = Annotated[str, AfterValidator(_color)]


def _read_tokens() -> tuple[Tokens, Tokens]:
    """The color tokens of light and dark mode, which are the first two blocks of the file."""
    blocks = ROOT_BLOCK.findall(TOKENS_FILE.read_text(encoding="utf-8"))
    light, dark = (dict(TOKEN.findall(block)) for block in blocks[:2])
    return light, light | dark


LIGHT, DARK = _read_tokens()


class Theme(BaseModel):
    """``action``: links and buttons. ``deep``: the top bar and the footer. ``tint``: the opening
    of the front page. ``accent``: marks, never text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    tint: Color = LIGHT["tint"]
    deep: Color = LIGHT["deep"]
    accent: Color = LIGHT["accent"]
    action: Color = LIGHT["action"]

    @field_validator("tint")
    @classmethod
    def _text_is_readable_on_it(cls, tint: str) -> str:
        _require_contrast(tint, (LIGHT["quiet"],), TEXT_CONTRAST, "the text on it", "lighter")
        return tint

    @field_validator("deep")
    @classmethod
    def _white_is_readable_on_it(cls, deep: str) -> str:
        _require_contrast(deep, (LIGHT["on-deep"],), TEXT_CONTRAST, "the text on it", "darker")
        return deep

    @field_validator("accent")
    @classmethod
    def _is_visible(cls, accent: str, info: ValidationInfo) -> str:
        backgrounds = _backgrounds({**LIGHT, **info.data})
        _require_contrast(accent, backgrounds, MARK_CONTRAST, "the background", "darker")
        return accent

    @field_validator("action")
    @classmethod
    def _is_readable(cls, action: str, info: ValidationInfo) -> str:
        backgrounds = _backgrounds({**LIGHT, **info.data})
        _require_contrast(action, backgrounds, TEXT_CONTRAST, "the background", "darker")
        return action

    @property
    def light(self) -> Tokens:
        """The tokens that differ from the site's."""
        return {name: color for name, color in self if color != LIGHT[name]}

    @property
    def dark(self) -> Tokens:
        """The same tokens for dark mode, as dark or light as text needs."""
        if not (changed := set(self.light)):
            return {}
        follows_action = changed & {"tint", "action"}
        tint = mix(DARK["paper"], self.action, 0.2) if follows_action else DARK["tint"]
        backgrounds = _backgrounds({**DARK, "tint": tint})
        tokens = {
            "deep": mix(self.deep, "#000000", 0.35),
            "accent": _lighten(self.accent, backgrounds, MARK_CONTRAST),
            "action": _lighten(self.action, backgrounds, TEXT_CONTRAST),
        }
        return {"tint": tint, **{name: tokens[name] for name in tokens if name in changed}}

    @property
    def all_light(self) -> Tokens:
        """All color tokens in light mode."""
        return {**LIGHT, **self.light}

    @property
    def all_dark(self) -> Tokens:
        return {**DARK, **self.dark}

    @property
    def css(self) -> str:
        """Rules that change the site's tokens; empty for the site's own colors."""
        if not self.light:
            return ""
        return (
            f"@media (prefers-contrast:no-preference){{{_rule(self.light)}"
            f"@media screen and (prefers-color-scheme:dark){{{_rule(self.dark)}}}}}"
        )

    @property
    def drawing_css(self) -> str:
        """Rules that define all color tokens, for an SVG image."""
        dark = _rule(self.all_dark)
        return f"{_rule(self.all_light)}@media (prefers-color-scheme:dark){{{dark}}}"


def contrast(first: str, second: str) -> float:
    """The contrast of two colors, from 1 (the same) to 21 (black on white)."""
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def mix(color: str, other: str, share: float) -> str:
    """``color`` with this ``share`` of ``other``."""
    pairs = zip(_channels(color), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _require_contrast(
    color: str, others: Iterable[str], least: float, subject: str, advice: str
) -> None:
    """Raise ValueError if ``color`` is too much like one of ``others``, which are ``subject``."""
    other = min(others, key=lambda background: contrast(color, background))
    if (ratio := contrast(color, other)) < least:
        raise ValueError(
            f"{color} has a contrast of {ratio:.1f}:1 with {subject}, {other}, and needs"
            f" {least:g}:1: choose a {advice} color"
        )


def _backgrounds(tokens: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(tokens[name] for name in ("paper", "shade", "tint", "sand"))


def _lighten(color: str, backgrounds: Iterable[str], least: float) -> str:
    """``color`` with as much white as it needs on ``backgrounds``, which are dark."""
    darkest_text = max(backgrounds, key=_luminance)
    shades = (mix(color, "#ffffff", percent / 100) for percent in range(0, 101, 2))
    return next(shade for shade in shades if contrast(shade, darkest_text) >= least)


def _channels(color: str) -> list[int]:
    digits = (
        color[1:] if len(color) == len("#rrggbb") else "".join(2 * digit for digit in color[1:])
    )
    return [int(digits[at : at + 2], 16) for at in (0, 2, 4)]


def _luminance(color: str) -> float:
    parts = (channel / 255 for channel in _channels(color))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _rule(tokens: Tokens) -> str:
    return f":root{{{';'.join(f'--{name}:{color}' for name, color in tokens.items())}}}"
