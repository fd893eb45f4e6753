"""Each page at three widths, light and dark, into build/screenshots: ``make screenshots``."""

import os
import shutil
import subprocess

from playwright.sync_api import Page, sync_playwright

from bench.lighthouse import CHROMIUM
from bench.public_pages import site_and_pages
from bench.servers import ROOT

WIDTHS = {360: 740, 768: 1024, 1440: 900}  # and heights, where only the first screen is shown
SHOTS = ROOT / "build" / "screenshots"
PICKED = (
    ("/", 360, "light"),
    ("/", 1440, "light"),
    ("/evidence", 768, "dark"),
    ("/first-visit", 768, "light"),
    ("/after-your-infusion", 360, "dark"),
    ("/contact", 768, "dark"),
)


def main() -> None:
    """Whole pages; of those in ``PICKED`` also the first screen, into docs/images."""
    program = next(path for name in CHROMIUM if (path := shutil.which(name)))
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    SHOTS.mkdir(parents=True, exist_ok=True)
    with site_and_pages() as (address, paths), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=sandbox)
        for width, height in WIDTHS.items():
            page = browser.new_page(
                viewport={"width": width, "height": height}, reduced_motion="reduce"
            )
            for path in paths:
                page.goto(address + path)
                for scheme in ("light", "dark"):
                    _shoot(page, path, width, scheme)
            page.close()
        browser.close()
    print(f"{len(list(SHOTS.glob('*.png')))} pictures in {SHOTS.relative_to(ROOT)}")


def _shoot(page: Page, path: str, width: int, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    name = f"{path.strip('/') or 'home'}-{width}-{scheme}.png"
    page.screenshot(path=SHOTS / name, full_page=True)
    if (path, width, scheme) in PICKED:
        picture = ROOT / "docs" / "images" / name
        page.screenshot(path=picture)
        if convert := shutil.which("convert"):  # a palette: a third of the bytes
            command = [convert, str(picture), "-strip", "-colors", "128", f"PNG8:{picture}"]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
