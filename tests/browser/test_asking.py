"""The whole way in a real browser: upload, ask, watch, click a citation, select, ask about that."""

from __future__ import annotations

import json
import re
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docx
import pytest
from playwright.sync_api import Page, expect

from tests.browser import pages as chromium
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer
from tests.retrieval.files import pdf
from tests.servers import Site, site

pytestmark = chromium.MARKS

PUMP = [
    ["Maintenance of the pump", "", "The pump is oiled every second month.", "Nobody may open it while it runs."],
    ["Filters", "", "The filter of the pump is changed in March and in October.", "Old filters go into the red bin."],
]
QUESTION = "When is the filter of the pump changed?"
QUOTE = "The filter of the pump is changed in March and in October."


@pytest.fixture(scope="module")
def model() -> Iterator[ChatServer]:
    """A language model that answers word by word."""
    with ChatServer(delay=0.05) as server:
        yield server


@pytest.fixture(scope="module")
def running(seeded: Path, model: ChatServer) -> Iterator[Site]:
    with site("serve", data_dir=seeded, OPENAI_BASE_URL=model.url) as started:
        yield started


def documents(folder: Path, kind: str) -> list[Path]:
    """A PDF and a Word file, with names of their own."""
    manual, notes = folder / f"pump-{kind}.pdf", folder / f"boiler-{kind}.docx"
    # So different from the one for another screen that a search does not take them for the same.
    own = [f"In room {n} the crew of the {kind} keeps edition {n} for the {kind}." for n in range(1, 6)]
    manual.write_bytes(pdf([[*lines, *own] for lines in PUMP]))
    word = docx.Document()
    word.add_heading("Boiler", level=1)
    word.add_paragraph(f"The boiler of the {kind} is kept at sixty degrees.")
    word.save(str(notes))
    return [manual, notes]


def upload(page: Page, running: Site, files: list[Path]) -> None:
    """Sign in to the admin and put `files` into the Documentation collection, as staff do."""
    page.goto("/admin/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(running.admin_password)
    chromium.follow(page.get_by_role("button", name="Log in"))
    page.goto("/admin/retrieval/collection/")
    chromium.follow(page.get_by_role("link", name="Documentation"))
    page.get_by_label("Drop documents here, or choose them").set_input_files(files)
    ready = page.locator("[data-upload-results] [data-field=state][data-state=ready]")
    expect(ready).to_have_count(len(files))


def passages_given(model: ChatServer) -> list[dict[str, Any]]:
    """The passages in the last request to the model."""
    contents = [message.get("content") or "" for message in model.requests[-1].body["messages"]]
    begun = [content[content.index('{"passages"') :] for content in contents if '{"passages"' in content]
    return [passage for given in begun for passage in json.JSONDecoder().raw_decode(given)[0]["passages"]]


def say(model: ChatServer, words: str, *, title: str, seen: threading.Event) -> None:
    """Let the model answer `words` next, the last of them when the first are `seen`, citing the passage of the document
    `title` that holds them."""

    def pieces() -> Iterator[chat_server.Piece]:
        marker = next(p["marker"] for p in passages_given(model) if p["title"].startswith(title))
        *first, last = re.findall(r"\S+\s*", words)
        yield from chat_server.text(*first, seen, last, f" [{marker}]", delay=0.05).pieces

    model.script(chat_server.Reply(pieces()))


def ask(page: Page, question: str) -> None:
    box = page.get_by_label("Your question")
    box.fill(question)
    box.press("Enter")


def select(page: Page, selector: str, words: str) -> None:
    """Select `words` in the page, as a mouse or a finger would leave it, as soon as they are there."""
    expect(page.locator(selector).filter(has_text=words).first).to_be_attached()
    page.evaluate(
        """([selector, words]) => {
            for (const element of document.querySelectorAll(selector)) {
                const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
                for (let node; (node = walker.nextNode()); ) {
                    const at = node.data.indexOf(words);
                    if (at < 0) continue;
                    const range = document.createRange();
                    range.setStart(node, at);
                    range.setEnd(node, at + words.length);
                    getSelection().removeAllRanges();
                    getSelection().addRange(range);
                    return;
                }
            }
            throw new Error(`no such words: ${words}`);
        }""",
        [selector, words],
    )


def test_from_upload_to_a_cited_answer_and_a_question_about_a_selection(
    page: Page, size: str, running: Site, model: ChatServer, tmp_path: Path
) -> None:
    upload(page, running, documents(tmp_path, size))

    page.goto("/")
    say(model, QUOTE, title=f"pump {size}", seen=(seen := threading.Event()))
    ask(page, f"{QUESTION[:-1]}, in the edition for the {size}?")
    run = page.locator("article.run").last
    citation = run.locator("a.citation").first
    expect(run.locator("[data-answer]")).to_contain_text(QUOTE.removesuffix(" October."))  # it comes in pieces
    expect(run).to_have_attribute("data-state", "running")
    seen.set()
    expect(run).to_have_attribute("data-state", "completed")
    expect(run.locator("[data-answer]")).to_contain_text(QUOTE)
    expect(page).to_have_url(re.compile(r"/c/[0-9a-f-]{36}/$"))

    citation.click()
    mark = page.locator("[data-panel] mark[data-quote]")
    expect(mark).to_have_text(QUOTE)
    expect(mark).to_be_in_viewport()

    other = "Old filters go into the red bin."
    select(page, "[data-panel] .block", other)
    page.get_by_role("button", name="Ask about this").click()
    expect(page.locator("[data-chip-text]")).to_have_text(other)
    ask(page, "Where do they go?")
    run = page.locator("article.run").last
    expect(run.locator("[data-question]")).to_have_text("Where do they go?")
    expect(run).to_have_attribute("data-state", "completed")
    expect(run.locator("[data-answer]")).to_contain_text(other)
    asked = model.requests[-1].body
    assert "tools" not in asked
    assert other in asked["messages"][-1]["content"]
    assert "March" not in asked["messages"][-1]["content"]
    run.locator("a.citation").first.click()
    expect(page.locator("[data-panel] mark[data-quote]")).to_have_text(other)


def test_archive_is_watched_until_its_collection_is_ready(page: Page, running: Site, tmp_path: Path) -> None:
    """Nothing is reloaded: the rows and the collection's progress keep themselves current."""
    number = page.viewport_size["width"] if page.viewport_size else 0
    with zipfile.ZipFile(tmp_path / "handbook.zip", "w") as file:
        for n in range(3):
            file.writestr(f"guides/chapter {n}.md", f"# Chapter {n} of {number}\n\nIts text.")
        file.writestr("guides/broken.pdf", f"%PDF-1.4 broken {number}")
    upload(page, running, [])
    page.get_by_label("Drop documents here, or choose them").set_input_files([tmp_path / "handbook.zip"])
    rows = page.locator("[data-upload-results] [data-field=state]")
    expect(rows).to_have_text(["Ready", "Ready", "Ready", "Failed"])
    progress = page.locator("[data-progress-url]")
    expect(progress).not_to_have_attribute("data-unfinished", "")
    expect(progress).to_contain_text("The file is broken: it can't be read as a PDF.")
