"""In a real browser: a file attached to one conversation, and questions narrowed to chosen documents."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Request, Route, expect

from tests.browser import pages as chromium
from tests.browser.test_asking import ask
from tests.browser.test_embed import chat as chat_frame
from tests.browser.test_embed import opener
from tests.browser.test_embed import sign_in as sign_in_as_member
from tests.browser.test_everyone import see_focus, tab_to
from tests.browser.test_reader import no_sideways_scrolling
from tests.furnished import BROKEN, FILTER, QUESTION, furnished_site, sign_in
from tests.hostsite import host_site
from tests.servers import Site, manage

pytestmark = chromium.MARKS

VAULT = "The vault of the cellar opens with the number 4711."
VAULT_QUESTION = "With which number does the vault of the cellar open?"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with furnished_site(tmp_path_factory.mktemp("attach")) as started:
        yield started


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    (file := tmp_path / "Vault notes.md").write_text(f"# Vault notes\n\n{VAULT}\n")
    return file


def ended(page: Page, runs: int = 1, state: str = "completed") -> Locator:
    expect(page.locator(f"[data-runs] > article.run[data-state={state}]")).to_have_count(runs)
    return page.locator("article.run").last


def choose(page: Page, *files: Path) -> None:
    """As the dialog of the paperclip would."""
    expect(page.get_by_role("button", name="Attach files")).to_be_visible()  # the script has run
    page.locator("[data-attach-files]").set_input_files(files)


def file_chip(page: Page, name: str) -> Locator:
    return page.locator("[data-attached] > li").filter(has_text=name)


def document_chips(page: Page) -> Locator:
    return page.locator("[data-chosen] > li:visible [data-name]")


def questions(page: Page) -> list[dict[str, Any]]:
    """The bodies of the questions this page sends, filled while it does."""
    sent: list[dict[str, Any]] = []

    def note(request: Request) -> None:
        if request.url.endswith("/chat/query") and request.post_data:
            sent.append(json.loads(request.post_data))

    page.on("request", note)
    return sent


# ---- a file of one's own ---------------------------------------------------------------------------------------------
def test_attached_file_becomes_ready_by_itself_is_asked_opened_and_removed(page: Page, vault: Path) -> None:
    sign_in(page, "reader")
    page.goto("/")
    choose(page, vault)
    chip = file_chip(page, "Vault notes")
    expect(chip).to_have_attribute("data-state", "ready")
    expect(page.locator("[data-announcement]")).to_have_text("Vault notes has been read and can be asked.")
    expect(page).to_have_url(re.compile("/c/"))
    expect(page.locator("[data-conversation-bar] [data-title]").first).to_have_text("Vault notes.md")
    ask(page, VAULT_QUESTION)
    run = ended(page)
    expect(run.locator("[data-answer]")).to_contain_text("4711")
    expect(page.locator("[data-conversation-bar] [data-title]").first).to_have_text(VAULT_QUESTION)
    expect(page.locator("#conversations a[aria-current]")).to_have_text(VAULT_QUESTION)
    run.locator("a.citation").first.click()
    panel = page.locator("[data-panel]")
    expect(panel.locator("mark[data-quote]")).to_have_text(VAULT)
    expect(panel).to_contain_text("Attached to a conversation")
    page.get_by_role("button", name="Close the document").click()
    assert no_sideways_scrolling(page)
    page.reload()
    expect(chip).to_have_attribute("data-state", "ready")
    run.locator(".steps summary").click()
    expect(run.locator(".steps")).to_contain_text("Attached files that were searched: “Vault notes”.")
    chip.get_by_role("button", name="Remove this file").click()
    expect(chip).to_have_count(0)
    expect(page.get_by_label("Your question")).to_be_focused()
    page.reload()
    expect(run.locator(".sources").first).to_contain_text("This document was deleted")


def test_other_conversations_and_the_library_know_nothing_of_it(page: Page, vault: Path) -> None:
    sign_in(page, "reader")
    page.goto("/")
    choose(page, vault)
    expect(file_chip(page, "Vault notes")).to_have_attribute("data-state", "ready")
    chromium.follow(page.get_by_role("link", name="New conversation"))
    expect(page.locator("[data-attached] > li")).to_have_count(0)
    ask(page, VAULT_QUESTION)
    expect(ended(page)).not_to_contain_text("4711")
    page.goto("/documents/?q=vault")
    expect(page.locator("main")).not_to_contain_text("4711")
    expect(page.locator("main")).not_to_contain_text("Vault notes")


def test_files_are_dropped_and_pasted(page: Page, size: str) -> None:
    sign_in(page, "reader")
    page.goto("/")
    transfer = page.evaluate_handle(
        """(size) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([`The stove of the ${size} is lit at five.`], `stove ${size}.txt`));
            return transfer;
        }""",
        size,
    )
    chat = page.locator("[data-chat]")
    chat.dispatch_event("dragenter", {"dataTransfer": transfer})
    expect(chat).to_have_attribute("data-dropping", "")
    assert page.evaluate("getComputedStyle(document.querySelector('[data-chat]'), '::after').content").startswith(
        '"Drop'
    )
    chat.dispatch_event("drop", {"dataTransfer": transfer})
    expect(chat).not_to_have_attribute("data-dropping", "")
    expect(file_chip(page, f"stove {size}")).to_have_attribute("data-state", "ready")
    page.evaluate(
        """(size) => {
            const clipboardData = new DataTransfer();
            clipboardData.items.add(new File([`The lamp of the ${size} is green.`], `lamp ${size}.txt`));
            const pasted = new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true});
            document.querySelector("#question").dispatchEvent(pasted);
        }""",
        size,
    )
    expect(file_chip(page, f"lamp {size}")).to_have_attribute("data-state", "ready")
    expect(page.locator("[data-attached] > li")).to_have_count(2)


def test_what_is_not_taken_says_why_and_what_cannot_be_read_too(
    browser: Browser, running: Site, size: str, vault: Path, tmp_path: Path
) -> None:
    with chromium.strict_page(browser, running.url, size=size, allowed=("status of 415",)) as page:
        sign_in(page, "reader")
        page.goto("/")
        (huge := tmp_path / "huge.pdf").touch()
        with huge.open("r+b") as file:
            file.truncate(51 * 1024**2)
        choose(page, huge)
        notice = page.locator("[data-notice]")
        expect(notice).to_contain_text("huge.pdf has 51 MB, the limit is 50 MB.")
        (tool := tmp_path / "tool.exe").write_bytes(b"MZ")
        choose(page, tool)
        expect(notice).to_contain_text("tool.exe: Of an unknown type. These are accepted:")
        expect(page.locator("[data-attached] > li")).to_have_count(0)
        expect(page).not_to_have_url(re.compile("/c/"))
        (scan := tmp_path / f"Old scan {size}.pdf").write_bytes(BROKEN + size.encode())
        choose(page, scan, vault)
        broken = file_chip(page, "Old scan")
        expect(broken).to_have_attribute("data-state", "failed")
        expect(broken).to_contain_text("it can't be read as a PDF")
        expect(file_chip(page, "Vault notes")).to_have_attribute("data-state", "ready")
        assert no_sideways_scrolling(page)


def test_question_waits_for_a_file_that_is_being_sent(page: Page, vault: Path) -> None:
    """It is one conversation that begins then, not two."""
    sign_in(page, "reader")
    page.goto("/")
    held: list[Route] = []
    page.route("**/api/v1/chat/attachments", lambda route: held.append(route), times=1)
    choose(page, vault)
    expect(file_chip(page, "Vault notes")).to_contain_text("being sent")
    ask(page, VAULT_QUESTION)
    expect(page.locator("article.run")).to_have_count(0)
    expect(page.get_by_label("Your question")).to_have_value(VAULT_QUESTION)
    chromium.until(page, lambda: held)
    held[0].continue_()
    expect(ended(page).locator("[data-answer]")).to_contain_text("4711")


def test_answer_waits_for_a_long_file_and_says_so(page: Page, size: str, tmp_path: Path) -> None:
    lines = [
        f"## Room {n}\n\nRoom {n} of the {size} house has {n} windows and a door of {n * 7} nails.\n"
        for n in range(2000)
    ]
    (long := tmp_path / "Long house.md").write_text("\n".join([*lines, f"## Vault\n\n{VAULT}"]))
    sign_in(page, "reader")
    page.goto("/")
    choose(page, long)
    chip = file_chip(page, "Long house")
    expect(chip).to_have_attribute("data-state", "processing")
    expect(chip).to_contain_text("reading")
    ask(page, VAULT_QUESTION)
    expect(page.locator("[data-activity-text]")).to_contain_text("Reading Long house,")
    expect(chip).to_have_attribute(
        "data-state", "ready", timeout=5 * chromium.PATIENCE_MS
    )  # it is work for a processor
    expect(ended(page).locator("[data-answer]")).to_contain_text("4711")


def test_someone_who_is_not_signed_in_is_offered_no_paperclip(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_label("Your question")).to_be_visible()
    expect(page.locator("[data-attach], [data-attached]")).to_have_count(0)


def test_file_is_attached_in_a_page_of_the_same_project(browser: Browser, tmp_path: Path, vault: Path) -> None:
    with host_site(tmp_path / "project") as host, chromium.strict_page(browser, host.url) as page:
        sign_in_as_member(page)
        opener(page).click()
        frame = chat_frame(page)
        expect(frame.get_by_role("button", name="Attach files")).to_be_visible()  # its script has run
        frame.locator("[data-attach-files]").set_input_files(vault)
        expect(frame.locator("[data-attached] > li")).to_have_attribute("data-state", "ready")
        frame.get_by_label("Your question").fill(VAULT_QUESTION)
        frame.get_by_label("Your question").press("Enter")
        expect(frame.locator("article.run[data-state=completed]")).to_contain_text("4711")


# ---- chosen documents ------------------------------------------------------------------------------------------------
def test_documents_are_chosen_by_keyboard_alone_and_kept_when_the_question_is_asked_again(
    page: Page, size: str
) -> None:
    sent = questions(page)
    page.goto("/")
    filter_ = page.locator("[data-filter]")
    tab_to(page, filter_.locator("summary"))
    page.keyboard.press("Enter")
    boxes = filter_.locator("[data-finder-found] input")
    expect(boxes).to_have_count(2)
    words = filter_.get_by_label("Find a document by its title")
    words.focus()
    page.keyboard.type("pump")
    expect(boxes).to_have_count(1)
    page.keyboard.press("Enter")  # is not the question's
    page.keyboard.press("ArrowDown")
    expect(boxes.first).to_be_focused()
    see_focus(page)
    page.keyboard.press("Space")
    expect(document_chips(page)).to_have_text(["Pump manual"])
    expect(page.locator("[data-filter-label]")).to_have_text("1 document")
    page.keyboard.press("ArrowUp")
    expect(words).to_be_focused()
    page.keyboard.press("Escape")
    expect(filter_).not_to_have_attribute("open", "")
    expect(filter_.locator("summary")).to_be_focused()
    assert no_sideways_scrolling(page)
    ask(page, QUESTION)
    run = ended(page)
    expect(run.locator("[data-answer]")).to_contain_text(FILTER)
    run.locator(".steps summary").click()
    expect(run.locator(".steps")).to_contain_text("Searched only in: “Pump manual”.")
    run.get_by_role("button", name="Answer again").click()
    expect(run.locator(".earlier")).to_be_visible()
    page.evaluate("sessionStorage.clear()")
    page.reload()
    expect(document_chips(page)).to_have_count(0)
    run.get_by_role("button", name="Edit the question").click()
    run.locator("#edited").fill("Where do old filters go?")
    run.get_by_role("button", name="Ask again").click()
    expect(page.locator("article.run").last.locator("[data-question]")).to_have_text("Where do old filters go?")
    ended(page)
    assert [body["document_ids"] for body in sent] == [[1]] * 3
    assert not any("collections" in body for body in sent)


def test_chosen_documents_survive_a_reload_and_are_removed(page: Page) -> None:
    page.goto("/documents/3/")
    chromium.follow(page.get_by_role("link", name="Ask about this document"))
    chips = document_chips(page)
    expect(chips).to_have_text(["Workshop rules"])
    remove = page.get_by_role("button", name="Search not only this document")
    expect(remove).to_be_visible()  # the script has run, and has kept what is chosen
    page.goto("/")
    expect(chips).to_have_text(["Workshop rules"])
    remove.click()
    expect(chips).to_have_count(0)
    expect(page.get_by_label("Your question")).to_be_focused()
    expect(page.locator("[data-filter-label]")).to_have_text("all collections")
    page.reload()
    expect(page.locator("[data-filter-label]")).to_have_text("all collections")
    expect(chips).to_have_count(0)


def test_document_beside_the_chat_is_asked_about(page: Page) -> None:
    sent = questions(page)
    page.goto("/")
    ask(page, QUESTION)
    ended(page).locator("a.citation").first.click()
    panel = page.locator("[data-panel]")
    panel.get_by_role("link", name="Ask about this document").click()
    expect(document_chips(page)).to_have_text(["Pump manual"])
    expect(page.get_by_label("Your question")).to_be_focused()
    expect(page.get_by_label("Your question")).to_be_in_viewport()
    ask(page, "How often is it oiled?")
    ended(page, 2)
    assert sent[-1]["document_ids"] == [1]


def test_document_that_has_gone_is_named_and_the_question_kept(browser: Browser, running: Site, size: str) -> None:
    title = f"Old plan {size}: all the pipes below the building, as they were when they were surveyed for the last time"
    code = f"""
