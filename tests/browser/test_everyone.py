"""For everyone: with the keyboard alone, in windows of every width, without motion, without scripts, right to left."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from tests.browser import pages as chromium
from tests.browser.test_asking import ask
from tests.browser.test_reader import cite, no_sideways_scrolling
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer
from tests.furnished import BIN, FILTER, PASSWORD, QUESTION, furnished_site
from tests.servers import Site

pytestmark = chromium.MARKS

WIDTHS = {"400 % zoom": 320, "phone": 390, "desktop": 1280, "4K": 3840}
# What shows where the focus is: an outline, of the element itself or (the question's field) of the box around it.
FOCUS = """() => {
    const seen = (element) => {
        const style = getComputedStyle(element);
        return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2) || style.boxShadow !== "none";
    };
    const element = document.activeElement;
    const box = element.getBoundingClientRect();
    const inside = box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
    return element !== document.body && inside && (seen(element) || seen(element.closest(".composer-box") ?? element));
}"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, model: ChatServer) -> Iterator[Site]:
    with furnished_site(tmp_path_factory.mktemp("everyone"), OPENAI_BASE_URL=model.url) as started:
        yield started


def ended(page: Page) -> Locator:
    run = page.locator("article.run").last
    expect(run).to_have_attribute("data-state", "completed")
    return run


def see_focus(page: Page) -> None:
    """Wait until one sees where the focus is: what it is on may have to be scrolled to."""
    try:
        page.wait_for_function(FOCUS)
    except PlaywrightTimeoutError as error:
        raise AssertionError(page.evaluate("document.activeElement.outerHTML.slice(0, 300)")) from error


def tab_to(page: Page, wanted: Locator, *, key: str = "Tab", most: int = 40) -> None:
    """Press Tab until `wanted` has the focus; each stop on the way can be seen."""
    for _ in range(most):
        page.keyboard.press(key)
        see_focus(page)
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{most} stops do not lead to {wanted}")


def test_keyboard_alone_leads_from_opening_the_page_to_a_checked_citation(
    page: Page, model: ChatServer, size: str
) -> None:
    page.goto("/")
    question = page.get_by_label("Your question")
    expect(question).to_be_focused()
    cite(model, FILTER, BIN)
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    run = ended(page)
    expect(question).to_be_focused()
    citation = run.locator("a.citation").first
    tab_to(page, citation, key="Shift+Tab")
    page.keyboard.press("Enter")
    panel = page.locator("[data-panel]")
    quote = panel.locator("mark[data-quote]")
    expect(quote).to_have_text(FILTER)
    expect(quote).to_be_focused()
    see_focus(page)
    page.keyboard.press("ArrowRight")
    expect(quote).to_have_text(BIN)
    page.keyboard.press("ArrowLeft")
    expect(quote).to_have_text(FILTER)
    tab_to(page, panel.get_by_role("button", name="Close the document"), key="Shift+Tab")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(citation).to_be_focused()
    see_focus(page)


def test_keyboard_alone_asks_about_a_selection(page: Page, model: ChatServer) -> None:
    """Chromium selects with the keyboard where a caret is: in the field that shows the selected text whole."""
    page.goto("/documents/1/?view=text")
    page.keyboard.press("Control+a")
    offer = page.get_by_role("button", name="Ask about this")
    expect(offer).to_be_visible()
    page.keyboard.press("Escape")
    expect(offer).to_be_hidden()
    page.evaluate("getSelection().empty()")
    page.keyboard.press("Control+a")
    expect(offer).to_be_visible()
    page.keyboard.press("Tab")
    expect(offer).to_be_focused()
    see_focus(page)
    page.keyboard.press("Enter")
    question = page.get_by_label("Your question")
    expect(page.locator("[data-chip-text]")).to_be_visible()  # carried to the chat page, whose script has run
    expect(question).to_be_focused()
    tab_to(page, page.get_by_role("button", name="Shorten the selected text"), key="Shift+Tab")
    page.keyboard.press("Enter")
    whole = page.get_by_label("The selected text")
    expect(whole).to_be_focused()
    page.keyboard.press("Control+End")
    for _ in BIN:
        page.keyboard.press("Shift+ArrowLeft")
    tab_to(page, page.get_by_role("button", name="Keep this part"))
    page.keyboard.press("Enter")
    expect(page.locator("[data-chip-text]")).to_have_text(BIN)
    expect(question).to_be_focused()
    page.keyboard.type("Where do they go?")
    page.keyboard.press("Enter")
    run = ended(page)
    expect(run.locator("[data-selected]")).to_have_text(BIN)


