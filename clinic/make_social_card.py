"""Draw the picture that stands beside a shared link: the clinic's name, logo and tagline.

    python clinic/make_social_card.py [FOLDER]

writes social-card.png, 1200 by 630 pixels, into a clinic's FOLDER; into this one without.

Needs Chromium and what ``make test`` installs; the site itself only serves the file. A clinic
may as well put any picture of its own there, or none.
"""

import os
import shutil
import sys
from html import escape
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# The colors of static/css/tokens.css, light.
PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; width: 1200px; height: 630px; box-sizing: border-box; padding: 76px 80px;
  display: grid; grid-template: 1fr auto / 1fr 440px; gap: 0 20px; overflow: hidden;
  background: #f3f1ea; color: #1a2523; border-bottom: 14px solid #b8592c;
  font: 30px/1.4 Seravek, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif; }}
header {{ display: flex; gap: 20px; align-items: center; }}
header svg {{ width: 76px; flex: none; }}
h1 {{ margin: 0; align-self: center; letter-spacing: -0.015em; text-wrap: balance;
  font: 400 68px/1.14 "Iowan Old Style", Palatino, P052, "Noto Serif", "DejaVu Serif", serif; }}
main {{ display: grid; grid-template-rows: auto 1fr; }}
aside {{ grid-area: 1 / 2 / span 2; align-self: center; color: #0b544d; }}
aside svg {{ width: 440px; height: auto; }}
.sun {{ fill: #b8592c; stroke: none; }}
p {{ margin: 0; color: #45514e; }}
</style><main><header>{logo}<span>{name}</span></header><h1>{tagline}</h1></main>
<p>{address}</p><aside>{illustration}</aside>"""


def page(folder: Path) -> str:
    """The picture as HTML, from the words of the clinic in ``folder``."""
    sys.path.insert(0, str(ROOT))
    from app.clinic import load_clinic  # noqa: PLC0415 - found only from the root

    clinic = load_clinic(folder)
    places = " · ".join(dict.fromkeys(f"{one.city}, {one.region}" for one in clinic.locations))
    illustration = ROOT / "templates" / "components" / "illustration.svg"
    return PAGE.format(
        logo=(folder / "logo.svg").read_text(encoding="utf-8"),
        illustration=illustration.read_text(encoding="utf-8"),
        name=escape(clinic.name),
        tagline=escape(clinic.tagline),
        address=escape(f"{places} · {clinic.phone}"),
    )


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    program = next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program, args=sandbox)
        tab = browser.new_page(viewport={"width": 1200, "height": 630})
        tab.set_content(page(folder))
        tab.screenshot(path=folder / "social-card.png")
        browser.close()


if __name__ == "__main__":
    main()
