"""An agent from the admin's form to an answer with citations, and one that a workflow is: in a browser, wide and
narrow, light and dark."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import pages as chromium
from tests.browser.test_accessibility import OURS, barriers
from tests.furnished import FILTER, QUESTION, furnished_site, sign_in
from tests.servers import Site, manage

pytestmark = chromium.MARKS

PICTURES = os.environ.get("PICTURES_DIR")  # where to leave a picture of each page
FLOW = """
from chatsite.models import ChatAgent, Workflow
text = '''
inputs:
  question: {description: what is asked}
steps:
  look: {tool: search_documents, with: {query: "${inputs.question}"}}
  tell: {tool: ask_documents, with: {question: "${inputs.question}"}, needs: [look]}
'''
flow = Workflow.objects.create(slug="tell", title="Tell", draft=text)
flow.versions.create(number=1, text=text)
ChatAgent.objects.create(
    name="flow", title="Ask the workshop", description="Whatever stands in the manuals.", workflow=flow,
    all_collections=True, for_everyone=True, starters="When is the filter of the pump changed?",
)
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("assistants")
    with furnished_site(folder) as started:
        manage("shell", "--no-imports", "-c", FLOW, data_dir=folder / "data")
        yield started


@pytest.fixture
def page(size: str, browser: Browser, running: Site) -> Iterator[Page]:
    with chromium.strict_page(browser, running.url, size=size, reduced_motion="reduce") as opened:
        yield opened


def looked_at(page: Page, name: str, size: str, *, inside: Any = "html") -> list[str]:
    """Return what is wrong with the page: barriers, and what is wider than the screen."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if PICTURES:
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.screenshot(path=Path(PICTURES, f"{name}-{size}-{scheme}.png"))
    return [*barriers(page, inside=inside), *([f"{wide} px too wide"] if wide > 1 else [])]


def test_agent_is_made_by_staff_and_answers_from_its_starter(page: Page, size: str) -> None:
    found = {}
    sign_in(page, "staff")
    page.goto("/admin/chatsite/chatagent/add/")
    page.get_by_label("Name:", exact=True).fill(f"pump-{size}")
    page.get_by_label("Title:", exact=True).fill("Ask the pump")
    page.get_by_label("Description:", exact=True).fill("Oil, filters and what to do when it stops.")
    page.get_by_label("First questions:").fill(QUESTION)
    chromium.follow(page.get_by_role("button", name="Save and continue editing"))
    expect(page.get_by_text("Choose some, or tick “every collection”: it could answer nothing.")).to_be_visible()
    page.get_by_label("Every collection").check()
    page.get_by_label("Everyone").check()
    found["form"] = looked_at(page, "agent-form", size, inside=OURS)
    chromium.follow(page.get_by_role("button", name="Save and continue editing"))
    chromium.follow(page.get_by_role("link", name=f"/agents/pump-{size}/"))
    expect(page.get_by_role("heading", name="Ask the pump")).to_be_visible()
    found["page"] = looked_at(page, "agent-page", size)
    page.get_by_role("link", name=QUESTION).click()
    answered = page.locator("article.run").last
    expect(answered).to_have_attribute("data-state", "completed")
    expect(answered.locator("[data-answer]")).to_contain_text(FILTER)
    page.reload()
    expect(page.get_by_role("link", name="Ask the pump")).to_be_visible()  # the conversation stays with it
    found["conversation"] = looked_at(page, "agent-conversation", size)
    page.goto("/")
    expect(page.get_by_role("list", name="Agents").get_by_role("link", name="Ask the pump").first).to_be_visible()
    found["all agents"] = looked_at(page, "agents", size)
    assert {state: barriers for state, barriers in found.items() if barriers} == {}


def test_workflow_tells_its_steps_and_cites(page: Page, size: str) -> None:
    page.goto("/agents/flow/")
    expect(page.locator("[data-attach]")).to_have_count(0)
    page.get_by_role("link", name=QUESTION).click()
    answered = page.locator("article.run").last
    expect(answered).to_have_attribute("data-state", "completed")
    expect(answered.locator("[data-answer]")).to_contain_text(FILTER)
    expect(answered.locator("ol.sources li")).to_have_count(1)
    answered.get_by_text("How this was answered").click()
    expect(answered.locator(".steps li")).to_contain_text(["Step “look”.", "Step “tell”.", "Answered by a workflow."])
    assert looked_at(page, "agent-workflow", size) == []
