"""Workflows are built, run, answered and published by cards, with the keyboard alone, wide and narrow; under axe."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.browser import pages as chromium
from tests.browser.test_accessibility import OURS, barriers
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer
from tests.furnished import FILTER, furnished_site, sign_in
from tests.servers import Site

pytestmark = chromium.MARKS
SUMMARY = "In March and in October [Pump manual]."


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, model: ChatServer) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("workflows")
    with furnished_site(folder, OPENAI_BASE_URL=model.url, CHAT_MODEL="a-language-model") as started:
        yield started


@pytest.fixture
def page(size: str, browser: Browser, running: Site) -> Iterator[Page]:
    with chromium.strict_page(browser, running.url, size=size, reduced_motion="reduce") as opened:
        sign_in(opened, "staff")
        yield opened


def tab_to(page: Page, wanted: Locator, *, back: bool = False) -> None:
    """Press Tab until the element has the focus."""
    expect(wanted).to_be_visible()
    for _ in range(250):
        if wanted.evaluate("(element) => element === document.activeElement"):
            return
        page.keyboard.press("Shift+Tab" if back else "Tab")
    raise AssertionError(f"no key leads to {wanted}")


def pick(page: Page, select: Locator, letters: str, *, back: bool = False) -> None:
    """Choose from a list by typing what the option begins with."""
    tab_to(page, select, back=back)
    page.keyboard.type(letters)


def press(page: Page, button: Locator, *, back: bool = False) -> None:
    tab_to(page, button, back=back)
    page.keyboard.press("Enter")


def go(page: Page, link: Locator, *, back: bool = False) -> None:
    """Press what leads to another page."""
    tab_to(page, link, back=back)
    chromium.follow(link, key="Enter")


def said(page: Page, text: str) -> None:
    expect(page.locator("[data-live=said]")).to_have_text(text)


def new(page: Page, title: str) -> None:
    page.goto("/admin/chatsite/workflow/add/")
    tab_to(page, page.get_by_label("Title"))
    page.keyboard.type(title)
    chromium.follow(page.get_by_label("Title"), key="Enter")
    expect(page.get_by_role("heading", name=title)).to_be_visible()


def add(page: Page, letters: str, step: str) -> None:
    """Add a step, and be on its card."""
    pick(page, page.locator("#add-target"), letters)
    press(page, page.get_by_role("button", name="Add step"))
    said(page, f"Added step {step}.")
    expect(page.locator(f"#step-{step}")).to_be_focused()


@contextmanager
def changes_held(page: Page) -> Iterator[Callable[[], None]]:
    """Keep each change from the site until the function is called, which lets the next one through."""
    held: list[Route] = []
    page.route("**/edit/", lambda route: held.append(route))

    def let_through() -> None:
        while not held:
            page.wait_for_timeout(10)
        with page.expect_response("**/edit/"):
            held.pop(0).continue_()

    yield let_through
    page.unroute("**/edit/")  # which lets the others through


def test_newcomer_builds_runs_answers_and_publishes_by_keyboard(page: Page, model: ChatServer, size: str) -> None:
    new(page, f"Newsletter {size}")
    tab_to(page, page.get_by_label("New input"))
    page.keyboard.type("topic")
    page.keyboard.press("Enter")
    said(page, "Changed input topic.")
    add(page, "search", "search_documents")
    expect(page.locator("#search_documents-with-query-0-value")).to_have_value("inputs.topic")
    add(page, "summ", "summariser")
    expect(page.locator("#summariser-prompt-0-value")).to_have_value("steps.search_documents.output")
    add(page, "approves", "approve")
    add(page, "writer", "writer")
    tab_to(page, page.locator("#writer-prompt-0-text"))
    page.keyboard.type("Say it kindly: ")
    pick(page, page.locator("#writer-prompt-0-value"), "Result of summ")
    press(page, page.locator("#more-writer > summary"))
    pick(page, page.locator("#writer-when"), "Approval")
    expect(page.locator("[data-text]")).to_have_value(
        """inputs:
  topic: {}
