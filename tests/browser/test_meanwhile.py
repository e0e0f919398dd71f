"""What a reader sees before the first word of an answer, and of a text that no passage supports, in a real browser."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import pages as chromium
from tests.browser.test_accessibility import barriers
from tests.browser.test_asking import ask
from tests.browser.test_conversation import ended, last
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer
from tests.furnished import QUESTION, furnished_site, sign_in
from tests.servers import Site

pytestmark = chromium.MARKS

MODELS = ["a-language-model", "a-larger-model", "a-model-that-only-closes"]
NOTHING = "Nothing that was found answers this question."
FOLDED = "Your documents don't support this"
LONG = 3600.0  # seconds, more than any test waits


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, model: ChatServer) -> Iterator[Site]:
    """One question at a time is at the model; the staff may choose the model."""
    folder = tmp_path_factory.mktemp("meanwhile")
    with furnished_site(folder, OPENAI_BASE_URL=model.url, CHAT_MODELS=",".join(MODELS), CHAT_PARALLEL="1") as started:
        yield started


@pytest.fixture
def page(size: str, browser: Browser, running: Site) -> Iterator[Page]:
    with chromium.strict_page(browser, running.url, size=size, reduced_motion="reduce") as opened:
        opened.goto("/")
        yield opened


def thinks(*thoughts: str) -> list[bytes]:
    return [chat_server.chunk({"reasoning_content": thought}) for thought in thoughts]


def says(*words: str, finish: str = "stop") -> list[bytes]:
    said = [chat_server.chunk({"content": each}) for each in words]
    return [*said, chat_server.chunk({}, finish=finish), chat_server.DONE]


def stop(page: Page) -> Any:
    page.get_by_role("button", name="Stop").click()
    return ended(page, "cancelled")


def test_thoughts_are_shown_folded_and_are_no_part_of_the_answer(page: Page, model: ChatServer) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    first, second = "The reader asks about <b>the filter</b>.", "Two months are named [1]"
    thoughts = thinks(first, "\n", second[:11], second[11:])
    seen = threading.Event()
    model.script(chat_server.stream(*thoughts, seen, *says("In March ", "and in October [1].")))
    ask(page, QUESTION)
    thinking = last(page).locator("[data-thinking]")
    expect(thinking.locator("[data-thinking-line]")).to_have_text(second)
    expect(thinking.locator("[data-thinking-label]")).to_have_text("Thinking…")
    expect(thinking.locator("[data-thoughts]")).to_be_hidden()
    expect(last(page).locator("[data-activity]")).to_be_hidden()
    expect(page.locator("[data-announcement]")).to_have_text("Thinking…")
    assert barriers(page) == []
    seen.set()
    run = ended(page)
    expect(thinking.locator("summary")).to_have_text(re.compile(r"Thought for \d+ seconds?"))
    thinking.locator("summary").click()
    expect(thinking.locator("[data-thoughts]")).to_have_text(f"{first}\n{second}")
    assert barriers(page) == []
    assert "reader asks" not in run.locator("[data-answer]").inner_text()
    run.get_by_role("button", name="Copy the answer with its sources").click()
    expect(page.locator("[data-announcement]")).to_have_text("Copied.")
    assert "reader asks" not in page.evaluate("navigator.clipboard.readText()")
    page.reload()
    expect(last(page).locator("[data-answer]")).to_contain_text("and in October")
    expect(page.get_by_text("The reader asks")).to_have_count(0)


def test_case_104_thoughts_that_show_themselves_at_their_end_leave_the_answer(
    browser: Browser, running: Site, model: ChatServer
) -> None:
    shown, gone = threading.Event(), threading.Event()
    *thoughts, close = says("The reader asks [1].", "\n\nSo it ", "is.\n</think>")[:3]
    begun, *rest = says("\n\nIn March ", "and in October [1].")
    said = [*thoughts, shown, close, begun, gone, *rest]
    with chromium.strict_page(browser, running.url) as page:
        sign_in(page, "staff")
        page.goto("/")
        page.get_by_label("Language model").select_option(MODELS[2])  # from now on it is known to begin with thoughts
        model.script(chat_server.stream(*said))
        ask(page, QUESTION)
        answer = last(page).locator("[data-answer]")
        expect(answer).to_contain_text("The reader asks")
        shown.set()
        expect(answer).not_to_contain_text("The reader asks")
        expect(last(page)).to_have_attribute("data-state", "running")
        gone.set()
        expect(ended(page).locator("[data-answer]")).to_have_text(re.compile(r"^In March and in October 1\.\s*$"))


def test_200000_characters_of_thoughts_are_drawn_without_touching_what_stands_there(
    page: Page, model: ChatServer
) -> None:
    page.evaluate(
        """() => {
            window.removed = 0;
            new MutationObserver((records) => {
                const within = records.filter(({target}) => target.closest?.("[data-thoughts]"));
                window.removed += within.flatMap(({removedNodes}) => [...removedNodes]).length;
            }).observe(document.querySelector("[data-runs]"), {childList: true, subtree: true});
        }"""
    )
    lines = [" ".join(f"{word * word % 10_007:05}" for word in range(at, at + 100)) for at in range(0, 33_400, 100)]
    thoughts = [piece for line in lines for piece in (*thinks(f"{line}\n"), 0.005)]
    seen = threading.Event()
    model.script(chat_server.stream(*thoughts[:20], seen, *thoughts[20:], *says("In March [1].")))
    ask(page, QUESTION)
    thinking = last(page).locator("[data-thinking]")
    thinking.locator("summary").click()
    seen.set()
    ended(page)
    length = "(thoughts) => thoughts.textContent.length"
    assert thinking.locator("[data-thoughts]").evaluate(length) == sum(len(line) + 1 for line in lines)
    assert page.evaluate("window.removed") == 0


@pytest.mark.case(108)
def test_slow_model_is_waited_for_in_seconds_with_quoted_sentences_meanwhile(page: Page, model: ChatServer) -> None:
    model.script(chat_server.text("In March", " and in October [1].", first_delay=LONG))
    ask(page, QUESTION)
    activity = last(page).locator("[data-activity-text]")
    expect(activity).to_have_text(re.compile(r"The model is reading… \d+ s"))
    expect(page.locator("[data-announcement]")).to_have_text("The model is reading…")
    offer = last(page).locator("[data-quoted]")
    offer.get_by_text("Show quoted sentences meanwhile").click()
    expect(offer).to_contain_text("is changed in March and in October.")
    assert barriers(page) == []
    offer.locator("a.citation").first.click()
    expect(page.locator("[data-panel] mark[data-quote]").first).to_be_visible()
    page.get_by_role("button", name="Close the document").click()
    run = stop(page)
    expect(run.locator("[data-quoted]")).to_have_count(0)


def test_quoted_sentences_leave_with_the_first_word(page: Page, model: ChatServer) -> None:
    model.script(chat_server.text(seen := threading.Event(), "In March", " and in October [1]."))
    ask(page, QUESTION)
    expect(last(page).locator("[data-quoted]")).to_be_visible()
    seen.set()
    run = ended(page)
    expect(run.locator("[data-quoted]")).to_have_count(0)
    expect(run.locator("[data-answer]")).to_have_text(re.compile("In March and in October"))


def test_place_in_line_is_told_and_can_be_left(page: Page, model: ChatServer) -> None:
    model.script(chat_server.text("Late.", first_delay=LONG))
    ask(page, QUESTION)
    expect(last(page).locator("[data-activity-text]")).to_contain_text("passage")
    behind = [page.context.new_page() for _ in range(2)]
    for number, tab in enumerate(behind, start=1):
        tab.goto("/")
        ask(tab, "And who oils it?")
        told = ("1st in line…", "2nd in line…")[number - 1]
        expect(last(tab).locator("[data-activity-text]")).to_have_text(told)
        expect(tab.locator("[data-announcement]")).to_have_text(told)
    assert barriers(behind[0]) == []
    stop(behind[0])
    expect(last(behind[1]).locator("[data-activity-text]")).to_have_text("1st in line…")
    stop(behind[1])
    stop(page)


def test_case_110_text_without_a_citation_is_folded_below_the_sentence_that_nothing_was_found(
    page: Page, model: ChatServer
) -> None:
    invention = "Every six weeks it needs a new one. Rinse it with warm water."
    seen = threading.Event()
    model.script(chat_server.text(*(f"{word} " for word in invention.split()), seen))
    ask(page, QUESTION)
    streamed = last(page).locator("[data-state=running] [data-answer], [data-answer][data-unsupported]")
    expect(streamed).to_contain_text("six weeks")
    expect(last(page).locator("[data-activity-text]")).to_have_text("Writing, not yet supported by a passage…")
    assert barriers(page) == []
    seen.set()
    run = ended(page)
    expect(run.locator("[data-answer]")).to_have_text(NOTHING)
    expect(page.locator("[data-announcement]")).to_have_text("No answer was found.")
    expect(run.get_by_text("Rinse it")).to_be_hidden()
    run.get_by_text(FOLDED).click()
    expect(run.locator("details.unsupported")).to_contain_text(invention)
    expect(run.locator("details.unsupported")).to_contain_text("Written by a-language-model.")
    expect(run.get_by_role("heading", name="The nearest passages")).to_be_visible()
    expect(run.get_by_role("button", name="Copy the answer with its sources")).to_have_count(0)
    assert barriers(page) == []


def test_text_is_muted_until_its_first_citation_and_uncited_sentences_are_marked(page: Page, model: ChatServer) -> None:
    muted_is_seen, cited_is_seen = threading.Event(), threading.Event()
    uncited = ["It has ", "to be rinsed ", "with warm water."]
    model.script(chat_server.text("In March ", "and October ", muted_is_seen, "[1]. ", cited_is_seen, *uncited))
    ask(page, QUESTION)
    streamed = last(page).locator("[data-answer]")
    expect(streamed).to_have_attribute("data-unsupported", "")
    muted = streamed.evaluate("(answer) => getComputedStyle(answer).color")
    muted_is_seen.set()
    expect(streamed).not_to_have_attribute("data-unsupported", "")
    expect(last(page).locator("[data-activity-text]")).to_have_text("Writing…")
    assert streamed.evaluate("(answer) => getComputedStyle(answer).color") != muted
    cited_is_seen.set()
    run = ended(page)
    marked = run.locator("[data-answer] .uncited")
    expect(marked).to_have_text("It has to be rinsed with warm water.")
    expect(marked).to_have_attribute("title", "No passage is cited for this.")
    expect(run.get_by_text("Dotted: no passage is cited for this.")).to_be_visible()
    assert barriers(page) == []


def test_answer_that_was_cut_says_so_and_goes_on(page: Page, model: ChatServer) -> None:
    model.script(chat_server.stream(*says("In March and [1] ", finish="length")))
    ask(page, QUESTION)
    run = ended(page, "limited")
    told = "The answer was cut: it reached the limit on its length, or began to repeat itself."
    expect(run.locator(".notice")).to_have_text(told)
    expect(page.locator("[data-announcement]")).to_have_text(told)
    expect(run.get_by_role("button", name="Try again")).to_be_visible()
    assert barriers(page) == []
    model.script(chat_server.text("in October [1]."))
    run.get_by_role("button", name="Continue").click()
    expect(ended(page).locator("[data-answer]")).to_have_text(re.compile("In March and 1 ?in October 1"))
    expect(page.locator("[data-runs] > article.run")).to_have_count(1)


def test_refusal_of_the_model_is_told_in_a_sentence_of_its_own(page: Page, model: ChatServer) -> None:
    model.script(*[chat_server.failure(401, message="wrong key")] * len(MODELS))
    ask(page, QUESTION)
    expect(ended(page).locator("[data-answer]")).to_contain_text("The language model refused the question")


def test_model_is_chosen_by_who_may_and_remembered(page: Page, model: ChatServer) -> None:
    expect(page.get_by_label("Language model")).to_have_count(0)  # a visitor may not
    sign_in(page, "staff")
    page.goto("/")
    assert barriers(page) == []
    page.get_by_label("Language model").select_option(MODELS[1])
    model.script(chat_server.text("In March and in October [1]."))
    ask(page, QUESTION)
    expect(ended(page).get_by_text(f"Answered by {MODELS[1]}")).to_be_visible()
    assert model.requests[-1].body["model"] == MODELS[1]
    page.goto("/")
    expect(page.get_by_label("Language model")).to_have_value(MODELS[1])  # of this browser
    page.get_by_label("Language model").select_option(MODELS[0])
    page.go_back()
    expect(page.get_by_label("Language model")).to_have_value(MODELS[1])  # of the conversation


def test_model_is_chosen_without_javascript(browser: Browser, running: Site, model: ChatServer) -> None:
    with chromium.strict_page(browser, running.url, java_script_enabled=False) as page:
        sign_in(page, "staff")
        page.goto("/")
        page.get_by_label("Language model").select_option(MODELS[1])
        model.script(chat_server.text("Every six weeks or so."))
        page.get_by_label("Your question").fill(QUESTION)
        chromium.follow(page.get_by_role("button", name="Ask", exact=True))
        run = ended(page)
        assert model.requests[-1].body["model"] == MODELS[1]
        expect(run.locator("[data-answer]")).to_have_text(NOTHING)
        run.get_by_text(FOLDED).click()
        expect(run.get_by_text("Every six weeks")).to_be_visible()
        expect(page.get_by_label("Language model")).to_have_value(MODELS[1])