from django.core.files.base import ContentFile
from retrieval.ingestion import ingest
from retrieval.models import Collection
collection = Collection.objects.get(slug="machines")
file = ContentFile(b"The plan of the {size} hangs in the hall.", name="plan.txt")
ingest.add_document(collection, file=file, filename="plan.txt", title="{title}")
"""
    with chromium.strict_page(browser, running.url, size=size, allowed=("status of 404",)) as page:
        manage("shell", "--no-imports", "-c", code, data_dir=running.data_dir)
        page.goto("/")
        words = page.get_by_label("Find a document by its title")
        box = page.locator("[data-finder-found]").get_by_label(title)
        page.locator("[data-filter] summary").click()

        def found() -> int:
            words.fill("")
            words.fill(title)
            page.wait_for_timeout(500)
            return box.count()

        chromium.until(page, found)  # read by the site, and found
        row = "(box) => getComputedStyle(box.parentElement.querySelector('.found-document'))"
        height, line = (float(box.evaluate(f"{row}.{name}").removesuffix("px")) for name in ("height", "lineHeight"))
        assert round(height / line) == 2  # however long the title is
        box.check()
        page.keyboard.press("Escape")
        gone = f"from retrieval.models import Document; Document.objects.get(title='{title}').delete()"
        manage("shell", "--no-imports", "-c", gone, data_dir=running.data_dir)
        ask(page, "Where does the plan hang?")
        run = ended(page, state="failed")
        expect(run.locator("[data-message]")).to_contain_text(f"you may not read it any more: {title}.")
        expect(page.get_by_label("Your question")).to_have_value("Where does the plan hang?")
        page.get_by_role("button", name="Search not only this document").click()
        page.get_by_label("Your question").press("Enter")
        ended(page)
