"""Takes docs/web.png and docs/web-narrow.png: a search of this package on the page of a daemon, in Chromium.

python docs/web_picture.py
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

DOCS = Path(__file__).resolve().parent
REPOSITORY = DOCS.parent
QUERY = "where is a manifest committed?"
PICTURES = {"web.png": (1280, 860), "web-narrow.png": (380, 860)}
"""Files with the width and height of the window, in pixels."""
PATIENCE_MILLISECONDS = 120_000


def told(environment: dict[str, str], *arguments: str) -> str:
    """Run a command and return what it prints."""
    command = [Path(sys.executable).parent / "raycontext", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, env=environment, check=True, capture_output=True, text=True).stdout


def draw() -> None:
    """Index the package in a root of its own, and take the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"RAYCONTEXT_ROOT": f"{folder}/root", "RAYCONTEXT_ALLOWED": str(REPOSITORY)}
        try:
            told(environment, "up", "--tcp", "127.0.0.1:0")
            told(environment, "index", "raycontext", "--collection", "raycontext")
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=shutil.which("chromium") or shutil.which("google-chrome"), args=["--no-sandbox"]
                )
                for name, (width, height) in PICTURES.items():
                    page = browser.new_page(viewport={"width": width, "height": height})
                    page.set_default_timeout(PATIENCE_MILLISECONDS)
                    page.goto(json.loads(told(environment, "up", "--json"))["page"])
                    page.fill("#query", QUERY)
                    page.press("#query", "Enter")
                    expect(page.locator(".hit").first).to_be_visible(timeout=PATIENCE_MILLISECONDS)
                    if width > 1000:  # else it covers the hits
                        page.locator(".hit .open").first.click()
                        expect(page.locator("#panel-text")).to_contain_text("Callees", timeout=PATIENCE_MILLISECONDS)
                    page.mouse.move(0, 0)
                    page.wait_for_timeout(1000)  # until nothing fades any more
                    page.screenshot(path=DOCS / name)
                browser.close()
        finally:
            told(environment, "down")


if __name__ == "__main__":
    draw()
