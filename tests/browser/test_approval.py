"""A tool asks its reader first, in a real browser: the card, by keyboard, in two tabs, without scripts, under axe."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import pages as chromium
from tests.browser.test_accessibility import barriers
from tests.browser.test_asking import ask
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer
from tests.servers import Site, migrate, site

pytestmark = chromium.MARKS

QUESTION = "Cancel my order 1234, please."
CONFLICT = "status of 409"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, model: ChatServer) -> Iterator[Site]:
    """Serve a site without a document: its tools are what can be asked."""
    data_dir = tmp_path_factory.mktemp("approval") / "data"
    migrate(data_dir)
    settings = {"DJANGO_SETTINGS_MODULE": "tests.tool_settings", "CHAT_MODEL": "tiny"}
    with site("gunicorn gthread", data_dir=data_dir, OPENAI_BASE_URL=model.url, **settings) as started:
        yield started


def asks_first(page: Page, model: ChatServer, *, then: str = "Order 1234 is cancelled [1].") -> None:
    """Ask, and be asked."""
    model.script(chat_server.calls(("cancel_order", {"order_number": 1234, "reason": "It is <b>too</b> large"})))
    model.script(chat_server.text(then))
    page.goto("/")
    ask(page, QUESTION)
    card = page.locator("[data-approval]")
    expect(card).to_be_visible()
    expect(card.get_by_role("heading")).to_have_text("Shall this be done? Cancel an order")
    expect(card.locator("dt")).to_have_text(["Order number", "Reason"])
    expect(card.locator("dd")).to_have_text(["1234", "It is <b>too</b> large"])


def test_card_is_confirmed_with_the_keyboard_and_has_no_barrier(page: Page, model: ChatServer) -> None:
    asks_first(page, model)
    expect(page.locator("[data-announcement]")).to_have_text(
        "You are asked to confirm something before the answer goes on."
    )
    assert barriers(page) == []
    page.locator("[data-approval] [data-decision=confirm]").focus()
    page.keyboard.press("Enter")
    run = page.locator("article.run").last
    expect(run).to_have_attribute("data-state", "completed")
    expect(run.locator("[data-tool=done]")).to_contain_text("Cancel an order (Order number: 1234")
    expect(page.locator("[data-approval]")).to_have_count(0)
    expect(run.locator(".sources [data-source-title]")).to_contain_text("looked up just now")
    expect(run).to_be_focused()
    assert barriers(page) == []


def test_refused_it_is_said(page: Page, model: ChatServer) -> None:
    asks_first(page, model, then="Then it stays as it is.")
    page.get_by_role("button", name="Don’t do it").click()
    expect(page.locator("[data-tool=refused]")).to_contain_text("It was not done.")


def test_other_tab_is_told_what_was_decided(browser: Browser, running: Site, model: ChatServer) -> None:
    with chromium.strict_page(browser, running.url, allowed=(CONFLICT,)) as page:
        asks_first(page, model)
        tab = page.context.new_page()
        expect(page).to_have_url(re.compile("/c/"))
        tab.goto(page.url)
        expect(tab.locator("[data-approval]")).to_be_visible()
        page.get_by_role("button", name="Confirm").click()
        expect(page.locator("[data-tool=done]")).to_be_visible()
        tab.get_by_role("button", name="Don’t do it").click()
        expect(tab.locator("[data-tool=done]")).to_be_visible()
        expect(tab.locator("[data-approval]")).to_have_count(0)


def test_card_waits_over_a_reload_and_works_without_scripts(browser: Browser, running: Site, model: ChatServer) -> None:
    with chromium.strict_page(browser, running.url) as page:
        asks_first(page, model)
        expect(page).to_have_url(re.compile("/c/"))
        state, address = page.context.storage_state(), page.url
    with chromium.strict_page(browser, running.url, java_script_enabled=False, storage_state=state) as plain:
        plain.goto(address)
        chromium.follow(plain.get_by_role("button", name="Confirm"))
        expect(plain.locator("[data-tool=done]")).to_be_visible()
