"""The chat on other pages in a real browser: a project of its own that added it, and pages of another origin."""

from __future__ import annotations

import gzip
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, Request, expect

from tests.browser import pages as chromium
from tests.browser.test_accessibility import barriers
from tests.browser.test_asking import select
from tests.hostsite import PASSWORD, host_site
from tests.servers import ROOT, Site

pytestmark = chromium.MARKS

SMALL = "The small one is kept at thirty-four degrees, except on Mondays."
TOWELS = "Towels can be borrowed at the desk for two coins."
SAUNA = "The sauna is heated on Fridays from four o'clock."
STATIC = ROOT / "chatsite" / "static" / "chatsite"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with host_site(tmp_path_factory.mktemp("embed") / "project") as running:
        yield running


@contextmanager
def strict_page(browser: Browser, host: Site, *, elsewhere: str = "", **options: Any) -> Iterator[Page]:
    """A page of the host's site, or of the one at `elsewhere` with the host's chat in it."""
    with chromium.strict_page(browser, host.url, hosts=tuple(filter(None, [elsewhere])), **options) as page:
        yield page


def sign_in(page: Page) -> None:
    page.goto("/members/sign-in/")
    page.get_by_label("Username").fill("member")
    page.get_by_label("Password").fill(PASSWORD)
    chromium.follow(page.locator("main button"))
    expect(page.locator("header")).to_contain_text("member")


def opener(page: Page) -> Any:
    return page.get_by_role("button", name="Ask the Bath House")


def chat(page: Page) -> FrameLocator:
    return page.frame_locator("doc-chat iframe")


def ask(frame: FrameLocator, question: str, *, runs: int) -> Any:
    """Ask, and give the answered run: the `runs`-th of the conversation."""
    box = frame.get_by_label("Your question")
    box.fill(question)
    box.press("Enter")
    expect(frame.locator("article.run[data-state=completed]")).to_have_count(runs)
    return frame.locator("article.run").last


def ask_about(page: Page, words: str) -> None:
    select(page, "main p", words)
    page.get_by_role("button", name="Ask about this").click()
    expect(chat(page).locator("[data-chip]")).to_have_count(1)


def ask_twice(page: Page) -> FrameLocator:
    """About what is selected on the page, then all documents; the citation is opened beside the answer, and closed."""
    ask_about(page, SMALL)
    frame = chat(page)
    expect(frame.locator("[data-chip-text]")).to_have_text(SMALL)
    expect(frame.locator("[data-chip-from]")).to_have_text(page.title())
    expect(frame.get_by_label("Your question")).to_be_focused()
    run = ask(frame, "At how many degrees is the small one kept?", runs=1)
    expect(run.locator("blockquote mark")).to_have_text(SMALL)
    run = ask(frame, "When is the sauna heated?", runs=2)
    expect(run.locator("[data-answer]")).to_contain_text(SAUNA)
    run.locator("a.citation").click()
    expect(frame.locator("[data-panel] mark[data-quote]")).to_have_text(SAUNA)
    frame.get_by_role("button", name="Close the document").click()
    return frame


def test_a_project_adds_the_chat_in_fewer_than_ten_lines() -> None:
    example = ROOT / "examples" / "hostsite"
    files = [path for path in example.rglob("*") if path.suffix in {".py", ".html"} and path.name != "manage.py"]
    marked = [line for path in files for line in path.read_text().splitlines() if "# docchat" in line]
    assert 4 <= len(marked) < 10


def test_project_page_asks_about_what_is_selected_on_it(browser: Browser, host: Site, size: str) -> None:
    with strict_page(browser, host, size=size) as page:
        sign_in(page)
        frame = ask_twice(page)
        page.goto("/visit/")
        if size == "phone":  # there it would cover the page
            expect(page.locator("doc-chat dialog")).to_be_hidden()
            opener(page).click()
        expect(frame.locator("article.run")).to_have_count(2)
        frame.get_by_role("link", name="New conversation").click()
        expect(frame.locator("article.run")).to_have_count(0)


def test_not_in_the_selection_offers_to_search_all_documents(browser: Browser, host: Site) -> None:
    with strict_page(browser, host, size="phone") as page:
        sign_in(page)
        ask_about(page, TOWELS)
        run = ask(chat(page), "When is the sauna heated?", runs=1)
        run.get_by_role("button", name="Search all documents").click()
        expect(chat(page).locator("article.run").last.locator("[data-answer]")).to_contain_text(SAUNA)


