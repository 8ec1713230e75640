"""Picture of a report: its top on a desktop, and beside it the code map on a phone in dark mode, a dot pointed at.

    python docs/screenshot.py runs/variational-torch/report.html pictures/report.png

It takes Chromium and its driver, as the tests of the report do.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path
from time import sleep

from PIL import Image
from selenium import webdriver

HEIGHT = 1000
GAP = 24


def pictured(report: Path) -> Image.Image:
    """The two beside each other."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for option in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(option)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        desktop = view(browser, report, width=1060, dark=False)
        phone = view(browser, report, width=390, dark=True, at="#code-map")
    finally:
        browser.quit()
    both = Image.new("RGB", (desktop.width + GAP + phone.width, HEIGHT), "#c7ced8")
    both.paste(desktop, (0, 0))
    both.paste(phone, (desktop.width + GAP, 0))
    return both


def view(browser: webdriver.Chrome, report: Path, *, width: int, dark: bool, at: str = "") -> Image.Image:
    """A screen of the page, from the section `at` on, with the middle of its map pointed at."""
    scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    size = {"width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(report.resolve().as_uri())
    if at:
        script = "document.querySelector(arguments[0]).scrollIntoView({behavior: 'instant'})"
        browser.execute_script(script, at)
        box = browser.execute_script(
            "const box = document.querySelector('.codemap svg').getBoundingClientRect();"
            "return [box.left + box.width / 2, box.top + box.height / 2]"
        )
        where = {"type": "mouseMoved", "x": box[0], "y": box[1]}
        browser.execute_cdp_cmd("Input.dispatchMouseEvent", where)
    sleep(0.5)  # for what fades
    return Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB")


if __name__ == "__main__":
    pictured(Path(sys.argv[1])).save(sys.argv[2], optimize=True)