def test_whole_page_is_walked_through_without_a_trap_and_menus_close_with_escape(
    page: Page, model: ChatServer, size: str
) -> None:
    page.goto("/")
    cite(model, FILTER, BIN)
    ask(page, QUESTION)
    ended(page)
    menu = page.locator("[data-menu] > summary")
    tab_to(page, menu, key="Shift+Tab", most=60)
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_label("Name"))
    page.keyboard.press("Escape")
    expect(page.get_by_label("Name")).to_be_hidden()
    expect(menu).to_be_focused()
    if size == "phone":
        tab_to(page, page.get_by_role("button", name="Conversations"), key="Shift+Tab")
        page.keyboard.press("Enter")
        tab_to(page, page.get_by_label("Search your conversations"))
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Conversations")).to_be_focused()
    tab_to(page, page.get_by_role("link", name="Skip to the content"), key="Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    left = False
    for _ in range(80):
        page.keyboard.press("Tab")
        left = page.evaluate("document.activeElement === document.body")
        if left:
            break
        see_focus(page)
    assert left  # past the last control, into the browser's own


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_every_page_fits_its_window(browser: Browser, running: Site, model: ChatServer, width: int) -> None:
    window = {"width": width, "height": 2160 if width > 2000 else 720}
    with chromium.strict_page(browser, running.url, viewport=window, allowed=("status of 404",)) as page:
        page.goto("/")
        cite(model, FILTER, BIN)
        ask(page, QUESTION)
        run = ended(page)
        for summary in page.locator("summary:visible").all():
            summary.click()
            assert fits(page)
            page.keyboard.press("Escape")
        run.locator("a.citation").first.click()
        expect(page.locator("[data-panel] mark[data-quote]")).to_be_in_viewport()
        assert fits(page)
        paths = [
            "accounts/login/",
            "documents/",
            "documents/?q=pump",
            "documents/1/",
            "documents/1/?view=text&find=pump",
        ]
        for path in [*paths, "documents/3/", "no/such/page/"]:
            page.goto(f"/{path}")
            assert fits(page), path


def fits(page: Page) -> bool:
    """Nothing is scrolled to sideways, and no control is cut by the window's edge or is under another one's text."""
    cut = page.evaluate(
        """() => [...document.querySelectorAll("a, button, input, select, textarea, summary")].filter((element) => {
            const box = element.getBoundingClientRect();
            const shown = element.checkVisibility({visibilityProperty: true}) && box.width > 1;
            const out = box.left < -1 || box.right > innerWidth + 1;
            return shown && out && !element.closest("[inert]") && !element.matches(".skip");
        }).map((element) => element.outerHTML.slice(0, 200))"""
    )
    assert cut == []
    return no_sideways_scrolling(page)


def test_nothing_moves_for_who_wants_no_motion(browser: Browser, running: Site, model: ChatServer) -> None:
    with chromium.strict_page(browser, running.url, reduced_motion="reduce") as page:
        page.goto("/")
        model.script(chat_server.text(*["word "] * 20, threading.Event()))
        ask(page, QUESTION)
        expect(page.locator("[data-state=running] [data-answer]")).to_contain_text("word")
        assert page.evaluate("document.getAnimations().length") == 0
        assert page.evaluate("getComputedStyle(document.querySelector('[data-log]')).scrollBehavior") == "auto"
        page.get_by_role("button", name="Stop").click()
        expect(page.locator("article.run").last).to_have_attribute("data-state", "cancelled")


def test_colours_of_the_readers_own_choice_show_what_matters(
    browser: Browser, running: Site, model: ChatServer
) -> None:
    with chromium.strict_page(browser, running.url, forced_colors="active") as page:
        page.goto("/")
        cite(model, FILTER, BIN)
        ask(page, QUESTION)
        run = ended(page)
        citation = run.locator("a.citation").first
        plain = citation.evaluate("link => getComputedStyle(link).borderTopStyle")
        assert plain == "solid"
        citation.click()
        mark = page.locator("[data-panel] mark[data-quote]")
        expect(mark).to_be_in_viewport()
        outline = page.locator("[data-panel] .marker rect").first
        assert outline.evaluate("shape => getComputedStyle(shape).strokeWidth") != "0px"
        expect(citation).to_have_attribute("data-open", "")
        assert citation.evaluate("link => getComputedStyle(link).outlineStyle") == "solid"


def test_streaming_is_announced_once_and_moves_nothing(page: Page, model: ChatServer) -> None:
    page.goto("/")
    page.evaluate(
        """() => {
            window.moved = 0;
            window.said = [];
            new PerformanceObserver((list) => {
                for (const entry of list.getEntries()) {
                    // The line that says what is done stands under the answer, and goes down with its end.
                    const read = entry.sources.some(({node}) => !node?.closest?.(".activity, .steps"));
                    if (read && !entry.hadRecentInput) window.moved += entry.value;
                }
            }).observe({type: "layout-shift", buffered: false});
            const status = document.querySelector("[data-announcement]");
            new MutationObserver(() => window.said.push(status.textContent)).observe(status, {childList: true});
        }"""
    )
    assert page.locator("[data-announcement]").get_attribute("role") == "status"
    ask(page, QUESTION)
    ended(page)
    page.evaluate("window.said = []")
    words = [f"word{n} " for n in range(150)]
    model.script(chat_server.text(*words[:20], seen := threading.Event(), *words[20:], "[1]", delay=0.02))
    ask(page, QUESTION)
    expect(page.locator("[data-state=running] [data-answer]")).to_contain_text("word3")
    page.evaluate("window.moved = 0")
    seen.set()
    ended(page)
    said = page.evaluate("window.said")
    assert len(said) == 2  # that it is being answered, and that it is: not each word
    assert re.search(r"citation", said[-1])
    assert page.evaluate("window.moved") < 0.02
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")  # the log scrolls, never the page


def test_all_of_it_works_without_scripts(size: str, browser: Browser, running: Site, model: ChatServer) -> None:
    with chromium.strict_page(browser, running.url, size=size, java_script_enabled=False) as page:
        page.goto("/")
        chromium.follow(page.get_by_role("link", name="Sign in"))
        page.get_by_label("Username").fill("reader")
        page.get_by_label("Password").fill(PASSWORD)
        chromium.follow(page.get_by_role("button", name="Sign in"))
        cite(model, FILTER)
        page.get_by_label("Your question").fill(QUESTION)
        chromium.follow(page.get_by_role("button", name="Ask", exact=True))
        run = ended(page)
        expect(run.locator("[data-answer]")).to_contain_text(FILTER)
        assert no_sideways_scrolling(page)
        chromium.follow(run.locator("a.citation").first)
        expect(page.locator("mark[data-quote]")).to_have_text(FILTER)
        expect(page.locator("mark[data-quote]")).to_be_in_viewport()
        page.get_by_label("Find in this document").fill("oiled every")
        chromium.follow(page.get_by_role("button", name="Find"))
        expect(page.locator("mark[data-quote]")).to_have_text("oiled every")
        chromium.follow(page.get_by_role("link", name="Documents", exact=True).first)
        page.get_by_label("Search titles and contents").fill("goggles")
        chromium.follow(page.get_by_role("button", name="Search"))
        expect(page.locator(".matches")).to_contain_text("Workshop rules")
        chromium.follow(page.get_by_role("link", name="Document chat"))
        page.get_by_role("button", name="Conversations").click() if size == "phone" else None
        chromium.follow(page.locator("#conversations").get_by_role("link", name=QUESTION).first)
        expect(page.locator("[data-answer]")).to_contain_text(FILTER)


def mirrored(route: Any) -> None:
    response = route.fetch()
    route.fulfill(response=response, body=response.text().replace('<html lang="en">', '<html lang="ar" dir="rtl">'))


def test_right_to_left_mirrors_every_page(page: Page, model: ChatServer, size: str) -> None:
    page.route(re.compile(r"/(documents/.*|c/.*)?$"), mirrored)
    page.goto("/")
    assert page.locator("html").get_attribute("dir") == "rtl"
    actions, name = page.locator(".actions").bounding_box(), page.locator(".name").bounding_box()
    assert actions
    assert name
    assert actions["x"] < name["x"]
    cite(model, FILTER, BIN)
    ask(page, QUESTION)
    run = ended(page)
    assert fits(page)
    run.locator("a.citation").first.click()
    expect(page.locator("[data-panel] mark[data-quote]")).to_be_in_viewport()
    assert fits(page)
    if size == "wide":
        panel, chat = page.locator("[data-panel]").bounding_box(), page.locator("[data-chat]").bounding_box()
        assert panel
        assert chat
        assert panel["x"] < chat["x"]
    for path in ("/documents/", "/documents/1/", "/documents/3/?find=saw"):
        page.goto(path)
        assert fits(page), path