def test_keys_open_and_close_it_and_focus_comes_back(browser: Browser, host: Site, size: str) -> None:
    with strict_page(browser, host, size=size) as page:
        sign_in(page)
        page.keyboard.press("Control+i")
        expect(chat(page).get_by_label("Your question")).to_be_focused()
        assert page.locator("doc-chat dialog").evaluate("dialog => dialog.matches(':modal')") is (size == "phone")
        page.keyboard.press("Escape")
        expect(page.locator("doc-chat dialog")).to_be_hidden()
        expect(opener(page)).to_be_focused()

        select(page, "main p", TOWELS)
        expect(page.get_by_role("button", name="Ask about this")).to_be_visible()
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Ask about this")).to_be_focused()
        page.keyboard.press("Enter")
        expect(chat(page).locator("[data-chip-text]")).to_have_text(TOWELS)
        page.keyboard.press("Escape")
        expect(page.locator("doc-chat dialog")).to_be_hidden()
        select(page, "main p", TOWELS)
        expect(page.get_by_role("button", name="Ask about this")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Ask about this")).to_be_hidden()


def test_several_selections_are_shortened_and_make_one_question(browser: Browser, host: Site, size: str) -> None:
    with strict_page(browser, host, size=size) as page:
        sign_in(page)
        frame = chat(page)
        ask_about(page, f"The large pool is kept at twenty-eight degrees. {SMALL}")
        expect(frame.locator("[data-chip]")).to_have_count(1)
        first = frame.locator("[data-chip]").first
        first.get_by_role("button", name="Shorten the selected text").click()
        whole = first.get_by_label("The selected text")
        expect(whole).to_be_focused()
        keep = first.get_by_role("button", name="Keep this part")
        expect(keep).to_be_disabled()
        whole.press("Control+Home")
        for _ in "The large pool":
            page.keyboard.press("Shift+ArrowRight")
        expect(keep).to_be_enabled()
        page.keyboard.press("Control+End")
        for _ in SMALL:
            page.keyboard.press("Shift+ArrowLeft")
        keep.click()
        expect(frame.locator("[data-chip-text]")).to_have_text([SMALL])
        expect(frame.get_by_label("Your question")).to_be_focused()

        if size == "phone":
            page.keyboard.press("Escape")
        for words in (TOWELS, "Warm", TOWELS):  # the same again changes nothing
            select(page, "main p, main h1", words)
            page.get_by_role("button", name="Ask about this").click()
            if size == "phone":
                expect(frame.get_by_label("Your question")).to_be_focused()
                page.keyboard.press("Escape")
        if size == "phone":
            opener(page).click()
        expect(frame.locator("[data-chip-text]")).to_have_text([SMALL, TOWELS, "Warm"])
        frame.locator("[data-chip]").last.get_by_role("button", name="Remove the selected text").click()
        run = ask(frame, "For how many coins can towels be borrowed?", runs=1)
        expect(run.locator("blockquote")).to_have_text([SMALL, TOWELS])
        expect(run.locator("blockquote mark")).to_have_text([TOWELS])
        expect(run.locator("a.citation, span.citation")).to_have_text(["2"])


def test_shortened_selection_keeps_its_exact_place(browser: Browser, host: Site) -> None:
    with strict_page(browser, host, size="wide") as page:
        sign_in(page)
        page.goto("/docs/documents/1/")
        select(page, ".text", "Glasses are not allowed near the pool.")
        page.get_by_role("button", name="Ask about this").click()
        expect(page).to_have_url(re.compile("/docs/$"))
        page.get_by_role("button", name="Shorten the selected text").click()
        page.get_by_label("The selected text").evaluate("field => field.setSelectionRange(11, 28)")
        page.get_by_role("button", name="Keep this part").click()
        expect(page.locator("[data-chip-text]")).to_have_text("not allowed near")
        page.get_by_label("Your question").fill("What is not allowed?")
        with page.expect_request("**/chat/query") as asked:
            page.get_by_label("Your question").press("Enter")
        start = "# Rules\n\nGlasses are not allowed near".index("not allowed near")
        place = {"document_id": 1, "start": start, "end": start + len("not allowed near")}
        assert asked.value.post_data_json["selections"] == [{"text": "not allowed near"} | place]
        expect(page.locator("article.run[data-state=completed]")).to_have_count(1)


def test_too_long_a_selection_offers_its_first_part(browser: Browser, host: Site) -> None:
    with strict_page(browser, host, size="wide") as page:
        sign_in(page)
        page.evaluate(
            """() => {
                const long = document.createElement("p");
                long.textContent = "Forty pages of words. ".repeat(4000);
                document.querySelector("main").append(long);
                getSelection().selectAllChildren(long);
            }"""
        )
        page.get_by_role("button", name="Ask about this").click()
        frame = chat(page)
        expect(frame.locator("[data-notice]")).to_contain_text("This selection has 87,999 characters; 20,000 more")
        frame.get_by_role("button", name="Ask about its first 20,000 characters").click()
        expect(frame.locator("[data-chip]")).to_have_count(1)
        expect(frame.locator("[data-notice]")).to_be_hidden()
        run = ask(frame, "How many pages of words?", runs=1)
        expect(run.locator("blockquote")).to_contain_text("Forty pages of words.")


def test_who_is_not_signed_in_is_led_to_the_projects_own_page_and_back(browser: Browser, host: Site, size: str) -> None:
    with strict_page(browser, host, size=size) as page:
        page.goto("/visit/")
        select(page, "main p", "closes at nine in the evening")
        page.get_by_role("button", name="Ask about this").click()
        chat(page).get_by_role("link", name="Sign in").click()
        expect(page).to_have_url(re.compile(r"/members/sign-in/\?next=(/|%2F)visit(/|%2F)$"))
        page.get_by_label("Username").fill("member")
        page.get_by_label("Password").fill(PASSWORD)
        chromium.follow(page.locator("main button"))
        expect(page).to_have_url(f"{host.url}/visit/")
        if size == "phone":
            opener(page).click()
        expect(chat(page).locator("[data-chip-text]")).to_have_text("closes at nine in the evening")


def test_selection_that_the_frame_has_not_heard_yet_is_there_on_the_next_page(browser: Browser, host: Site) -> None:
    with strict_page(browser, host, size="wide") as page:
        sign_in(page)
        page.goto("/visit/")
        held: list[Any] = []
        page.route("**/frame*.js", lambda route: held.append(route))  # so the frame isn't ready
        select(page, "main p", "closes at nine in the evening")
        page.get_by_role("button", name="Ask about this").click()
        chromium.until(page, lambda: bool(held))
        page.unroute("**/frame*.js")
        page.goto("/visit/")
        expect(chat(page).locator("[data-chip-text]")).to_have_text("closes at nine in the evening")
        page.reload()  # it was heard: it is there once
        expect(chat(page).locator("[data-chip-text]")).to_have_count(1)


def test_frame_and_button_are_accessible_and_untouched_by_the_hosts_css(
    browser: Browser, host: Site, size: str
) -> None:
    with strict_page(browser, host, size=size, reduced_motion="reduce") as page:
        sign_in(page)
        style = "button => { const s = getComputedStyle(button); return [s.textTransform, s.backgroundColor]; }"
        assert opener(page).evaluate(style) == ["none", "rgb(122, 31, 61)"]
        found = {"closed": barriers(page, inside="doc-chat")}
        ask_about(page, SMALL)
        found["open"] = barriers(page, inside="doc-chat")
        frame = page.frames[-1]
        found["chip"] = barriers(page, frame=frame)
        ask(chat(page), "At how many degrees is the small one kept?", runs=1)
        expect(chat(page).get_by_label("Your question")).to_be_focused()
        found["about a selection"] = barriers(page, frame=frame)
        run = ask(chat(page), "When is the sauna heated?", runs=2)
        for summary in run.locator("summary").all():
            summary.click()
        found["answered"] = barriers(page, frame=frame)
        run.locator("a.citation").click()
        expect(chat(page).locator("[data-panel] mark[data-quote]")).to_be_in_viewport()
        found["cited"] = barriers(page, frame=frame)
        assert not any(found.values()), found
        width = page.evaluate("() => document.documentElement.scrollWidth")
        assert width <= chromium.SIZES[size]["viewport"]["width"]


def test_right_to_left_page_has_it_on_its_left(browser: Browser, host: Site) -> None:
    with strict_page(browser, host, size="wide") as page:
        page.route(re.compile(r"/visit/$"), _mirrored)
        page.goto("/visit/")
        box = opener(page).bounding_box()
        assert box
        assert box["x"] < 100
        opener(page).click()
        expect(page.locator("doc-chat dialog")).to_be_visible()
        panel = page.locator("doc-chat dialog").bounding_box()
        assert panel
        assert panel["x"] < 100


def _mirrored(route: Any) -> None:
    response = route.fetch()
    route.fulfill(response=response, body=response.text().replace('<html lang="en">', '<html lang="ar" dir="rtl">'))


# ---- pages of another origin -----------------------------------------------------------------------------------------


class Elsewhere(BaseHTTPRequestHandler):
    """A page that knows of the chat nothing but one line."""

    body = ""

    def do_GET(self) -> None:
        page = (
            '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f'<title>Elsewhere</title><link rel="icon" href="data:,"><main><p>{SMALL}</p></main>{self.body}</html>'
        )
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", "default-src 'self' data: " + self.headers.get("X-Allow", ""))
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name is its base class's)
        pass


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def line(browser: Browser, host: Site, elsewhere: ThreadingHTTPServer) -> str:
    """The line that staff copy from the admin, after they have added the site there."""
    page = browser.new_page(base_url=host.url)
    page.goto("/admin/")
    page.get_by_label("Username").fill("staff")
    page.get_by_label("Password").fill(PASSWORD)
    chromium.follow(page.get_by_role("button", name="Log in"))
    page.goto("/admin/chatsite/embedsite/add/")
    page.get_by_label("Name").fill("Elsewhere")
    page.get_by_label("Origins").fill(f"http://127.0.0.1:{elsewhere.server_port}")
    page.locator("#id_collections_from").select_option(label="Rules")
    page.locator("#id_collections_add, .selector-add").first.click()
    page.get_by_label("Title").fill("Ask the rules")
    chromium.follow(page.get_by_role("button", name="Save and continue editing"))
    copied = page.locator("[data-snippet]").inner_text()
    page.context.close()
    Elsewhere.body = copied
    return copied


def test_page_of_another_origin_asks_with_a_public_token(
    browser: Browser, host: Site, elsewhere: ThreadingHTTPServer, line: str, size: str
) -> None:
    home = f"http://127.0.0.1:{elsewhere.server_port}"
    with strict_page(browser, host, size=size, elsewhere=home, extra_http_headers={"X-Allow": host.url}) as page:
        sent: list[Request] = []
        page.on("request", lambda request: sent.append(request) if request.url.startswith(host.url) else None)
        page.goto(home)
        frame = ask_twice(page)
        expect(frame.locator("h1.name")).to_have_text("Ask the rules")
        run = ask(frame, "Where does the key of the boiler room hang?", runs=3)
        expect(run.locator("a.citation")).to_have_count(0)

        page.reload()
        if size == "phone":
            page.get_by_role("button", name="Ask the rules").click()
        expect(frame.locator("article.run")).to_have_count(3)
        asked = [request for request in sent if request.url.endswith("/chat/query")]
        assert len(asked) == 3
        for request in asked:
            headers = request.all_headers()
            assert headers["authorization"].startswith("Bearer pub_")
            assert "cookie" not in headers
        assert page.context.cookies() == []


def test_page_of_an_origin_that_is_not_named_shows_no_chat(
    browser: Browser, host: Site, elsewhere: ThreadingHTTPServer, line: str
) -> None:
    context: BrowserContext = browser.new_context(extra_http_headers={"X-Allow": host.url}, **chromium.WIDE)
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)
    page.goto(f"http://localhost:{elsewhere.server_port}")  # the same server under another name: another origin
    page.get_by_role("button", name="Ask the rules").click()
    chromium.until(page, lambda: any("frame-ancestors" in message for message in refused))
    chromium.until(page, lambda: page.frames[-1].url.startswith(("chrome-error:", "about:")))
    context.close()


