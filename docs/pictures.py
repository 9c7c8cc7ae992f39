"""Take the pictures of the README from a running demo: `make run` in one terminal, `make pictures` in another.

Needs what the tests need (Chromium, Playwright, Pillow). The people on them are the demo's invented ones.
"""

import io
import json
import os
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent
PICTURES = HERE / "pictures"
SIGN_INS = HERE.parent / "var" / "demo-sign-ins.json"
DESK, PHONE = (1280, 960), (360, 720)
COLOURS = 64  # a page of this product has few

# name, role, page, size of the window; what is below the window is left out
SHOTS = (
    ("dashboard", "ops_operator", "/ops/dashboard?length=90", (1280, 1500)),
    ("business", "business_admin", "/business/technicians", DESK),
    ("technician", "technician", "/me", PHONE),
    ("disclosure", "technician", "/me/disclosure", PHONE),
)


def take(browser: Browser, base: str, person: dict, page: str, size: tuple[int, int]) -> Image.Image:
    """Return what a person sees of a page at once, after signing in."""
    context = browser.new_context(
        base_url=base, viewport={"width": size[0], "height": size[1]}, locale="ja-JP", timezone_id="Asia/Tokyo"
    )
    tab = context.new_page()
    _sign_in(tab, person)
    tab.goto(page, wait_until="networkidle")
    picture = Image.open(io.BytesIO(tab.screenshot()))
    context.close()
    return picture.convert("RGB").quantize(COLOURS)


def _sign_in(tab: Page, person: dict) -> None:
    tab.goto(person["sign_in"])
    for name, value in (person["fields"] | {"password": person["password"]}).items():
        tab.fill(f"main [name={name}]", value)
    tab.click("main form button")
    tab.wait_for_url(f"**{person['start']}")


def main() -> int:
    """Write docs/pictures/*.png."""
    base = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}"
    people = {row["role"]: row for row in reversed(json.loads(SIGN_INS.read_text("utf-8")))}  # the first of each role
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for name, role, page, size in SHOTS:
            take(browser, base, people[role], page, size).save(PICTURES / f"{name}.png", optimize=True)
            print(f"docs/pictures/{name}.png", file=sys.stderr)
        browser.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
