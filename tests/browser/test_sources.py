"""Staff follow a site: add the source, see it run, read its log, and confirm what is gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import pages as chromium
from tests.browser.test_accessibility import OURS, barriers
from tests.fakes.web_server import WebServer
from tests.furnished import furnished_site, sign_in
from tests.servers import Site

pytestmark = chromium.MARKS


@pytest.fixture(scope="module")
def web() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, web: WebServer) -> Iterator[Site]:
    with furnished_site(tmp_path_factory.mktemp("sources"), FETCH_HOSTS=web.host) as started:
        yield started


@pytest.fixture(params=["wide", "phone"])
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def page(size: str, browser: Browser, running: Site) -> Iterator[Page]:
    with chromium.strict_page(browser, running.url, size=size, reduced_motion="reduce") as opened:
        yield opened


def listed(web: WebServer, *names: str) -> None:
    urls = "".join(f"<url><loc>{web.url}/{name}</loc></url>" for name in names)
    web.put("/sitemap.xml", f"<urlset>{urls}</urlset>".encode())


def test_source_is_added_run_and_confirmed(page: Page, web: WebServer, size: str, tmp_path: Path) -> None:
    found = {}
    for name in ("hours", "prices"):
        text = f"<title>Our {name} ({size})</title><p>Of {name}, as a {size} screen shows it.</p>"
        web.put(f"/{name}", text.encode(), Content_Type="text/html")
    listed(web, "hours", "prices", "lost")

    sign_in(page, "staff")
    page.goto("/admin/retrieval/collection/1/change/")
    chromium.follow(page.get_by_role("link", name="Sources"))
    found["none"] = barriers(page, inside=OURS)
    chromium.follow(page.get_by_role("link", name="Website, by its sitemap"))
    page.get_by_role("textbox", name="Address").fill("ftp://wrong.example/")
    page.get_by_role("textbox", name="Name").fill(f"Guide {size}")
    chromium.follow(page.get_by_role("button", name="Save"))
    expect(page.get_by_text("Only addresses that begin with")).to_be_visible()
    found["form"] = barriers(page, inside=OURS)
    page.screenshot(path=tmp_path / f"form-{size}.png", full_page=True)
    page.get_by_role("textbox", name="Address").fill(f"{web.url}/sitemap.xml")
    page.get_by_role("spinbutton", name="Seconds between two requests").fill("0")
    page.get_by_role("combobox", name="Schedule").select_option(label="By hand")
    chromium.follow(page.get_by_role("button", name="Save"))

    expect(page.locator(".source-state")).to_contain_text("2 added 1 refused")
    page.reload()
    expect(page.get_by_role("link", name=f"Our hours ({size})")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found["source"] = barriers(page, inside=OURS)
    page.screenshot(path=tmp_path / f"source-{size}.png", full_page=True)

    listed(web)
    chromium.follow(page.get_by_role("button", name="Run now"))
    expect(page.locator(".source-state")).to_contain_text("Waits for your word")
    page.reload()
    expect(page.get_by_text("2 documents are gone from this source")).to_be_visible()
    found["held"] = barriers(page, inside=OURS)
    page.screenshot(path=tmp_path / f"held-{size}.png", full_page=True)
    chromium.follow(page.get_by_role("button", name="Delete them"))
    expect(page.get_by_text("Deleted 2 documents that are gone")).to_be_visible()

    chromium.follow(page.get_by_role("button", name="Pause"))
    expect(page.locator(".source-state")).to_contain_text("Paused")
    chromium.follow(page.locator(".breadcrumbs").get_by_role("link", name="Sources"))
    expect(page.get_by_role("row", name=f"Guide {size}")).to_contain_text("Paused")
    found["list"] = barriers(page, inside=OURS)
    page.emulate_media(color_scheme="dark")
    page.screenshot(path=tmp_path / f"list-{size}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not any(found.values()), "\n".join(f"{state}: {what}" for state, said in found.items() for what in said)
