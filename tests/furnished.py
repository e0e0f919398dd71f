"""A site with something in it: two collections of real documents, a reader and one of the staff. For tests that walk
over all its pages, and for the pictures in docs/.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from tests.browser import pages as chromium
from tests.retrieval.files import pdf
from tests.servers import START_SECONDS, Site, manage, migrate, site

PASSWORD = "a-furnished-password"
STAFF_KEY = "dc_a-furnished-key"
PUMP = [
    ["Maintenance of the pump", "", "The pump is oiled every second month.", "Nobody may open it while it runs."],
    ["Filters", "", "The filter of the pump is changed in March and in October.", "Old filters go into the red bin."],
]
RULES = """# Workshop rules

Who comes last locks the door and hangs the key behind the clock.

## Machines

The saw is used with goggles only. The lathe is used by two people, never by one.

## Opening hours

The workshop is open from eight in the morning until six in the evening, on Saturdays until noon.
"""
BROKEN = b"%PDF-1.4 broken"
QUESTION = "When is the filter of the pump changed?"
FILTER = "The filter of the pump is changed in March and in October."
BIN = "Old filters go into the red bin."
OIL = "The pump is oiled every second month."
FIRST_DATA = """
from pathlib import Path
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from chatsite.models import ApiKey
from retrieval.ingestion import ingest
from retrieval.models import Collection
User.objects.create_user("reader", password={password!r})
staff = User.objects.create_superuser("staff", password={password!r})
ApiKey.objects.create(user=staff, name="of the tests", digest=ApiKey.digest_of({key!r}))
machines = Collection.objects.create(name="Machines", slug="machines", public=True)
house = Collection.objects.create(name="House rules", slug="house-rules", public=True)
for collection, name in [(machines, "Pump manual.pdf"), (machines, "Scan of 1998.pdf"), (house, "Workshop rules.md")]:
    content = Path({folder!r}, name).read_bytes()
    ingest.add_document(collection, file=ContentFile(content, name=name), filename=name)
"""


@contextmanager
def furnished_site(folder: Path, **variables: str) -> Iterator[Site]:
    """The site under `serve`, all its documents read."""
    (folder / "Pump manual.pdf").write_bytes(pdf(PUMP))
    (folder / "Scan of 1998.pdf").write_bytes(BROKEN)
    (folder / "Workshop rules.md").write_text(RULES)
    data_dir = folder / "data"
    migrate(data_dir)
    first_data = FIRST_DATA.format(password=PASSWORD, folder=str(folder), key=STAFF_KEY)
    manage("shell", "--no-imports", "-c", first_data, data_dir=data_dir)
    with site("serve", data_dir=data_dir, **variables) as running:
        _wait_until_read(running)
        yield running


def _wait_until_read(running: Site) -> None:
    until = time.monotonic() + START_SECONDS
    key = {"Authorization": f"Bearer {STAFF_KEY}"}
    address = f"{running.url}/api/v1/health"
    while (states := httpx.get(address, headers=key, timeout=30).json()["documents"]) != {"ready": 2, "failed": 1}:
        assert time.monotonic() < until, states
        time.sleep(0.05)


def sign_in(page: Page, name: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    chromium.follow(
        page.get_by_role("button", name="Sign in")
    )  # with its scripts, without which Enter begins a new line
    expect(page.locator("#account")).to_contain_text(name)