steps:
  search_documents:
    tool: search_documents
    with:
      query: ${inputs.topic}
  summariser:
    agent: summariser
    prompt: ${steps.search_documents.output}
  approve:
    person: approve
    prompt: ${steps.summariser.output}
  writer:
    agent: writer
    prompt: "Say it kindly: ${steps.summariser.output}"
    when: ${steps.approve.output.approved}
"""
    )
    expect(page.locator(".graph-node")).to_have_count(4)
    tab_to(page, page.locator("#run-topic"))
    page.keyboard.type("When is the filter of the pump changed?")
    model.script(chat_server.text(SUMMARY), chat_server.text("Kindly: twice a year."))
    go(page, page.get_by_role("button", name="Run the draft"))
    expect(page.get_by_role("heading", name="approve waits for you")).to_be_visible()
    expect(page.locator("#step-approve")).to_have_attribute("data-state", "waiting")
    expect(page.locator(".graph-node.is-completed")).to_have_count(2)
    assert FILTER in model.requests[-1].body["messages"][-1]["content"]
    press(page, page.get_by_role("button", name="Approve"))
    expect(page.locator(".state-mark")).to_have_text("Completed")
    expect(page.locator(".run-output")).to_contain_text("Kindly: twice a year.")
    go(page, page.get_by_role("link", name=f"Newsletter {size}"), back=True)
    tab_to(page, page.get_by_label("What has changed"))
    page.keyboard.type("The first.")
    chromium.follow(page.get_by_label("What has changed"), key="Enter")
    expect(page.locator(".messagelist")).to_contain_text("Version 1 is published.")


def test_cards_are_moved_removed_and_taken_back_by_keys(page: Page, size: str) -> None:
    new(page, f"Keys {size}")
    add(page, "search", "search_documents")
    add(page, "summ", "summariser")
    order = page.locator("[data-step]")
    tab_to(page, page.locator("#summariser-prompt-0-text"))
    page.keyboard.type("In short: ")
    page.keyboard.press("Alt+ArrowUp")
    said(page, "Moved step summariser.")
    expect(order.first).to_have_attribute("data-step", "summariser")
    expect(page.locator("#summariser-prompt-0-text")).to_have_value("In short: ")  # which moving it did not lose
    expect(page.locator("[data-text]")).to_have_value(re.compile("In short: "))
    page.keyboard.press("Alt+ArrowDown")
    expect(order.first).to_have_attribute("data-step", "search_documents")
    press(page, page.get_by_role("button", name="Remove summariser"))
    said(page, "Removed step summariser.")
    expect(order).to_have_count(1)
    page.keyboard.press("Control+z")
    said(page, "Took the last change back.")
    expect(order).to_have_count(2)


def test_what_is_wrong_is_marked_as_one_types_and_nothing_typed_is_lost(page: Page, size: str) -> None:
    new(page, f"Typed {size}")
    add(page, "search", "search_documents")
    card = page.locator("#step-search_documents")
    expect(card.locator(".step-problems")).to_contain_text("missing a required argument: 'query'")
    tab_to(page, page.locator("#search_documents-with-query-0-text"))
    page.keyboard.type("pump")
    expect(card.locator(".step-problems")).to_have_count(0)
    page.keyboard.type("s and filters")
    expect(page.locator("[data-text]")).to_have_value(
        "steps:\n  search_documents:\n    tool: search_documents\n    with:\n      query: pumps and filters\n"
    )
    expect(page.locator("#search_documents-with-query-0-text")).to_be_focused()
    text = page.locator("[data-text]")
    text.focus()
    page.keyboard.press("Control+End")
    page.keyboard.type("  later: {agent: nobody, prompt: x}")
    expect(page.locator("#step-later .step-problems")).to_contain_text("there is no agent 'nobody'")
    expect(page.locator(".graph-node.is-faulty")).to_have_count(1)
    expect(text).to_be_focused()
    page.goto("/admin/chatsite/workflow/")
    chromium.follow(page.get_by_role("link", name=f"Typed {size}"))
    expect(page.locator("#step-later")).to_be_visible()


def test_what_was_just_typed_is_run(page: Page, model: ChatServer, size: str) -> None:
    """A run that begins while a change is on its way is a run with the change."""
    new(page, f"Hasty {size}")
    page.get_by_label("New input").fill("tone")
    page.get_by_role("button", name="Add input").click()
    said(page, "Changed input tone.")
    add(page, "writer", "writer")
    page.locator("#run-tone").fill("warm")
    model.script(chat_server.text("Said."))
    page.locator("#writer-prompt-0-text").fill("Say it now: ")
    chromium.follow(page.get_by_role("button", name="Run the draft"))
    expect(page.locator(".state-mark").first).to_have_text("Completed")
    assert model.requests[-1].body["messages"][-1]["content"] == "Say it now: warm"
    expect(page.locator(".run-inputs")).to_contain_text("warm")


def test_pages_have_no_barrier_and_fit(page: Page, model: ChatServer, size: str) -> None:
    found = {}

    def look(name: str) -> None:
        found[name] = barriers(page, inside=OURS)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name

    page.goto("/admin/chatsite/workflow/add/")
    look("add")
    new(page, f"Barriers {size}")
    look("empty")
    model.script(chat_server.failure(503), chat_server.failure(503), chat_server.failure(503))
    page.get_by_label("Say in a sentence").fill("Find passages, summarise them, ask a person, then publish")
    chromium.follow(page.get_by_role("button", name="Propose"))
    expect(page.locator(".proposal-notes")).to_contain_text("The model could not be asked")
    look("proposal")
    chromium.follow(page.get_by_role("link", name="Leave it"))
    add(page, "search", "search_documents")
    look("wrong")
    add(page, "summ", "summariser")
    add(page, "answers", "answer")
    for more in page.locator(".card-more > summary").all():
        more.click()
    page.locator("#search_documents-with-query-0-text").fill("filter of the pump")
    said(page, "Changed step search_documents.")
    look("cards")
    model.script(chat_server.text(SUMMARY))
    chromium.follow(page.get_by_role("button", name="Run the draft"))
    expect(page.get_by_role("heading", name="answer waits for you")).to_be_visible()
    for details in page.locator("summary").all():
        details.click()
    look("waiting")
    page.get_by_label("Your answer").fill("Good.")
    page.get_by_role("button", name="Answer").click()
    expect(page.locator(".state-mark")).to_have_text("Completed")
    look("run")
    chromium.follow(page.get_by_role("link", name=f"Barriers {size}"))
    chromium.follow(page.get_by_role("button", name="Publish the draft"))
    page.locator("#search_documents-with-query-0-text").fill("oil of the pump")
    said(page, "Changed step search_documents.")
    chromium.follow(page.get_by_role("link", name="Versions and changes"))
    look("versions")
    assert {name: said for name, said in found.items() if said} == {}


def test_choice_else_and_joined_conditions_by_keyboard(page: Page, size: str) -> None:
    new(page, f"Choice {size}")
    tab_to(page, page.get_by_label("New input"))
    page.keyboard.type("kind")
    page.keyboard.press("Enter")
    said(page, "Changed input kind.")
    add(page, "by a", "choice")
    expect(page.locator("#choice-switch")).to_have_value("inputs.kind")
    tab_to(page, page.locator("#choice-case-0"))
    page.keyboard.press("Control+A")
    page.keyboard.type("bug")
    tab_to(page, page.locator("#choice-case-1"))
    page.keyboard.type("wish")
    pick(page, page.locator("#choice-case-1-target"), "writer")
    said(page, "Changed step choice.")
    expect(page.locator("#choice-case-2")).to_be_visible()  # for one more
    pick(page, page.locator("#choice-default-target"), "sorter")
    add(page, "writer", "writer")
    press(page, page.locator("#more-writer > summary"))
    pick(page, page.locator("#writer-when"), "Input")
    expect(page.locator("#writer-when-1")).to_be_visible()
    pick(page, page.locator("#writer-when-1"), "Result")
    pick(page, page.locator("#writer-joined"), "one")
    tab_to(page, page.locator("input[name='else.choice']"))
    page.keyboard.press("Space")
    expect(page.locator("[data-text]")).to_have_value(
        """inputs:
  kind: {}
