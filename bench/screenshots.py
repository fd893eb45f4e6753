"""``make screenshots``: every page at four widths, light and dark, in build/screenshots."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from bench.lighthouse import CHROMIUM
from bench.servers import ROOT, public_pages

WIDTHS = {360: 740, 768: 1024, 1280: 800, 1600: 1000}  # and the height of the first screen
FOLDER = ROOT / "build" / "screenshots"
# A full-page picture also has the figures that are loaded later.
LOAD_IMAGES = """() => Promise.all([...document.images].map(image => {
  image.loading = "eager";
  return image.decode().catch(() => {});
}))"""
IN_DOCUMENTATION = (
    ("/", 360, "light"),
    ("/", 1280, "light"),
    ("/evidence", 768, "dark"),
    ("/first-visit", 768, "light"),
    ("/after-your-infusion", 360, "dark"),
    ("/contact", 768, "dark"),
    ("/location", 1280, "dark"),
    ("/location", 360, "light"),
)


def main() -> None:
    """Take full-page screenshots, and first screens for docs/images."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with public_pages() as (base_url, paths), open_browser() as browser:
        for width, height in WIDTHS.items():
            page = browser.new_page(
                viewport={"width": width, "height": height}, reduced_motion="reduce"
            )
            page.goto(base_url)  # a first visit may be shown without the fonts
            for path in paths:
                page.goto(base_url + path, wait_until="networkidle")
                page.evaluate(LOAD_IMAGES)
                for scheme in ("light", "dark"):
                    _take(page, path, width, scheme)
            page.close()
    print(f"{len(list(FOLDER.glob('*.png')))} screenshots in {FOLDER.relative_to(ROOT)}")


@contextmanager
def open_browser() -> Iterator[Browser]:
    program = next(path for name in CHROMIUM if (path := shutil.which(name)))
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=sandbox)
        yield browser
        browser.close()


def _take(page: Page, path: str, width: int, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    name = f"{path.strip('/') or 'home'}-{width}-{scheme}.png"
    page.screenshot(path=FOLDER / name, full_page=True)
    if (path, width, scheme) in IN_DOCUMENTATION:
        save_for_documentation(page, name)


def save_for_documentation(page: Page, name: str, **options: Any) -> None:
    """Save what ``page`` shows as docs/images/``name``."""
    image = ROOT / "docs" / "images" / name
    page.screenshot(path=image, **options)
    if convert := shutil.which("convert"):  # a palette, for a third of the size
        command = [convert, str(image), "-strip", "-colors", "128", f"PNG8:{image}"]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
