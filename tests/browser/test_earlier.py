"""The earlier part of a long conversation, in a real browser: put above what is shown, which stays where it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import pages as chromium
from tests.servers import Site, manage, site

pytestmark = chromium.MARKS

COUNT = 65
FILL = f"""
from datetime import timedelta
from django.utils import timezone
from chatsite.models import Conversation, Run
conversation = Conversation.objects.create(title="A long one")
began = timezone.now() - timedelta(days=1)
for number in range({COUNT}):
    run = Run.objects.create(conversation=conversation, mode="retrieval", question=f"Question {{number}}?",
                             answer="An answer of some words. " * 12, state="completed", ended_at=began)
    Run.objects.filter(pk=run.pk).update(created_at=began + timedelta(seconds=number))
print(conversation.pk)
"""


@pytest.fixture(scope="module")
def running(seeded: Path) -> Iterator[Site]:
    conversation = manage("shell", "--no-imports", "-c", FILL, data_dir=seeded).strip().splitlines()[-1]
    (seeded / "conversation").write_text(conversation)
    with site("serve", data_dir=seeded) as started:
        yield started


def address(running: Site) -> str:
    return f"/c/{(running.data_dir / 'conversation').read_text()}/"


def questions(page: Page) -> list[int]:
    shown = page.locator("[data-runs] > article.run [data-question]").all_inner_texts()
    return [int(text.removeprefix("Question ").removesuffix("?")) for text in shown]


def test_earlier_part_comes_above_and_what_is_read_stays_in_place(page: Page, running: Site) -> None:
    page.goto(address(running))
    assert questions(page) == list(range(35, 65))
    first = page.locator("article.run").filter(has=page.get_by_text("Question 35?", exact=True))
    for begins in (5, 0):
        link = page.get_by_role("link", name="Earlier questions")
        link.focus()
        link.hover()  # it stands still by then
        before = first.bounding_box()
        page.keyboard.press("Enter")
        expect(page.locator("[data-runs] > article.run")).to_have_count(65 - begins)
        after = first.bounding_box()
        assert before
        assert after
        if begins == 5:  # later it is far below
            assert abs(before["y"] - after["y"]) < 60  # the line of the link, at most
        assert questions(page) == list(range(begins, 65))
        expect(page.locator("article.run [data-answer-actions]").first).to_be_visible()
    expect(page.get_by_role("link", name="Earlier questions")).to_have_count(0)
    expect(page.get_by_text("Question 4?", exact=True)).to_be_focused()


def test_earlier_part_is_a_page_of_its_own_without_javascript(size: str, browser: Browser, running: Site) -> None:
    with chromium.strict_page(browser, running.url, size=size, java_script_enabled=False) as page:
        page.goto(address(running))
        chromium.follow(page.get_by_role("link", name="Earlier questions"))
        assert questions(page) == list(range(5, 35))
        chromium.follow(page.get_by_role("link", name="Earlier questions"))
        assert questions(page) == list(range(5))
        chromium.follow(page.get_by_role("link", name="To the latest questions"))
        assert questions(page) == list(range(35, 65))