steps:
  choice:
    switch: ${inputs.kind}
    cases:
      bug:
        agent: writer
      wish:
        agent: writer
    prompt: ${inputs.kind}
    default:
      agent: sorter
  writer:
    agent: writer
    prompt: ${steps.choice.output}
    when: ${inputs.kind} or ${steps.choice.output}
    else: choice
"""
    )
    assert barriers(page, inside=OURS) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_document_that_is_added_runs_a_workflow_by_itself(page: Page, size: str) -> None:
    found = {}
    inside = OURS | {"exclude": [*OURS["exclude"], ["#changelist-filter"]]}  # Django's

    def look(name: str) -> None:
        found[name] = barriers(page, inside=inside)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name

    new(page, f"By itself {size}")
    page.get_by_label("New input").fill("document_title")
    page.get_by_role("button", name="Add input").click()
    said(page, "Changed input document_title.")
    add(page, "search", "search_documents")
    expect(page.locator("#triggers")).to_contain_text("Publish it first")
    chromium.follow(page.get_by_role("button", name="Publish the draft"))
    chromium.follow(page.get_by_role("link", name="At a time, or when a document is ready"))
    look("form")
    page.get_by_label("When:").select_option("Every week")
    page.get_by_label("Time of day:").fill("07:30")
    page.get_by_label("Weekday:").select_option("Friday")
    page.get_by_label("document_title:").fill("pump")
    chromium.follow(page.get_by_role("button", name="Save", exact=True))
    triggers = page.locator("#triggers")
    expect(triggers).to_contain_text("Every week, Friday at 07:30")
    chromium.follow(page.get_by_role("link", name="At a time, or when a document is ready"))
    page.get_by_label("When:").select_option("When a document is ready")
    page.get_by_label("Collection:").select_option("Machines")
    chromium.follow(page.get_by_role("button", name="Save", exact=True))
    expect(triggers).to_contain_text("When a document is ready (Machines)")
    page_of_it = page.url
    page.goto("/admin/retrieval/document/paste/")
    page.get_by_label("Collection").select_option("Machines")
    page.get_by_label("Title:").fill(f"The lathe, {size}")
    page.get_by_label("Text:", exact=True).fill(f"The lathe is oiled every {size} week.")
    chromium.follow(page.get_by_role("button", name="Add"))
    page.goto(page_of_it)
    chromium.reload_until(triggers.locator(".state-mark.is-completed"))
    look("workflow")
    chromium.follow(triggers.get_by_role("link", name="When a document is ready", exact=True))
    look("change")
    page.goto("/admin/chatsite/workflowtrigger/")
    look("list")
    page.goto(page_of_it)
    chromium.follow(triggers.locator("li", has=page.locator(".state-mark")).get_by_role("link").last)
    expect(page.locator(".run-inputs")).to_contain_text(f"The lathe, {size}")
    expect(page.locator(".run-output")).to_contain_text(f"The lathe is oiled every {size} week.")
    assert {name: said for name, said in found.items() if said} == {}


def test_answer_leaves_what_is_chosen_meanwhile(page: Page, size: str) -> None:
    new(page, f"Meanwhile {size}")
    add(page, "writer", "writer")
    with changes_held(page) as let_through:
        tab_to(page, page.locator("#writer-prompt-0-text"))
        page.keyboard.type("Say it.")
        pick(page, page.locator("#add-target"), "summ")
        page.locator("#new-input").fill("tone")
        page.locator("#add-target").focus()
        let_through()
        said(page, "Changed step writer.")
        expect(page.locator("#add-target")).to_have_value("agent:summariser")
        expect(page.locator("#add-target")).to_be_focused()
        expect(page.locator("#new-input")).to_have_value("tone")
        press(page, page.get_by_role("button", name="Add step"))
        let_through()
        said(page, "Added step summariser.")
        expect(page.locator("#add-target")).to_have_value("")  # for the next one
        expect(page.locator("#new-input")).to_have_value("tone")


def test_answer_leaves_a_list_alone_that_is_open(page: Page, size: str) -> None:
    new(page, f"Open {size}")
    add(page, "writer", "writer")
    add(page, "summ", "summariser")
    value = page.locator("#summariser-prompt-0-value")
    with changes_held(page) as let_through:
        page.locator("#writer-prompt-0-text").fill("Say it.")
        value.focus()
        page.keyboard.press("Space")  # opens it
        value.evaluate("(list) => { list.wasHere = true; list.changes = 0; }")
        value.evaluate(
            """(list) => new MutationObserver((seen) => list.changes += seen.length)
                .observe(list, { subtree: true, childList: true, attributes: true })"""
        )
        let_through()
        said(page, "Changed step writer.")
        assert value.evaluate("(list) => [list.wasHere, list.changes]") == [True, 0]
        page.keyboard.press("Home")
        page.keyboard.press("Enter")
        expect(value).to_have_value("")
        let_through()
        said(page, "Changed step summariser.")
    expect(page.locator("[data-text]")).to_have_value(
        "steps:\n  writer:\n    agent: writer\n    prompt: Say it.\n  summariser:\n    agent: summariser\n"
    )


def test_changes_of_one_card_in_quick_succession_are_all_kept(page: Page, size: str) -> None:
    """What is chosen while an answer is on its way is sent with what that answer brings, not what was before."""
    new(page, f"Quick {size}")
    add(page, "search", "search_documents")
    add(page, "writer", "writer")
    text = page.locator("[data-text]")
    with changes_held(page) as let_through:
        text.fill(text.input_value().replace("    prompt:", "    retry: 2\n    prompt:"))
        press(page, page.locator("#more-writer > summary"))
        page.locator("#writer-name").fill("scribe")
        page.locator("#writer-name").blur()
        let_through()
        said(page, "Changed the text.")
        expect(page.locator("#writer-retry")).to_have_value("2")
        value = page.locator("#step-writer, #step-scribe").locator("[name$='0.value']")
        value.select_option("")
        let_through()
        said(page, "Changed step scribe.")
        expect(page.locator("#step-scribe")).to_be_visible()
        expect(value).to_have_value("")
        page.locator("#step-scribe").locator("textarea").first.fill("Say it.")
    expect(text).to_have_value(
        """steps:
  search_documents:
    tool: search_documents
  scribe:
    agent: writer
    retry: 2
    prompt: Say it.
