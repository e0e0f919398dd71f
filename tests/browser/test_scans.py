"""A scanned PDF and a photo in a real browser: found, answered, and the quote marked on the picture."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import pages as chromium
from tests.browser.test_asking import ask, upload
from tests.browser.test_reader import cite
from tests.fakes.chat_server import ChatServer
from tests.retrieval.parsing.recognition import scans
from tests.servers import Site, site

pytestmark = chromium.MARKS

ENGLISH, GERMAN = "Old filters go into the red bin, not outside.", "Für größere Schäden haftet das Büro in München."


@pytest.fixture(scope="module")
def running(
    seeded: Path, tmp_path_factory: pytest.TempPathFactory, model: ChatServer, browser: Browser
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("scans")
    scan = scans.pdf(scans.page(scans.ENGLISH), "Only this page has text, which is not asked for.")
    (folder / "Filters of 1998.pdf").write_bytes(scan)
    (folder / "Hausordnung.jpg").write_bytes(scans.encoded(scans.page(scans.GERMAN), "JPEG"))
    with site("serve", data_dir=seeded, OPENAI_BASE_URL=model.url) as started:
        page = browser.new_page(base_url=started.url)
        upload(page, started, [folder / "Filters of 1998.pdf", folder / "Hausordnung.jpg"])
        page.context.close()
        yield started


@pytest.mark.parametrize(
    ("question", "quote"),
    [("Where do old filters go?", ENGLISH), ("Wer haftet für größere Schäden?", GERMAN)],
)
def test_quote_is_marked_on_the_picture_of_a_page(
    page: Page, model: ChatServer, size: str, tmp_path: Path, question: str, quote: str
) -> None:
    page.goto("/")
    cite(model, quote)
    ask(page, question)
    expect(page.locator("article.run").last).to_have_attribute("data-state", "completed")
    page.locator("a.citation").first.click()
    panel = page.locator("[data-panel]")
    mark = panel.locator("mark[data-quote]")
    expect(mark).to_have_text(quote)
    expect(mark).to_be_in_viewport()
    marked = panel.locator(".page-picture", has=page.locator("mark[data-quote]"))
    expect(marked.locator("img")).to_have_js_property("complete", True)
    assert marked.locator("img").evaluate("image => image.naturalWidth") > 0
    rectangle, line = (
        panel.locator(".marker rect").first.bounding_box(),
        panel.locator("svg text", has_text=quote).bounding_box(),
    )
    assert rectangle
    assert line
    assert abs(rectangle["x"] - line["x"]) < 3
    assert abs(rectangle["y"] - line["y"]) < line["height"]
    assert abs(rectangle["width"] - line["width"]) < line["width"] * 0.05
    if shots := os.environ.get("SHOTS"):
        page.screenshot(path=f"{shots}/{size}-{quote[:3]}.png")
