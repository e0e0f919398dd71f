"""The assistant in the admin of a project of its own: by keyboard, on a phone, in both themes, with axe."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.browser import pages as chromium
from tests.browser.test_accessibility import barriers
from tests.hostsite import PASSWORD, host_site
from tests.servers import Site

pytestmark = chromium.MARKS

QUESTION = "When is the sauna heated, and who is the member?"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with host_site(tmp_path_factory.mktemp("admin") / "project") as running:
        yield running


@pytest.fixture
def admin(browser: Browser, host: Site, size: str) -> Iterator[Page]:
    """The page of a user in the admin, opened by one of the staff."""
    favicon = "status of 404"
    with chromium.strict_page(browser, host.url, size=size, allowed=(favicon,), reduced_motion="reduce") as page:
        page.goto("/admin/login/?next=/admin/auth/user/1/change/")
        page.get_by_label("Username").fill("staff")
        page.get_by_label("Password").fill(PASSWORD)
        chromium.follow(page.locator("[type=submit]"))
        yield page


def chat(page: Page) -> FrameLocator:
    return page.frame_locator("doc-chat iframe")


def theme(page: Page) -> list[Any]:
    """The colours behind the panel and in its frame."""
    inside = page.frames[-1].evaluate("getComputedStyle(document.body).backgroundColor")
    return [page.locator("doc-chat dialog").evaluate("one => getComputedStyle(one).backgroundColor"), inside]


def test_staff_ask_in_the_admin_and_search_it_by_keyboard(admin: Page, size: str) -> None:
    found = {"closed": barriers(admin, inside="doc-chat")}
    admin.keyboard.press("Control+i")
    box = chat(admin).get_by_label("Your question")
    expect(box).to_be_focused()
    box.fill(QUESTION)
    chat(admin).get_by_role("button", name="Ask", exact=True).click()
    run = chat(admin).locator("article.run[data-state=completed]")
    expect(run.locator("[data-answer]")).to_contain_text("The sauna is heated on Fridays")
    button = run.get_by_role("button", name="Search the admin for this")
    button.focus()
    found["answered"] = barriers(admin, frame=admin.frames[-1])
    admin.keyboard.press("Enter")
    expect(run.locator("[data-admin-matches]")).to_be_focused()
    expect(run.locator("[data-admin-matches] li")).to_have_text("Users 1 row matches “member”")
    found["searched"] = barriers(admin, frame=admin.frames[-1])
    assert not any(found.values()), found
    assert admin.evaluate("document.documentElement.scrollWidth <= innerWidth")
    admin.keyboard.press("Tab")
    expect(run.get_by_role("link", name="Users")).to_be_focused()
    admin.keyboard.press("Enter")
    expect(admin).to_have_url(re.compile(r"/admin/auth/user/\?q=member$"))
    expect(admin.locator("#result_list tbody tr")).to_have_count(1)
    if size == "phone":
        admin.get_by_role("button", name="Ask the documents").click()
    expect(chat(admin).locator("article.run")).to_have_count(1)  # it goes on from page to page


def test_panel_is_light_and_dark_as_the_admin_is(admin: Page, size: str) -> None:
    admin.get_by_role("button", name="Ask the documents").click()
    expect(chat(admin).get_by_label("Your question")).to_be_focused()
    assert theme(admin) == ["rgb(255, 255, 255)", "rgb(255, 255, 255)"]
    admin.evaluate("document.documentElement.dataset.theme = 'dark'")
    chat(admin).locator("html[style*=dark]").wait_for(state="attached")
    assert theme(admin) == ["rgb(19, 23, 22)", "rgb(19, 23, 22)"]
    admin.evaluate("localStorage.setItem('theme', 'dark')")
    admin.reload()
    if size == "phone":  # where it would cover the page
        admin.get_by_role("button", name="Ask the documents").click()
    chat(admin).locator("html[style*=dark]").wait_for(state="attached")
    assert theme(admin) == ["rgb(19, 23, 22)", "rgb(19, 23, 22)"]


def test_nothing_at_the_end_of_a_page_lies_under_the_button(admin: Page) -> None:
    expect(admin.get_by_role("button", name="Ask the documents")).to_be_visible()  # which makes the page longer
    admin.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    opener = admin.get_by_role("button", name="Ask the documents").bounding_box()
    last = admin.get_by_role("link", name="Delete").bounding_box()
    assert opener
    assert last
    assert last["y"] + last["height"] <= opener["y"]
