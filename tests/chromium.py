"""A real browser for tests of pages: what it loads, what it complains about, and what axe finds.

Import the fixture `browser` into a test module. Where there is no Chromium its tests are skipped, with that reason.
"""

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.tools import BROWSER, missing

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
)  # fmt: skip
DESK, PHONE = (1180, 900), (360, 780)
LONGEST = 280.0
"""Seconds that a test may have a page open; pytest's own deadline cannot end a wait inside Playwright."""
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = ["color-contrast", "link-in-text-block"]
"""Axe's rules of `TAGS` that look at colours."""


@dataclass
class Opened:
    """A page with all that happened on it."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def violations(self, *, contrast: bool = True) -> list[str]:
        """What axe finds, as rule and the first element that breaks it; `contrast` takes most of the time."""
        return self._found({"runOnly": TAGS, "rules": {"color-contrast": {"enabled": contrast}}})

    def violations_in_the_dark(self) -> list[str]:
        """What axe finds once the page is dark: a scheme changes colours alone, so only rules of colours are asked."""
        self.page.emulate_media(color_scheme="dark")
        assert self.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        return self._found({"runOnly": {"type": "rule", "values": COLOURS}})

    def _found(self, options: dict[str, Any]) -> list[str]:
        asked = {**options, "preload": False, "resultTypes": ["violations"]}  # what passes is not described
        found = Axe().run(self.page, options=asked).response["violations"]
        return [f"{rule['id']}: {rule['nodes'][0]['html'][:200]}" for rule in found]

    def too_wide(self) -> list[str]:
        """Elements that stick out of the window; reading must not need scrolling sideways."""
        outside: list[str] = self.page.evaluate(
            """() => document.documentElement.scrollWidth <= innerWidth ? [] :
            [...document.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > innerWidth + 1)
            .map(one => one.outerHTML.slice(0, 120))"""
        )
        return outside

    def open_all(self) -> None:
        """Every folded part."""
        self.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")


def _children(pid: int) -> Iterator[int]:
    """All processes below one."""
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, listing.read_text().split()):
                yield child
                yield from _children(child)


def _end_browsers() -> None:
    """Kill our own browsers: whatever waits for a stuck one fails instead of waiting for ever."""
    for pid in list(_children(os.getpid())):
        with suppress(OSError):
            if b"chrom" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]:
                os.kill(pid, signal.SIGKILL)


@contextmanager
def opened(browser: Browser, target: Path | str, *, size: tuple[int, int] = DESK, **context: Any) -> Iterator[Opened]:
    """Open a file or URL in a fresh profile; a browser that is stuck for `LONGEST` is killed."""
    watch = threading.Timer(LONGEST, _end_browsers)
    watch.start()
    try:
        made = browser.new_context(viewport={"width": size[0], "height": size[1]}, **context)
        made.set_default_timeout(1000 * LONGEST)
        found = Opened(made.new_page())
        found.page.on("request", lambda request: found.requests.append(request.url))
        found.page.on("console", lambda message: found.complaints.append(message.text))
        found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
        found.page.on("dialog", lambda dialog: (found.complaints.append(dialog.message), dialog.dismiss()))
        found.page.goto(target if isinstance(target, str) else target.as_uri())
        yield found
        made.close()
    finally:
        watch.cancel()


def executable() -> str:
    """Where Chromium is; without it a test does not run."""
    path = shutil.which("chromium") or CHROMIUM
    if not Path(path).is_file():
        missing(BROWSER, f"no browser at {CHROMIUM}; .ci/browser installs one")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium; of one module, for its event loop would be in the way of asynchronous tests."""
    path = executable()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=list(FLAGS), timeout=1000 * LONGEST)
        yield started
        started.close()
