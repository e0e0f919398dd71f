"""Reading in a real browser: the library, printed pages with quotes and selections, citations in one pass."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from reportlab.pdfgen.canvas import Canvas

from tests.browser import pages as chromium
from tests.browser.test_asking import ask, passages_given, select, upload
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer
from tests.servers import Site, site

pytestmark = chromium.MARKS

FIRST = "The turbine is greased every ninth week."
SECOND = "Its blades are washed with rain water only."
QUESTION = "How is the turbine greased and washed?"


def manual() -> bytes:
    """Twelve pages in two columns, with bookmarks; what is asked for stands on pages 9 and 10."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(600, 800))
    for number in range(1, 13):
        canvas.bookmarkPage(str(number))
        canvas.addOutlineEntry(f"Part {number}", str(number), level=0)
        canvas.setFont("Helvetica", 16)
        canvas.drawString(60, 740, f"Part {number}")
        canvas.setFont("Helvetica", 11)
        for line in range(12):
            canvas.drawString(60, 700 - 18 * line, f"Left line {line} of part {number}.")
            canvas.drawString(320, 700 - 18 * line, f"Right line {line} of part {number}.")
        if number == 9:
            canvas.drawString(60, 400, FIRST)
        if number == 10:
            canvas.drawString(60, 400, SECOND)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


GUIDE = """# Turbine guide

Read this first.

## Greasing

Use the blue tin.

```
# not a heading
```

## Washing

Rain water is soft.
"""


@pytest.fixture(scope="module")
def running(
    seeded: Path, tmp_path_factory: pytest.TempPathFactory, model: ChatServer, browser: Browser
) -> Iterator[Site]:
    """Serve the site with a PDF and a Markdown file of ours."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "Turbine manual.pdf").write_bytes(manual())
    (folder / "Turbine guide.md").write_text(GUIDE)
    with site("serve", data_dir=seeded, OPENAI_BASE_URL=model.url) as started:
        page = browser.new_page(base_url=started.url)
        upload(page, started, [folder / "Turbine manual.pdf", folder / "Turbine guide.md"])
        page.context.close()
        yield started


@pytest.fixture
def scriptless(size: str, browser: Browser, running: Site) -> Iterator[Page]:
    with chromium.strict_page(browser, running.url, size=size, java_script_enabled=False) as opened:
        yield opened


def cite(model: ChatServer, *quotes: str, after: str = "") -> None:
    """Let the model answer with these sentences, each citing the passage that holds it, and `after` them a text that
    cites nothing."""

    def pieces() -> Iterator[bytes | float]:
        passages = passages_given(model)
        words = [f"{quote} [{next(p['marker'] for p in passages if quote in p['text'])}] " for quote in quotes]
        yield from chat_server.text(*words, after).pieces

    model.script(chat_server.Reply(pieces()))


def answered(page: Page, model: ChatServer) -> None:
    page.goto("/")
    cite(model, FIRST, SECOND)
    ask(page, QUESTION)
    expect(page.locator("article.run").last).to_have_attribute("data-state", "completed")


def manual_address(page: Page) -> str:
    page.goto("/documents/?format=pdf")
    address = page.get_by_role("link", name="Turbine manual").get_attribute("href")
    assert address
    return address


def drag(page: Page, first: str, last: str) -> None:
    """Select with the mouse from the beginning of one line of the page's picture to the end of another."""
    lines = [page.locator("svg.block text", has_text=words).first for words in (first, last)]
    for line in reversed(lines):
        line.scroll_into_view_if_needed()  # it stands still by then
    begin, end = (line.bounding_box() for line in lines)
    assert begin
    assert end
    page.mouse.move(begin["x"] + 1, begin["y"] + begin["height"] / 2)
    page.mouse.down()
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2, steps=5)
    page.mouse.move(end["x"] + end["width"] - 1, end["y"] + end["height"] / 2, steps=3)
    page.mouse.up()