"""
    )


def test_another_piece_is_written_where_the_first_was(page: Page, size: str) -> None:
    new(page, f"Pieces {size}")
    add(page, "writer", "writer")
    first, second = page.locator("#writer-prompt-0-text"), page.locator("#writer-prompt-1-text")
    tab_to(page, first)
    page.keyboard.type("Say ")
    said(page, "Changed step writer.")
    page.locator("#step-writer").get_by_text("Add a text or a value").click()
    second.focus()
    page.keyboard.type("it ")
    expect(page.locator("[data-text]")).to_have_value('steps:\n  writer:\n    agent: writer\n    prompt: "Say it "\n')
    expect(second).to_be_focused()
    page.keyboard.type("now")
    expect(page.locator("[data-text]")).to_have_value("steps:\n  writer:\n    agent: writer\n    prompt: Say it now\n")


def test_change_that_did_not_arrive_stays_and_is_sent_again(page: Page, size: str) -> None:
    new(page, f"Away {size}")
    add(page, "writer", "writer")
    page.route("**/edit/", lambda route: route.fulfill(status=302, headers={"Location": "/admin/"}))
    prompt = page.locator("#writer-prompt-0-text")
    prompt.fill("Say it.")
    said(page, "The site could not be asked; your change is not saved yet.")
    page.unroute("**/edit/")
    page.locator("#new-input").fill("tone")
    page.get_by_role("button", name="Add input").click()
    said(page, "Changed input tone.")
    expect(prompt).to_have_value("Say it.")
    chromium.follow(page.get_by_role("button", name="Publish the draft"))
    expect(page.locator(".messagelist")).to_contain_text("Version 1 is published.")
    expect(prompt).to_have_value("Say it.")
