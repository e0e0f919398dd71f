"""Every page and state of the site under axe-core: light and dark, wide and narrow, each with each."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Frame, Page, expect

from tests.browser import pages as chromium
from tests.browser.test_asking import ask, select
from tests.browser.test_reader import cite
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer
from tests.furnished import BIN, BROKEN, FILTER, OIL, QUESTION, furnished_site, sign_in
from tests.servers import Site

pytestmark = chromium.MARKS

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Without "preload": axe-core writes the style sheets it has loaded into <style>, which the site's policy refuses.
RULES = {"preload": False, "runOnly": TAGS, "resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
COLOURS = RULES | {"runOnly": ["color-contrast", "link-in-text-block"]}
THEMES: dict[Literal["light", "dark"], dict[str, Any]] = {"light": RULES, "dark": COLOURS}
OURS = {"include": ["#content"], "exclude": [[".select2"], [".selector"]]}  # in the admin; those two are Django's


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, model: ChatServer) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("accessibility")
    with furnished_site(
        folder, OPENAI_BASE_URL=model.url, CHAT_MODEL="a-language-model", EMAIL_URL="console:"
    ) as started:
        yield started


@pytest.fixture
def page(size: str, browser: Browser, running: Site) -> Iterator[Page]:
    """Wide or narrow; without motion, whose colours half-way are nobody's choice."""
    errors = ("status of 401", "status of 404", "status of 429", "net::ERR")
    with chromium.strict_page(browser, running.url, size=size, allowed=errors, reduced_motion="reduce") as opened:
        yield opened


def barriers(page: Page, *, inside: Any = "html", frame: Frame | None = None) -> list[str]:
    """What axe-core finds on `page`, in a `frame` of it, or `inside` an element: in the light theme all, in the dark
    one what colours can do wrong. The state is the same in both: the page is not loaded again.
    """
    found = []
    for scheme, rules in THEMES.items():
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found += [f"{scheme}: {said}" for said in _violations(frame or page, inside, rules)]
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    return found


def _violations(page: Page | Frame, inside: Any, rules: dict[str, Any]) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    page.evaluate("document.getAnimations().forEach((animation) => animation.finish())")  # Django's fade colours
    found = page.evaluate("([inside, rules]) => axe.run(inside, rules)", [inside, rules])["violations"]
    return [f"{rule['id']}: {node['html'][:200]} {node['failureSummary']}" for rule in found for node in rule["nodes"]]


def ended(page: Page, state: str = "completed") -> None:
    expect(page.locator("article.run").last).to_have_attribute("data-state", state)


def test_chat_has_no_barrier_in_any_state(page: Page, model: ChatServer, size: str) -> None:
    found = {}
    page.goto("/")
    found["empty"] = barriers(page)
    page.locator("[data-filter] summary").click()
    document = page.locator("[data-finder-found]").get_by_label("Pump manual")
    expect(document).to_be_visible()
    found["filter"] = barriers(page)
    document.check()
    found["document chosen"] = barriers(page)
    document.uncheck()
    page.keyboard.press("Escape")

    model.script(chat_server.text(*(f"word{n} " for n in range(400)), threading.Event()))
    ask(page, QUESTION)
    expect(page.locator("[data-state=running] [data-answer]")).to_contain_text("word3")
    found["streaming"] = barriers(page)
    page.get_by_role("button", name="Stop").click()
    ended(page, "cancelled")
    found["stopped"] = barriers(page)

    cite(model, FILTER, BIN)
    ask(page, QUESTION)
    ended(page)
    run = page.locator("article.run").last
    for summary in run.locator("summary").all():
        summary.click()
    found["answered"] = barriers(page)
    page.locator("[data-menu] > summary").click()
    found["its menu"] = barriers(page)
    page.keyboard.press("Escape")
    run.get_by_role("button", name="Not helpful").click()
    expect(run.locator("[data-feedback-form]")).to_be_visible()
    run.get_by_role("button", name="Edit the question").click()
    found["its forms"] = barriers(page)
    run.get_by_role("button", name="Cancel").click()
    if size == "phone":
        page.get_by_role("button", name="Conversations").click()
        found["conversations"] = barriers(page)
        page.keyboard.press("Escape")

    run.locator("a.citation").first.click()
    expect(page.locator("[data-panel] mark[data-quote]")).to_be_in_viewport()
    found["cited"] = barriers(page)
    page.locator("[data-panel]").get_by_role("link", name="Text", exact=True).click()
    for number, words in enumerate((OIL, BIN)):
        if number and size == "phone":  # where the panel has uncovered the chat for the first
            expect(page.locator("[data-panel]")).to_be_hidden()
            run.locator("a.citation").first.click()
        expect(page.locator("[data-panel] div.block").first).to_be_visible()
        select(page, "[data-panel] div.block", words)
        expect(page.get_by_role("button", name="Ask about this")).to_be_visible()
        found[f"offer {words}"] = barriers(page)
        page.get_by_role("button", name="Ask about this").click()
        expect(page.locator("[data-chip]")).to_have_count(number + 1)
    found["chips"] = barriers(page)
    page.locator("[data-chip]").first.get_by_role("button", name="Shorten the selected text").click()
    found["a chip's editor"] = barriers(page)
    model.script(chat_server.text("The selected text does not say who may open the pump."))
    ask(page, "Who may open it?")
    ended(page)
    found["declined"] = barriers(page)
    assert not any(found.values()), "\n".join(f"{state}: {what}" for state, said in found.items() for what in said)


