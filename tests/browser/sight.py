"""Debian's chromium, and a page of which nothing is said aside: no error, no request that leaves the machine."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Page, sync_playwright

from streams.console.pages.drawing import STATIC

CHROMIUM: Final = shutil.which("chromium")
FLAGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
]
NEEDS: Final = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (Debian: chromium)"),
    pytest.mark.skipif(
        not (STATIC / "vendor").is_dir(), reason="needs the files of htmx and ECharts (make setup, with npm)"
    ),
]


@contextmanager
def chromium() -> Iterator[Any]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@contextmanager
def opened(browser: Any, address: str) -> Iterator[Page]:
    """Give a page; afterwards nothing stands in its console, and no request has left the machine."""
    context = browser.new_context(base_url=address, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(address) else complaints.append(request.url))
    yield page
    context.close()
    assert [each for each in complaints if "status of 40" not in each] == []


def keep(page: Page, name: str) -> None:
    """Keep a picture of the page in the folder that SCREENSHOTS names, for people."""
    if folder := os.environ.get("SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)
