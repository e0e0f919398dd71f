"""A conversation in a real browser: connections that break, answers that go on, and what can be done with them."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from tests.browser import pages as chromium
from tests.browser.test_asking import ask, select
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer
from tests.servers import Site, site

pytestmark = chromium.MARKS

QUESTION = "Which variable points the site at a Qdrant server?"
ANSWER = "Set `QDRANT_URL` to its address [1]."
SLOW = ["word0 [1] ", *(f"word{n} " for n in range(1, 60))]
VARIED = "pump filter boiler lathe goggles clock door key lid lamp motor water cup stone paper".split()
SHOWN = " ".join(["word0", "1", *(f"word{n}" for n in range(1, 60))])


@pytest.fixture(scope="module")
def running(seeded: Path, model: ChatServer) -> Iterator[Site]:
    """As many tokens as the longest answer has."""
    chat = {"OPENAI_BASE_URL": model.url, "CHAT_MAX_TOKENS": "100000"}
    with site("serve", data_dir=seeded, RUNS_PER_USER="2", **chat) as started:
        yield started


@pytest.fixture
def page(size: str, browser: Browser, running: Site) -> Iterator[Page]:
    """The chat page; what a test breaks on purpose may be an error in its console."""
    with chromium.strict_page(browser, running.url, size=size, allowed=("net::ERR", "404", "429")) as opened:
        opened.goto("/")
        yield opened


def last(page: Page) -> Any:
    return page.locator("[data-runs] > article.run").last


def ended(page: Page, state: str = "completed") -> Any:
    expect(last(page)).to_have_attribute("data-state", state)
    return last(page)


def words(page: Page) -> str:
    return " ".join(last(page).locator("[data-answer]").inner_text().split())


def begin(page: Page, model: ChatServer, *deltas: str | threading.Event, delay: float = 0.05) -> None:
    """Ask, and wait for the first words. Where an event stands, the answer waits for it."""
    model.script(chat_server.text(*deltas, delay=delay))
    ask(page, QUESTION)
    expect(last(page).locator("[data-answer]")).to_contain_text("word3")


def test_answer_goes_on_over_a_reload(page: Page, model: ChatServer) -> None:
    begin(page, model, *SLOW[:20], seen := threading.Event(), *SLOW[20:])
    page.reload()
    expect(last(page)).to_have_attribute("data-state", "running")
    expect(last(page).locator("[data-activity-text]")).to_have_text("Writing…")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    seen.set()
    ended(page)
    assert words(page) == SHOWN
    expect(page.locator("[data-runs] > article.run")).to_have_count(1)


def test_lost_connection_is_said_and_taken_up_again_by_itself(page: Page, model: ChatServer) -> None:
    begin(page, model, *SLOW[:20], seen := threading.Event(), *SLOW[20:])
    page.evaluate(
        """() => {
            window.shrunk = 0;
            let before = 0;
            new MutationObserver(() => {
                const answer = document.querySelector("[data-runs] > .run:last-child [data-answer]");
                const length = answer?.textContent.length ?? 0;
                if (length < before - 10) window.shrunk++; // a mark of Markdown or two may go
                before = length;
            }).observe(document.body, {subtree: true, childList: true, characterData: true});
        }"""
    )
    page.context.set_offline(True)
    expect(last(page).locator("[data-activity-text]")).to_contain_text("You are offline")
    page.context.set_offline(False)
    seen.set()
    ended(page)
    assert words(page) == SHOWN
    assert page.evaluate("window.shrunk") == 0  # it was redrawn in place: never shorter in between


def test_stop_keeps_what_was_written_and_it_can_be_continued(page: Page, model: ChatServer) -> None:
    begin(page, model, *SLOW, threading.Event())
    page.get_by_role("button", name="Stop").click()
    run = ended(page, "cancelled")
    assert words(page).startswith("word0 1 word1 word2 word3")
    model.script(chat_server.text("and the rest."))
    run.get_by_role("button", name="Continue").click()
    ended(page)
    assert words(page).startswith("word0 1 word1 word2 word3")
    assert words(page).endswith("and the rest.")
    expect(page.locator("[data-runs] > article.run")).to_have_count(1)


def test_markdown_is_shown_as_it_comes_and_hostile_markdown_stays_inert(page: Page, model: ChatServer) -> None:
    text = (
        "## Settings\n\nSet **`QDRANT_URL`** [1].\n\n1. one\n2. two\n   - inner\n\n"
        "| a | b |\n|---|---|\n| 1 | <svg onload=alert(1)> |\n\n"
        "```py\nx = '<b>'\n```\n\n<img src=x onerror=alert(1)> ![p](https://evil.example/x.png) "
        "[click](javascript:alert(1)) [data](data:text/html,x) [site](https://example.org)\n\nword3 end"
    )
    pieces = (text[at : at + 3] for at in range(0, len(text), 3))
    model.script(chat_server.text(*pieces, seen := threading.Event(), delay=0.02))
    ask(page, QUESTION)
    streamed = page.locator("[data-state=running] [data-answer]")
    expect(streamed).to_contain_text("word3 end")
    shown = ["h2", "strong code", "ol > li > ul > li", "table th", "table td", "pre code", "a.citation[data-citation]"]
    for part in shown:
        expect(streamed.locator(part).first).to_be_visible()
    expect(streamed.locator("img, svg, script")).to_have_count(0)
    links = streamed.locator("a:not(.citation)").evaluate_all("all => all.map(a => a.href)")
    assert links == ["https://evil.example/x.png", "https://example.org/"]  # as links, which load nothing
    before = " ".join(streamed.inner_text().split())
    seen.set()
    run = ended(page)
    assert " ".join(run.locator("[data-answer]").inner_text().replace("Copy", "").split()) == before
    for part in shown:
        expect(run.locator("[data-answer]").locator(part).first).to_be_visible()


def test_formulas_are_shown_as_they_come_and_are_copied_as_they_were_written(page: Page, model: ChatServer) -> None:
    text = (
        "With $a_1 * b_1 * c$ and \\(x_i\\) it costs $5 [1] and **$10**, \\(see below\\).\n\n"
        "$$\n\\begin{aligned}\na &= b_1 \\\\\n- c &= \\sqrt[3]{d}\n\\end{aligned}\n$$\n\n"
        "$\\text{<img src=x onerror=alert(1)>}$\n\nword3 end"
    )
    pieces = (text[at : at + 3] for at in range(0, len(text), 3))
    model.script(chat_server.text(*pieces, seen := threading.Event(), delay=0.02))
    ask(page, QUESTION)
    streamed = page.locator("[data-state=running] [data-answer]")
    expect(streamed).to_contain_text("word3 end")
    formulas = "all => all.map((formula) => formula.dataset.tex)"
    as_written = streamed.locator("[data-tex]").evaluate_all(formulas)
    assert as_written[:2] == ["$a_1 * b_1 * c$", "\\(x_i\\)"]
    assert as_written[2].startswith("$$\n\\begin{aligned}")
    expect(streamed.locator("em, ul, img")).to_have_count(0)
    expect(streamed).to_contain_text("it costs $5 1 and $10, (see below).")
    expect(streamed.locator("a.citation")).to_have_count(1)
    seen.set()
    answer = ended(page).locator("[data-answer]")
    assert answer.locator("[data-tex]").evaluate_all(formulas) == as_written
    expect(answer.locator("math")).to_have_count(4)
    expect(answer.locator("em, ul, img")).to_have_count(0)

    page.evaluate("(answer) => getSelection().selectAllChildren(answer)", answer.element_handle())
    copied = page.evaluate(
        """() => {
            const clipboardData = new DataTransfer();
            const event = new ClipboardEvent("copy", {clipboardData, bubbles: true, cancelable: true});
            document.querySelector("[data-answer]").dispatchEvent(event);
            return event.clipboardData.getData("text/plain");
        }"""
    )
    assert copied.startswith("With $a_1 * b_1 * c$ and \\(x_i\\) it costs $5 and $10, (see below).")
    assert "\\begin{aligned}" in copied


def test_answer_is_copied_rated_written_again_and_its_question_edited(page: Page, model: ChatServer) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    model.script(chat_server.text(ANSWER, "\n\n```sh\nmake run\n```"))
    ask(page, QUESTION)
    run = ended(page)
    assert copied_by(run.get_by_role("button", name="Copy", exact=True)) == "make run\n"
    copied = copied_by(run.get_by_role("button", name="Copy the answer with its sources"))
    assert copied.startswith(ANSWER)
    assert re.search(r"\n\n\[1\] .+: “.+”", copied)

    run.get_by_role("button", name="Not helpful").click()
    run.get_by_label("What was wrong?").select_option("incomplete")
    run.get_by_role("button", name="Send").click()
    expect(run.locator("[data-feedback-form]")).to_have_count(0)
    page.reload()
    expect(last(page).get_by_role("button", name="Not helpful")).to_have_attribute("aria-pressed", "true")

    model.script(chat_server.text("Another answer [1]."))
    last(page).get_by_role("button", name="Answer again").click()
    expect(last(page).locator("[data-answer]")).to_contain_text("Another answer")
    ended(page)
    last(page).get_by_role("button", name="Edit the question").click()
    field = last(page).get_by_label("Your question")
    expect(field).to_be_focused()
    field.fill("Which port is used?")
    model.script(chat_server.text("Port 8000 [1]."))
    field.press("Enter")
    expect(last(page).locator("[data-question]")).to_have_text("Which port is used?")
    run = ended(page)
    expect(page.locator("[data-runs] > article.run")).to_have_count(1)
    run.get_by_text("Earlier version").click()
    expect(run.locator(".earlier")).to_contain_text("Another answer")


def test_suggestions_begin_and_go_on_with_a_conversation(page: Page, model: ChatServer) -> None:
    starter = page.locator("[data-welcome] [data-suggestion]").first
    chromium.reload_until(starter)  # a busy site shows none before it knows them
    wanted = starter.inner_text()
    starter.click()
    run = ended(page)
    expect(run.locator("[data-question]")).to_have_text(wanted)
    for question in (
        "How do I add a document?",
        "How do I make a backup?",
        "How do I make an API key?",
        "What is a run?",
    ):
        ask(page, question)  # other sections stand near what answers one of them
        following = ended(page).locator("[data-suggestion]").first
        if following.count():
            break
    runs = page.locator("[data-runs] > article.run").count()
    wanted = following.inner_text()
    following.click()
    expect(last(page).locator("[data-question]")).to_have_text(wanted)
    ended(page)
    expect(page.locator("[data-runs] > article.run")).to_have_count(runs + 1)


@pytest.mark.parametrize("size", ["wide"])
def test_greeting_is_answered_at_once_with_starters(page: Page, model: ChatServer) -> None:
    asked = len(model.requests)
    ask(page, "Hello!")
    run = ended(page)
    expect(run.locator("[data-answer]")).to_contain_text("Hello! Ask me what you would like to know")
    expect(run.locator("[data-answer]")).not_to_have_attribute("data-unsupported", "")
    expect(run.locator(".unsupported, .nearest, [data-helpful]")).to_have_count(0)
    starter = run.locator("[data-suggestion]").first
    wanted = starter.inner_text()
    assert "“" not in wanted
    assert len(model.requests) == asked
    starter.click()
    expect(last(page).locator("[data-question]")).to_have_text(wanted)
    ended(page)
    expect(page.locator("[data-runs] > article.run")).to_have_count(2)


def test_case_87_reader_with_too_many_questions_sees_the_seconds_and_keeps_the_question(
    page: Page, model: ChatServer
) -> None:
    begin(page, model, *SLOW, threading.Event())
    tabs = [second_tab(page.context, model), page.context.new_page()]
    tabs[1].goto("/")
    ask(tabs[1], "One too many?")
    notice = last(tabs[1]).locator(".notice")
    expect(notice).to_contain_text("2 of your questions are being answered")
    expect(notice).to_contain_text(re.compile(r"You can ask again in \d+ seconds?\."))
    expect(tabs[1].get_by_label("Your question")).to_have_value("One too many?")
    for tab in (page, tabs[0]):
        tab.get_by_role("button", name="Stop").click()
        ended(tab, "cancelled")


def second_tab(context: BrowserContext, model: ChatServer) -> Page:
    tab = context.new_page()
    tab.goto("/")
    begin(tab, model, *SLOW, threading.Event())
    return tab


def test_conversation_is_renamed_pinned_shared_and_deleted(page: Page, model: ChatServer) -> None:
    model.script(chat_server.text(ANSWER))
    ask(page, QUESTION)
    ended(page)
    menu = page.locator("[data-menu]")
    menu.locator("> summary").click()
    assert violations(page) == []
    menu.get_by_label("Name").fill("Servers")
    chromium.follow(menu.get_by_role("button", name="Rename"))
    expect(page.get_by_role("heading", name="Servers", level=1)).to_be_visible()
    menu.locator("> summary").click()
    chromium.follow(menu.get_by_role("button", name="Keep it at the top of the list"))
    expect(page.locator("#conversations h3").first).to_have_text("Pinned")
    menu.locator("> summary").click()
    chromium.follow(menu.get_by_role("button", name="Make a link"))
    link = menu.locator("#share-link").input_value()
    shared = page.context.new_page()
    shared.goto(link)
    expect(shared.locator(".answer")).to_contain_text("Set QDRANT_URL")
    assert violations(shared) == []
    menu.get_by_text("Delete…").click()
    chromium.follow(menu.get_by_role("button", name="Delete it"))
    expect(page).to_have_url(re.compile(r"/$"))
    assert shared.reload().status == 404  # type: ignore[union-attr]


def copied_by(button: Locator) -> str:
    """Return what is copied when the button has noted it, for a second or two."""
    button.evaluate(
        """(button) => {
            const watch = (seen) => new MutationObserver(seen).observe(button, {attributeFilter: ["data-noted"]});
            window.noted = new Promise(watch);
        }"""
    )
    button.click()
    return str(button.page.evaluate("noted.then(() => navigator.clipboard.readText())"))


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{rule['id']}: {node['html']}" for rule in found for node in rule["nodes"]]


def test_answer_page_is_accessible_and_as_wide_as_its_window(page: Page, model: ChatServer) -> None:
    model.script(chat_server.text(ANSWER))
    ask(page, QUESTION)
    run = ended(page)
    for summary in run.locator("summary").all():
        summary.click()
    assert violations(page) == []
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_asking_works_without_javascript(browser: Browser, running: Site, model: ChatServer) -> None:
    with chromium.strict_page(browser, running.url, java_script_enabled=False) as page:
        page.goto("/")
        for question in (QUESTION, "Which port is used?"):
            model.script(chat_server.text(ANSWER))
            page.get_by_label("Your question").fill(question)
            chromium.follow(page.get_by_role("button", name="Ask", exact=True))
            run = ended(page)
            expect(run.locator("[data-question]")).to_have_text(question)
            expect(run.locator("[data-answer]")).to_contain_text("Set QDRANT_URL to its address")
        expect(page.locator("[data-runs] > article.run")).to_have_count(2)
        chromium.follow(run.locator("a.citation").first)
        expect(page.locator("mark[data-quote]").first).to_be_visible()


def open_until_enter_is_taken(page: Page, path: str) -> Locator:
    """The question's box, as soon as there is a script that takes Enter: an empty question is asked to no effect."""
    page.goto(path, wait_until="commit")
    box = page.get_by_label("Your question")
    pressed = (
        """(box) => box.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", bubbles: true, cancelable: true}))"""
    )
    for _ in range(500):
        if not box.evaluate(pressed):
            return box
        page.wait_for_timeout(20)
    raise AssertionError("Nothing takes Enter.")