def no_sideways_scrolling(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_answer_is_checked_in_one_pass_on_the_printed_pages(page: Page, model: ChatServer) -> None:
    answered(page, model)
    page.locator("a.citation").first.click()
    panel = page.locator("[data-panel]")
    mark = panel.locator("mark[data-quote]")
    expect(mark).to_have_text(FIRST)
    expect(mark).to_be_in_viewport()
    picture = panel.locator(".page-picture", has=page.locator("mark[data-quote]")).locator("img")
    expect(picture).to_have_js_property("complete", True)
    assert re.search(r"/pages/9\?width=(800|1600)&", picture.evaluate("image => image.currentSrc"))
    assert picture.evaluate("image => image.naturalWidth") > 0
    rectangle, line = (
        panel.locator(".marker rect").first.bounding_box(),
        panel.locator("svg text", has_text=FIRST).bounding_box(),
    )
    assert rectangle
    assert line
    assert abs(rectangle["x"] - line["x"]) < 3
    assert abs(rectangle["y"] - line["y"]) < line["height"]
    assert abs(rectangle["width"] - line["width"]) < line["width"] * 0.05

    expect(panel.locator("[data-panel-number]")).to_have_text("1 of 2")
    panel.get_by_role("button", name="Next citation").click()
    expect(mark).to_have_text(SECOND)
    expect(mark).to_be_in_viewport()
    expect(panel.get_by_role("button", name="Next citation")).to_be_focused()
    expect(page.locator("a.citation").nth(1)).to_have_attribute("data-open", "")
    page.keyboard.press("ArrowLeft")
    expect(mark).to_have_text(FIRST)
    expect(panel.locator("[data-panel-number]")).to_have_text("1 of 2")


def test_back_and_escape_close_the_document_and_give_the_focus_back(page: Page, model: ChatServer, size: str) -> None:
    answered(page, model)
    address = page.url
    citation, panel = page.locator("a.citation").first, page.locator("[data-panel]")
    citation.click()
    expect(panel.locator("mark[data-quote]")).to_be_focused()
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(citation).to_be_focused()
    if size == "phone":
        citation.click()
        expect(panel.locator("mark[data-quote]")).to_be_focused()
        page.go_back()
        expect(panel).to_be_hidden()
        expect(citation).to_be_focused()
        page.go_forward()
        expect(panel.locator("mark[data-quote]")).to_have_text(FIRST)
        page.keyboard.press("ArrowRight")
        expect(panel.locator("mark[data-quote]")).to_have_text(SECOND)
        page.reload()
        expect(panel.locator("mark[data-quote]")).to_have_text(SECOND)
        page.go_back()
        expect(panel).to_be_hidden()
        expect(page.locator("article.run")).to_be_visible()
    expect(page).to_have_url(address)


def test_conversation_is_read_at_400_percent_and_no_text_is_cut(browser: Browser, running: Site) -> None:
    """A window of 1280 by 1024 at 400 % is one of 320 by 256: https://www.w3.org/WAI/WCAG22/Understanding/reflow"""
    zoomed = {"viewport": {"width": 320, "height": 256}, "locale": "de-DE", "reduced_motion": "reduce"}
    with chromium.strict_page(browser, running.url, **zoomed) as page:
        page.goto("/")
        chromium.reload_until(page.locator("[data-suggestion]"))  # a busy site shows none before it knows them
        for name in (".name", "[data-suggestion]", "#question"):
            cut = page.locator(name).first.evaluate("e => e.scrollWidth > e.clientWidth + 1")
            assert not cut, name
        page.locator("#question").fill("When is the filter of the turbine changed?")
        page.locator("[data-send]").click()
        run = page.locator("article.run[data-state=completed]").last
        run.wait_for()
        answer = run.locator("[data-answer]")
        answer.scroll_into_view_if_needed()
        seen = answer.evaluate(
            "e => Math.min(innerHeight, e.getBoundingClientRect().bottom) - e.getBoundingClientRect().top"
        )
        assert seen > 40
        box = answer.bounding_box()
        assert box
        assert answer.evaluate(
            "(e, [x, y]) => e.contains(document.elementFromPoint(x, y))", [box["x"] + 5, box["y"] + 5]
        )
        page.locator("#question").scroll_into_view_if_needed()
        expect(page.locator("#question")).to_be_in_viewport()
        assert no_sideways_scrolling(page)


def test_selection_on_a_printed_page_is_asked_about_with_its_exact_place(
    page: Page, model: ChatServer, size: str
) -> None:
    address = manual_address(page)
    page.goto(f"{address}?page=3#place")
    picture = page.locator("#place")
    expect(picture).to_be_in_viewport()
    expect(page.get_by_role("button", name="Copy link")).to_be_visible()  # the script has run: nothing moves any more
    if size == "wide":
        drag(page, "Left line 2 of part 3", "Left line 3 of part 3")
        chosen = "Left line 2 of part 3. Left line 3 of part 3."  # nothing of the column beside it
    else:
        select(page, "#place .block", "line 2 of part 3")
        chosen = "line 2 of part 3"
    page.get_by_role("button", name="Ask about this").click()
    expect(page.locator("[data-chip-text]")).to_contain_text("line 2 of part 3")
    model.script(chat_server.text("It says so [1]."))
    ask(page, "What does it say?")
    run = page.locator("article.run").last
    expect(run).to_have_attribute("data-state", "completed")
    assert page.locator("[data-selected]").last.inner_text().split() == chosen.split()
    link = page.locator("[data-selected] a").last
    expect(link).to_have_attribute("href", re.compile(rf"^{address}\?start=\d+&end=\d+#quote$"))


def test_link_to_a_selection_opens_it_again(page: Page, size: str, running: Site) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=running.url)
    page.goto(f"{manual_address(page)}?page=5&view=text#place")
    select(page, ".text .block", "Right line 4 of part 5.")
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("[data-copied]")).to_have_text("Link to the selected text copied.")
    page.goto(page.evaluate("navigator.clipboard.readText()"))
    expect(page.locator("mark[data-quote]")).to_have_text("Right line 4 of part 5.")
    expect(page.locator("mark[data-quote]")).to_be_in_viewport()
    chromium.follow(page.get_by_role("link", name="Pages", exact=True))
    expect(page.locator(".marker rect")).to_have_count(1)
    expect(page.locator(".marker rect")).to_be_in_viewport()
    page.goto("/documents/?format=pdf")
    chromium.follow(page.get_by_role("link", name="Turbine manual"))
    expect(page.locator(".page-picture").first).to_be_visible()  # the choice is remembered


