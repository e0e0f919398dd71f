"""Staff write, try, evaluate and publish a prompt, save questions and ask one again: in a browser, wide and narrow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import pages as chromium
from tests.browser.test_accessibility import OURS, barriers
from tests.browser.test_asking import ask
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer
from tests.furnished import FILTER, QUESTION, furnished_site, sign_in
from tests.servers import Site

pytestmark = chromium.MARKS

PICTURES = os.environ.get("PICTURES_DIR")  # where to leave a picture of each page


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, model: ChatServer) -> Iterator[Site]:
    models = {"OPENAI_BASE_URL": model.url, "CHAT_MODELS": "a-language-model,a-larger-model"}
    with furnished_site(tmp_path_factory.mktemp("prompts"), **models) as started:
        yield started


@pytest.fixture
def page(size: str, browser: Browser, running: Site) -> Iterator[Page]:
    with chromium.strict_page(browser, running.url, size=size, reduced_motion="reduce") as opened:
        yield opened


def looked_at(page: Page, name: str, size: str) -> list[str]:
    """Return what is wrong with the page: barriers, and what is wider than the screen."""
    inside = OURS | {"exclude": [*OURS["exclude"], ["#changelist-filter"], [".inline-group"]]}  # Django's
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if PICTURES:
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.screenshot(path=Path(PICTURES, f"{name}-{size}-{scheme}.png"), full_page=True)
    return [*barriers(page, inside=inside), *([f"{wide} px too wide"] if wide > 1 else [])]


def answers_shown(page: Page) -> None:
    expect(page.get_by_role("heading", name="Answers side by side")).to_be_visible()
    expect(page.get_by_text("All answers are there.")).to_be_visible()


def test_prompt_from_its_draft_to_its_publication(page: Page, model: ChatServer, size: str) -> None:
    found = {}
    sign_in(page, "staff")
    page.goto("/admin/chatsite/savedquestion/add/")
    page.get_by_label("Question:", exact=True).fill(QUESTION)
    found["question to save"] = looked_at(page, "saved-add", size)
    chromium.follow(page.get_by_role("button", name="Save", exact=True))
    expect(page.locator(".messagelist .success")).to_be_visible()
    found["saved questions"] = looked_at(page, "saved-list", size)

    page.goto("/admin/chatsite/promptversion/add/")
    manner = f"Answer in one sentence, that fits a {size} screen."
    page.get_by_label("Instructions:").fill(f"Answer in the language of the question.\n{manner}")
    page.get_by_label("Model:").select_option("a-larger-model")
    found["draft"] = looked_at(page, "draft-add", size)
    chromium.follow(page.get_by_role("button", name="Save", exact=True))
    expect(page.locator(".prompt-diff ins", has_text=manner)).to_be_visible()
    expect(page.locator(".prompt-diff del")).to_have_count(1)
    found["draft and what it changes"] = looked_at(page, "draft", size)

    model.script(chat_server.text(f"{FILTER} [1]", delay=0.1), chat_server.text("In March and October [1].", delay=0.1))
    page.locator("#try_query").fill(QUESTION)
    chromium.follow(page.get_by_role("button", name="Ask both"))
    answers_shown(page)
    expect(page.locator(".trial")).to_have_count(2)
    expect(page.locator(".trial").last).to_contain_text("Draft · a-larger-model")
    found["tried"] = looked_at(page, "beside", size)

    page.goto("/admin/chatsite/promptversion/")
    chromium.follow(page.get_by_role("link", name="Draft", exact=True))
    chromium.follow(page.get_by_role("button", name="Evaluate"))
    expect(page.get_by_text("questions, Completed.")).to_be_visible()
    expect(page.get_by_role("heading", name="Question by question")).to_be_visible()
    found["evaluated"] = looked_at(page, "evaluated", size)

    page.go_back()
    page.get_by_label("What has changed, and why").fill("Shorter")
    chromium.follow(page.get_by_role("button", name="Publish"))
    expect(page.get_by_text("In use: this version answers.")).to_be_visible()
    found["published"] = looked_at(page, "published", size)
    page.goto("/admin/chatsite/promptversion/")
    expect(page.get_by_role("cell", name="RUNS_PER_USER")).to_be_visible()
    found["prompts"] = looked_at(page, "prompts", size)
    page.goto("/admin/chatsite/savedquestion/table/")
    found["table"] = looked_at(page, "table", size)
    assert {state: barrier for state, barrier in found.items() if barrier} == {}


def test_question_is_asked_again_and_saved(page: Page, model: ChatServer, size: str) -> None:
    found = {}
    sign_in(page, "staff")
    page.goto("/")
    model.script(
        chat_server.text(f"{FILTER} [1]"), chat_server.text(f"{FILTER} [1]"), chat_server.text(f"Twice. {FILTER} [1]")
    )
    ask(page, QUESTION)
    expect(page.locator("article.run").last).to_have_attribute("data-state", "completed")
    page.goto("/admin/retrieval/collection/")
    chromium.follow(page.get_by_role("link", name="Machines"))
    chromium.follow(page.get_by_role("link", name="Try a query"))
    page.get_by_label("Query:").fill(QUESTION)
    chromium.follow(page.get_by_role("button", name="Search and answer"))
    expect(page.get_by_text("The answer is there.")).to_be_visible()
    expect(page.locator(".trial-answer")).to_contain_text(FILTER)
    found["query"] = looked_at(page, "query", size)
    page.goto("/admin/chatsite/run/")
    chromium.follow(page.get_by_role("link", name=QUESTION).first)
    found["question"] = looked_at(page, "run", size)
    again = page.get_by_role("region", name="Ask again")
    again.get_by_label("Model:").select_option("a-larger-model")
    again.get_by_label("Collection:").select_option("Machines")
    chromium.follow(again.get_by_role("button", name="Ask again"))
    answers_shown(page)
    expect(page.locator(".trial").first).to_contain_text("As the reader was answered")
    found["asked again"] = looked_at(page, "again", size)
    chromium.follow(page.get_by_role("link", name="Save as test case").last)
    expect(page.get_by_label("Question:", exact=True)).to_have_value(QUESTION)
    expect(page.get_by_label("Words:")).to_have_value(FILTER)
    assert {state: barrier for state, barrier in found.items() if barrier} == {}