@pytest.mark.parametrize("path", ["/", "/embed/"])
def test_question_asked_before_the_scripts_have_come_waits_for_them(page: Page, model: ChatServer, path: str) -> None:
    held: list[Route] = []
    page.route(re.compile(r"/(?!enter\.)\w+\.js$"), lambda route: held.append(route))
    box = open_until_enter_is_taken(page, path)
    box.fill(QUESTION)
    box.press("Shift+Enter")
    box.press("Enter")
    box.press("Enter")
    expect(box).to_have_value(f"{QUESTION}\n")
    expect(page.locator("[data-runs] > article.run")).to_have_count(0)
    came = [route.request.url.rsplit("/", 1)[1] for route in held]
    model.script(chat_server.text(ANSWER))
    page.unroute_all()  # which lets them go
    expect(ended(page).locator("[data-question]")).to_have_text(QUESTION)
    expect(box).to_have_value("")
    expect(page.locator("[data-runs] > article.run")).to_have_count(1)
    loaded = page.evaluate("performance.getEntriesByType('resource').map(({name}) => name.split('/').at(-1))")
    assert sorted(came) == sorted(name for name in loaded if name.endswith(".js") and name != "enter.js")


def test_question_asked_where_the_scripts_never_come_is_asked_without_them(page: Page, model: ChatServer) -> None:
    page.route(re.compile(r"/chat\.js$"), lambda route: route.abort())
    model.script(chat_server.text(ANSWER))
    box = open_until_enter_is_taken(page, "/")
    box.fill(QUESTION)
    with page.expect_navigation(url=re.compile("/c/")):
        box.press("Enter")
    expect(last(page).locator("[data-question]")).to_have_text(QUESTION)