def test_page_that_can_not_be_drawn_shows_its_text(page: Page) -> None:
    address = manual_address(page)
    page.route("**/pages/1?*", lambda route: route.fulfill(status=200, content_type="image/webp", body=b"broken"))
    page.goto(address)
    expect(page.locator(".page-picture").first).to_have_class(re.compile("undrawn"))
    line = page.locator(".page-picture").first.locator("svg.block text").first
    assert line.evaluate("line => getComputedStyle(line).fill") == "rgb(24, 32, 29)"


def test_pages_have_their_place_before_they_are_drawn(page: Page) -> None:
    address = manual_address(page)
    page.route("**/pages/*", lambda route: route.fulfill(status=204))
    page.goto(f"{address}?page=4#place")
    box = page.locator("#place .paper").bounding_box()
    assert box
    assert box["height"] / box["width"] == pytest.approx(800 / 600, abs=0.02)


def test_reading_works_without_scripts(scriptless: Page) -> None:
    page = scriptless
    page.goto("/")
    chromium.follow(page.get_by_role("link", name="Documents"))
    page.get_by_label("Search titles and contents").fill("turbine rain water")
    chromium.follow(page.get_by_role("button", name="Search"))
    expect(page.locator(".matches > li").first).to_contain_text("Turbine")
    assert no_sideways_scrolling(page)
    page.get_by_label("Search titles and contents").fill("turbine manual")
    chromium.follow(page.get_by_role("button", name="Search"))
    chromium.follow(page.locator(".documents").get_by_role("link", name="Turbine manual"))

    page.get_by_label("Find in this document").fill("LINE 7 of  part")
    chromium.follow(page.get_by_role("button", name="Find"))
    expect(page.locator(".step")).to_contain_text("1 of 24")
    expect(page.locator("mark[data-quote]")).to_have_text("line 7 of part")
    chromium.follow(page.get_by_role("link", name="Previous place"))
    expect(page.locator(".step")).to_contain_text("24 of 24")
    expect(page.locator(".marker rect:not(.found)")).to_be_in_viewport()
    page.get_by_label("Page").fill("8")
    chromium.follow(page.get_by_role("button", name="Go"))
    expect(page.locator("#place")).to_contain_text("Page 8")
    expect(page.locator("#place")).to_be_in_viewport()
    page.locator("[data-outline] summary").click()
    chromium.follow(page.get_by_role("link", name="Part 11"))
    expect(page.locator("#place")).to_contain_text("Page 11")
    assert no_sideways_scrolling(page)
    chromium.follow(page.get_by_role("link", name="Previous document"))
    expect(page.locator("h1")).to_have_text("Turbine guide")
    expect(page.get_by_role("heading", name="Washing", exact=True)).to_have_count(1)
    expect(page.locator(".rendered :is(h2, h3)")).to_have_count(3)
    expect(page.get_by_role("button", name="Copy link")).to_be_hidden()


