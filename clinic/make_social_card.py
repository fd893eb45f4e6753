"""Draws the image that stands beside a shared link: the clinic's name, logo, tagline and drawing.

    make social-card CLINIC_DIR=…

writes social-card.png, 1200 by 630 pixels, into the clinic's folder; into this one without.

Needs Chromium and what ``make test`` installs; the site itself only serves the file. A clinic
may as well put any image of its own there, or none.
"""

import base64
import os
import shutil
import sys
from html import escape
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FONTS = (("Read", "atkinson-hyperlegible-next"), ("Head", "source-serif-4"))
PAGE = """<!doctype html><meta charset="utf-8"><style>{fonts}{tokens}
body {{ margin: 0; width: 1200px; height: 630px; box-sizing: border-box; padding: 76px 80px;
  display: grid; grid-template: 1fr auto / 1fr 440px; gap: 0 20px; overflow: hidden;
  background: var(--tint); color: var(--ink); border-bottom: 14px solid var(--accent);
  font: 30px/1.4 Read, sans-serif; }}
header {{ display: flex; gap: 20px; align-items: center; }}
header svg {{ width: 76px; flex: none; }}
h1 {{ margin: 0; align-self: center; letter-spacing: -0.02em; text-wrap: balance;
  font: 500 68px/1.1 Head, serif; }}
main {{ display: grid; grid-template-rows: auto 1fr; }}
aside {{ grid-area: 1 / 2 / span 2; align-self: center; }}
aside svg {{ width: 440px; height: auto; }}
p {{ margin: 0; color: var(--quiet); }}
</style><main><header>{logo}<span>{name}</span></header><h1>{tagline}</h1></main>
<p>{address}</p><aside>{drawing}</aside>"""


def page(folder: Path) -> str:
    """The image as HTML, from the words and the drawing of the clinic in ``folder``."""
    sys.path.insert(0, str(ROOT))
    from app.clinic import load_clinic  # noqa: PLC0415 - found only from the root

    clinic = load_clinic(folder)
    places = " · ".join(dict.fromkeys(location.place for location in clinic.locations))
    drawing = folder / "illustration.svg"
    tokens = ";".join(f"--{name}:{color}" for name, color in clinic.theme.all_light.items())
    return PAGE.format(
        fonts="".join(font_face(family, file) for family, file in FONTS),
        tokens=f":root{{{tokens}}}",
        logo=(folder / "logo.svg").read_text(encoding="utf-8"),
        drawing=drawing.read_text(encoding="utf-8") if drawing.exists() else "",
        name=escape(clinic.name),
        tagline=escape(clinic.tagline),
        address=escape(f"{places} · {clinic.phone}"),
    )


def font_face(family: str, file: str) -> str:
    data = base64.b64encode((ROOT / "static" / "fonts" / f"{file}.woff2").read_bytes()).decode()
    return f"@font-face{{font-family:{family};src:url(data:font/woff2;base64,{data})}}"


def main() -> None:
    folder = Path(sys.argv[1]).expanduser() if len(sys.argv) > 1 else HERE
    program = next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program, args=sandbox)
        tab = browser.new_page(viewport={"width": 1200, "height": 630})
        tab.set_content(page(folder))
        tab.evaluate("document.fonts.ready")
        tab.screenshot(path=folder / "social-card.png")
        browser.close()


if __name__ == "__main__":
    main()