def test_messages_from_elsewhere_are_not_heard(browser: Browser, host: Site) -> None:
    with strict_page(browser, host, size="wide") as page:
        sign_in(page)
        opener(page).click()
        expect(chat(page).get_by_label("Your question")).to_be_focused()
        page.evaluate("() => window.postMessage({docchat: 'close'}, '*')")  # not from the frame
        frame = page.frames[-1]
        frame.evaluate("() => window.postMessage({docchat: 'passage', text: 'forged'}, '*')")  # not from its page
        page.wait_for_timeout(300)
        expect(page.locator("doc-chat dialog")).to_be_visible()
        expect(chat(page).locator("[data-chip]")).to_have_count(0)


def test_button_and_frame_are_light() -> None:
    page = (ROOT / "chatsite" / "templates" / "chatsite" / "embed.html").read_text()
    loaded, more = set[str](), set(re.findall(r"static 'chatsite/([\w-]+\.(?:js|css))'", page))
    while more:
        loaded |= more
        imported = (re.findall(r'from "\./([\w-]+\.js)"', (STATIC / name).read_text()) for name in more)
        more = {name for names in imported for name in names} - loaded
    size = {name: len(gzip.compress((STATIC / name).read_bytes())) for name in loaded | {"widget.js"}}
    assert size.pop("widget.js") < 6_000
    assert {"chat.js", "answer.js", "frame.css"} <= size.keys()
    assert sum(size.values()) < 50_000