def test_attaching_has_no_barrier(page: Page, model: ChatServer, size: str, tmp_path: Path) -> None:
    found = {}
    sign_in(page, "reader")
    page.goto("/")
    (notes := tmp_path / f"Notes {size}.md").write_text("The new lathe comes in May.")
    (broken := tmp_path / f"Scan {size}.pdf").write_bytes(BROKEN + size.encode())
    expect(page.get_by_role("button", name="Attach files")).to_be_visible()
    page.locator("[data-attach-files]").set_input_files([notes, broken])
    expect(page.locator("[data-attached] > li")).to_have_count(2)
    found["being sent"] = barriers(page)
    expect(page.locator("[data-attached] [data-state=failed]")).to_have_count(1)
    expect(page.locator("[data-attached] [data-state=ready]")).to_have_count(1)
    found["attached"] = barriers(page)
    page.goto("/documents/1/")
    chromium.follow(page.get_by_role("link", name="Ask about this document"))
    expect(page.locator("[data-chosen] > li")).to_have_count(1)
    cite(model, FILTER)
    ask(page, QUESTION)
    ended(page)
    page.locator(".steps summary").click()
    found["narrowed"] = barriers(page)
    page.evaluate("document.querySelector('[data-chat]').setAttribute('data-dropping', '')")
    found["dropping"] = barriers(page)
    assert not any(found.values()), "\n".join(f"{state}: {what}" for state, said in found.items() for what in said)


def test_errors_have_no_barrier(page: Page, model: ChatServer) -> None:
    found = {}
    page.goto("/")
    model.script(chat_server.stream(chat_server.chunk({"content": "Half of it "}), abort=True))
    ask(page, QUESTION)
    ended(page, "failed")
    found["interrupted"] = barriers(page)
    page.context.set_offline(True)
    ask(page, QUESTION)
    ended(page, "failed")
    found["offline"] = barriers(page)
    page.context.set_offline(False)
    page.get_by_label("Your question").fill("long " * 1000)
    found["too long"] = barriers(page)
    page.goto("/no/such/page/")
    found["404"] = barriers(page)
    page.goto("/accounts/login/")
    found["sign-in"] = barriers(page)
    for _ in range(11):
        page.get_by_label("Username").fill(f"nobody {page.viewport_size}")
        page.get_by_label("Password").fill("wrong")
        chromium.follow(page.get_by_role("button", name="Sign in"))
        found.setdefault("sign-in refused", barriers(page))
        if page.get_by_role("heading", name="Too many attempts").is_visible():
            break
    expect(page.get_by_role("heading", name="Too many attempts")).to_be_visible()
    found["429"] = barriers(page)
    assert not any(found.values()), "\n".join(f"{state}: {what}" for state, said in found.items() for what in said)


