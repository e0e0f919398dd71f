"""Chromium for tests and for the pictures in docs/; the page that every test in it gets meets no fault."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect, sync_playwright

PATIENCE_MS = 60_000  # for what happens soon, on any machine: none is measured by it
expect.set_options(timeout=PATIENCE_MS)
# `BROWSER_SLOWNESS=4` finds what a test reads too early: four times slower scripts, and 400 ms more for each answer.
# (Tests that go offline fail with it: both are one setting of the browser.)
SLOWNESS = float(os.environ.get("BROWSER_SLOWNESS", "1"))

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def installed() -> str | None:
    """Chromium's path; None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=installed(), args=FLAGS, timeout=PATIENCE_MS)
        try:
            yield browser
        finally:
            browser.close()


WIDE: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True
}  # fmt: skip
SIZES = {"wide": WIDE, "phone": PHONE}

# A violation is told by an event even where the browser's console keeps quiet about it (a report-only policy, a frame).
WATCH = """document.addEventListener("securitypolicyviolation", (event) =>
    console.error(`Content-Security-Policy: ${event.effectiveDirective} refused ${event.blockedURI}`));"""


def follow(link: Locator, *, key: str = "") -> None:
    """Click what leads to another page, or press `key` on it, and be there: a click alone returns while the page that
    is left still shows."""
    with link.page.expect_navigation(timeout=PATIENCE_MS):
        link.press(key) if key else link.click()


def reload_until(shown: Locator) -> None:
    """Load the page again until it shows what the site does by itself."""
    until(shown.page, lambda: shown.count() or (shown.page.reload() and False))


def until(page: Page, holds: Callable[[], object]) -> None:
    """Wait until something holds outside of the page; what the page tells is heard meanwhile."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while not holds():
        assert time.monotonic() < end, holds
        page.wait_for_timeout(100)


MARKS = [
    pytest.mark.browser,
    pytest.mark.flaky(reruns=1, rerun_except="pytest-timeout"),  # what hangs would hang again
    pytest.mark.skipif(installed() is None and not os.environ.get("CI"), reason="Chromium is not installed"),
]


@contextmanager
def strict_page(
    browser: Browser,
    url: str,
    *,
    size: str = "wide",
    hosts: tuple[str, ...] = (),
    allowed: tuple[str, ...] = (),
    **more: Any,
) -> Iterator[Page]:
    """A page of a fresh profile. It, its frames and its other tabs must meet no error, break no Content-Security-Policy
    and ask nobody but the site at `url` and `hosts`. A fault that a test causes on purpose holds one of `allowed`.
    """
    context = browser.new_context(base_url=url, **SIZES[size] | more)
    context.set_default_timeout(PATIENCE_MS)
    faults = _faults(context, known=(url, *hosts, "data:", "blob:"))
    try:
        page = context.new_page()
        _slow(page)
        yield page
        unexpected = [fault for fault in faults if not any(part in fault for part in allowed)]
        assert not unexpected, unexpected
    finally:
        context.close()


def _slow(page: Page) -> None:
    if SLOWNESS > 1:
        devtools = page.context.new_cdp_session(page)
        devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWNESS})
        devtools.send("Network.enable")
        network = {"offline": False, "latency": 100 * SLOWNESS, "downloadThroughput": -1, "uploadThroughput": -1}
        devtools.send("Network.emulateNetworkConditions", network)


def _faults(context: BrowserContext, *, known: tuple[str, ...]) -> list[str]:
    """What goes wrong in `context`, filled while it does."""
    faults: list[str] = []

    def said(message: ConsoleMessage) -> None:
        if message.type == "error":
            faults.append(f"{message.text} ({message.location.get('url', '')})")

    context.add_init_script(WATCH)
    context.on("console", said)
    context.on("weberror", lambda error: faults.append(str(error.error)))
    context.on("request", lambda sent: None if sent.url.startswith(known) else faults.append(f"asked {sent.url}"))
    return faults