def test_question_asked_twice_where_the_scripts_never_come_is_sent_once(page: Page, model: ChatServer) -> None:
    page.clock.install()
    page.route(re.compile(r"/chat\.js$"), lambda route: route.abort())
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    model.script(chat_server.text(ANSWER))
    box = open_until_enter_is_taken(page, "/")
    page.wait_for_load_state()
    box.fill(QUESTION)
    box.press("Enter")
    box.press("Enter")
    with page.expect_navigation(url=re.compile("/c/")):
        page.clock.fast_forward(20_000)
    expect(page.locator("[data-runs] > article.run")).to_have_count(1)
    assert len(sent) == 1


def test_long_answer_is_drawn_without_touching_what_is_written(
    browser: Browser, running: Site, model: ChatServer
) -> None:
    """200,000 characters, as fast as they come: a draw takes back the last block or item alone, and the end nothing."""
    with chromium.strict_page(browser, running.url) as page:
        page.goto("/")
        page.evaluate(
            """() => {
                window.draws = [];
                new MutationObserver((records) => {
                    const answer = document.querySelector(".run:last-child [data-answer]");
                    const within = records.filter(({target}) => answer?.contains(target));
                    window.draws.push(within.flatMap(({removedNodes}) => [...removedNodes]).length);
                }).observe(document.querySelector("[data-runs]"), {childList: true, subtree: true});
            }"""
        )
        chance = random.Random(1)  # a model that repeats itself is stopped
        paragraphs = [
            f"{' '.join(chance.choices(VARIED, k=65))} **bold** `code` [1].\n\n- item\n- item\n\n" for _ in range(460)
        ]
        model.script(chat_server.text(*paragraphs, seen := threading.Event(), " ", delay=0.005))
        ask(page, QUESTION)
        answer = last(page).locator("[data-answer]")
        expect(answer.locator("p").nth(459)).to_be_attached()
        answer.evaluate("(answer) => { for (const part of answer.querySelectorAll('*')) part.written = true; }")
        seen.set()
        ended(page)
        assert len(answer.inner_text()) > 180_000
        fresh = answer.evaluate("(answer) => [...answer.querySelectorAll('*')].filter((part) => !part.written).length")
        assert fresh <= 1  # the last item, when it was marked before its last draw
        draws = page.evaluate("window.draws")
        assert len(draws) > 5  # a frame each, of which a slow machine has few
        assert max(draws) == 1


def test_what_is_read_and_selected_stays_so_while_an_answer_is_written_and_ends(page: Page, model: ChatServer) -> None:
    chance = random.Random(1)  # as above
    told = [" ".join(chance.choices(VARIED, k=3)) for _ in range(30)]
    paragraphs = [f"The {words} stand *here* [1], `as` they were.\n\n- one\n- two\n\n" for words in told]
    begin(page, model, *paragraphs, "word3 ", seen := threading.Event(), *SLOW, delay=0.02)
    log = page.locator("[data-log]")
    log.evaluate("(log) => log.scrollTo({top: 700, behavior: 'instant'})")
    select(page, "[data-answer] p", "as")
    offer = page.get_by_role("button", name="Ask about this")
    expect(offer).to_be_visible()
    read = """() => {
        const paragraph = document.querySelectorAll("[data-answer] p")[12];
        return [getSelection().toString(), paragraph.getBoundingClientRect().top];
    }"""
    before = page.evaluate(read)
    assert before[0] == "as"
    seen.set()
    expect(last(page).locator("[data-answer]")).to_contain_text("word40")
    assert page.evaluate(read) == before
    ended(page)
    assert page.evaluate(read) == before
    expect(offer).to_be_visible()