def test_selection_on_a_page_of_markdown_keeps_its_place(page: Page) -> None:
    page.goto("/documents/?format=markdown&q=turbine")
    chromium.follow(page.get_by_role("link", name="Turbine guide").first)
    chromium.follow(page.get_by_role("link", name="Text", exact=True))
    expect(page.locator(".block.heading")).to_have_count(3)
    chromium.follow(page.get_by_role("link", name="Page", exact=True))
    select(page, ".rendered .said", "Rain water is soft.")
    page.get_by_role("button", name="Ask about this").click()
    expect(page.locator("[data-chip-text]")).to_have_text("Rain water is soft.")


def test_quotes_of_an_answer_follow_on_each_other_on_the_readers_page(page: Page, model: ChatServer) -> None:
    answered(page, model)
    page.goto(page.locator("a.citation").first.get_attribute("href") or "")
    expect(page.locator(".answer-step")).to_contain_text("Quote 1 of 2 of the answer")
    chromium.follow(page.get_by_role("link", name="Next quote"))
    expect(page.locator(".answer-step")).to_contain_text("Quote 2 of 2 of the answer")
    expect(page.locator("mark[data-quote]")).to_have_text(SECOND)
    expect(page.locator("mark[data-quote]")).to_be_in_viewport()


def test_finding_in_the_panel_stays_in_it(page: Page, model: ChatServer) -> None:
    answered(page, model)
    address = page.url
    page.locator("a.citation").first.click()
    panel = page.locator("[data-panel]")
    panel.get_by_label("Find in this document").fill("right line 3")
    panel.get_by_role("button", name="Find").click()
    expect(panel.locator(".step").first).to_contain_text("of 12")
    expect(panel.get_by_label("Find in this document")).to_be_focused()
    panel.get_by_role("link", name="Next place").click()
    expect(panel.locator(".step").first).to_contain_text("2 of 12")
    expect(panel.get_by_role("link", name="Next place")).to_be_focused()
    panel.get_by_label("Page").fill("2")
    panel.get_by_role("button", name="Go").click()
    expect(panel.locator("#place")).to_contain_text("Page 2")
    expect(page).to_have_url(address)


def test_everything_fits_320_pixels(browser: Browser, running: Site, model: ChatServer) -> None:
    with chromium.strict_page(browser, running.url, viewport={"width": 320, "height": 640}) as page:
        address = manual_address(page)
        for url in (
            "/documents/",
            f"{address}?find=line+3",
            f"{address}?page=4&view=text#place",
            f"{address}?view=pages",
        ):
            page.goto(url)
            assert no_sideways_scrolling(page), url
        answered(page, model)
        page.locator("a.citation").first.click()
        expect(page.locator("[data-panel] mark[data-quote]")).to_be_in_viewport()
        for name in ("Open as a page", "Previous citation", "Next citation", "Close the document"):
            control = (
                page.locator("[data-panel]")
                .get_by_text(name)
                .locator("xpath=ancestor-or-self::*[self::a or self::button]")
            )
            expect(control).to_be_in_viewport(ratio=1)
        assert no_sideways_scrolling(page)
