"""What staff do to the documents of a collection, in a browser, with and without its scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import pages as chromium
from tests.browser.test_accessibility import OURS, barriers
from tests.furnished import furnished_site, sign_in
from tests.servers import Site, manage

pytestmark = chromium.MARKS

COLLECTION = "/admin/retrieval/collection/1/change/"
CARE = """
from django.core.files.base import ContentFile
from django.utils import timezone
from chatsite.models import Conversation, Run
from retrieval.ingestion import ingest
from retrieval.models import Collection, Document
from retrieval.sources.refused import keep_refused
from retrieval.sources.uploads import Upload, check_ending
machines = Collection.objects.get(slug="machines")
for year, days in ((2019, 14), (2024, 30)):
    text = f"# Care in {year}\\n\\nThe lathe is oiled every {days} days.\\n".encode()
    ingest.add_document(machines, file=ContentFile(text, name=f"{year}.md"), filename=f"Care {year}.md")
refused = [Upload(f"Drawing {n}.dwg", refusal=check_ending("a.dwg"), size=2_400_000) for n in range(3)]
keep_refused(machines, refused, owner=None)
Run.objects.create(
    conversation=Conversation.objects.create(), mode="retrieval", question="Where can I park my car?",
    state="completed", ended_at=timezone.now(),
)
"""


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Site]:
    with furnished_site(tmp_path) as started:
        manage("shell", "--no-imports", "-c", CARE, data_dir=tmp_path / "data")
        yield started


def ready(page: Page) -> None:
    page.goto(COLLECTION)
    expect(page.locator("#result_list [data-field=state]:is([data-state=ready], [data-state=failed])")).to_have_count(4)


def test_staff_look_after_a_collection(page: Page, running: Site) -> None:
    found = {}
    sign_in(page, "staff")
    ready(page)
    found["collection"] = barriers(page, inside=OURS)
    page.get_by_text("Name and readers").click()
    expect(page.get_by_label("Slug")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    chromium.follow(page.get_by_role("button", name="Dismiss Drawing 1.dwg"))
    expect(page.get_by_role("heading", name="Refused files (2)")).to_be_visible()
    chromium.follow(page.get_by_role("button", name="Dismiss all"))
    expect(page.get_by_role("heading", name="Refused files")).to_have_count(0)

    page.locator("#result_list tr", has_text="2019").get_by_role("checkbox").check()
    page.get_by_label("Action:").select_option(label="Rename selected documents")
    chromium.follow(page.get_by_role("button", name="Go"))
    found["rename"] = barriers(page, inside=OURS)
    page.locator("input.vTextField").fill("Care of old")
    chromium.follow(page.get_by_role("button", name="Rename documents"))
    expect(page.get_by_text("1 document was renamed.")).to_be_visible()
    expect(page).to_have_url(f"{running.url}{COLLECTION}")
    ready(page)

    chromium.follow(page.get_by_role("link", name="Contradictions and duplicates"))
    chromium.follow(page.get_by_role("button", name="Compare"))
    expect(page.locator(".conflict mark").first).to_have_text("14")
    found["conflicts"] = barriers(page, inside=OURS)
    chromium.follow(page.get_by_role("button", name="It’s fine"))
    expect(page.get_by_text("Nothing was found.")).to_be_visible()

    page.goto(COLLECTION)
    page.locator("#result_list tr", has_text="Care of old").get_by_role("checkbox").check()
    page.get_by_label("Action:").select_option(label="Move selected documents to another collection")
    chromium.follow(page.get_by_role("button", name="Go"))
    found["move"] = barriers(page, inside=OURS)
    page.locator("select[name=target]").select_option(label="House rules")
    chromium.follow(page.get_by_role("button", name="Move documents"))
    expect(page.get_by_text("1 document was moved.")).to_be_visible()
    expect(page.locator("#result_list", has_text="Care of old")).to_have_count(0)

    page.goto("/admin/retrieval/document/1/change/")
    expect(page.get_by_role("heading", name="Questions answered from it")).to_be_visible()
    found["document"] = barriers(page, inside=OURS)
    assert not any(found.values()), "\n".join(f"{state}: {what}" for state, said in found.items() for what in said)


def test_gap_is_closed_without_scripts(browser: Browser, running: Site) -> None:
    with chromium.strict_page(browser, running.url, java_script_enabled=False) as page:
        close_gap(page)


def close_gap(page: Page) -> None:
    sign_in(page, "staff")
    page.goto("/admin/chatsite/gap/")
    chromium.follow(page.get_by_role("link", name="park").first)
    chromium.follow(page.get_by_role("button", name="Draft it from the documents"))
    page.get_by_label("Collection").select_option(label="House rules")
    page.get_by_label("Text").fill("You can park your car behind the workshop.")
    chromium.follow(page.get_by_role("button", name="Add"))
    expect(page.locator(".upload-results")).to_contain_text("Where can I park my car?")
    page.goto("/admin/chatsite/gap/")
    chromium.reload_until(page.locator("#result_list", has_text="Answered (1 of 1"))


def test_pages_of_gaps_have_no_barrier(page: Page) -> None:
    found = {}
    sign_in(page, "staff")
    page.goto("/admin/chatsite/gap/")
    chromium.follow(page.get_by_role("link", name="park").first)
    chromium.follow(page.get_by_role("button", name="Ask again"))
    expect(page.get_by_text("Not yet (0 of 1")).to_be_visible()
    found["gap"] = barriers(page, inside=OURS)
    chromium.follow(page.get_by_role("button", name="Draft it from the documents"))
    expect(page.get_by_role("heading", name="Draft an answer")).to_be_visible()
    found["draft"] = barriers(page, inside=OURS)
    assert not any(found.values()), "\n".join(f"{state}: {what}" for state, said in found.items() for what in said)