def test_pages_of_an_account_have_no_barrier(page: Page) -> None:
    found = {}
    for name in ("forgotten", "sent", "x/y", "new"):
        page.goto(f"/accounts/password/{name}/")
        found[name] = barriers(page)
    sign_in(page, "reader")
    page.goto("/")
    page.get_by_role("button", name="Account").click()
    found["menu"] = barriers(page)
    chromium.follow(page.get_by_role("link", name="Change password"))
    page.get_by_label("Old password").fill("wrong")
    page.get_by_label("New password", exact=True).fill("short")
    page.get_by_label("New password confirmation").fill("other")
    chromium.follow(page.locator("main").get_by_role("button", name="Change password"))
    expect(page.get_by_role("alert")).to_be_visible()
    found["password"] = barriers(page)
    page.goto("/accounts/password/changed/")
    found["changed"] = barriers(page)
    page.goto("/accounts/sign-ins/")
    expect(page.get_by_text("this browser")).to_be_visible()
    found["sign-ins"] = barriers(page)
    assert {state: said for state, said in found.items() if said} == {}


def test_reading_has_no_barrier(page: Page, model: ChatServer, size: str) -> None:
    found = {}
    for address in ("/documents/", "/documents/?q=pump", "/documents/?q=nowhere", "/documents/?format=epub"):
        page.goto(address)
        found[address] = barriers(page)
    page.goto("/documents/")
    chromium.follow(page.get_by_role("link", name="Pump manual"))
    document = page.url
    found["pages"] = barriers(page)
    for query in ("?view=text", "?view=text&find=pump", "?view=pages&find=pump", "?find=nowhere"):
        page.goto(f"{document}{query}")
        found[query] = barriers(page)
    page.goto("/documents/")
    chromium.follow(page.get_by_role("link", name="Workshop rules"))
    page.locator("[data-outline] summary").click()
    found["contents"] = barriers(page)
    sign_in(page, "reader")
    cite(model, FILTER)
    ask(page, QUESTION)
    ended(page)
    page.goto(page.locator("a.citation").first.get_attribute("href") or "")
    found["quote"] = barriers(page)
    page.go_back()
    page.locator("[popovertarget=account]").click()
    found["account"] = barriers(page)
    page.keyboard.press("Escape")
    page.locator("[data-menu] > summary").click()
    chromium.follow(page.get_by_role("button", name="Make a link"))
    link = page.locator("#share-link").input_value()
    found["shared, its menu"] = barriers(page)
    page.goto(link)
    found["shared"] = barriers(page)
    page.goto("/?find=nowhere")
    found["conversations searched"] = barriers(page)
    assert not any(found.values()), "\n".join(f"{state}: {what}" for state, said in found.items() for what in said)


def test_pages_of_the_staff_have_no_barrier(page: Page, size: str, tmp_path: Path) -> None:
    """Ours: what Django's own pages around them do is not looked at."""
    found = {}
    sign_in(page, "staff")
    for path in ("", "chatsite/"):
        page.goto(f"/admin/{path}")
        expect(page.get_by_role("heading", name="Questions and answers")).to_be_visible()
        found[f"overview on /admin/{path}"] = barriers(page, inside={"include": [".overview"]})
    pages = ["document/", "document/1/change/", "document/2/change/", "document/add/", "document/paste/"]
    pages += ["document/address/", "collection/", "collection/1/change/", "collection/1/query/"]
    for path in pages:
        page.goto(f"/admin/retrieval/{path}")
        found[path] = barriers(page, inside=OURS)
    page.get_by_label("Query").fill("filter of the pump")
    chromium.follow(page.get_by_role("button", name="Search", exact=True))
    expect(page.locator(".passages li").first).to_be_visible()
    found["query answered"] = barriers(page, inside=OURS)
    page.goto("/admin/retrieval/document/add/")
    (broken := tmp_path / f"Broken {size}.pdf").write_bytes(BROKEN + size.encode())
    page.get_by_label("Collection").select_option(label="Machines")
    page.get_by_label("Drop documents here, or choose them").set_input_files([broken])
    expect(page.locator("[data-upload-results] [data-state=failed]").first).to_be_visible()
    found["uploaded"] = barriers(page, inside=OURS)
    page.goto("/admin/chatsite/embedsite/add/")
    found["embed site"] = barriers(page, inside=OURS)
    assert not any(found.values()), "\n".join(f"{state}: {what}" for state, said in found.items() for what in said)
