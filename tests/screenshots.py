"""Take the pictures in `docs/screenshots`: `python -m tests.screenshots`. A model server answers word by word."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.browser import pages as chromium
from tests.browser.test_asking import ask, select
from tests.browser.test_embed import SMALL, ask_about
from tests.browser.test_embed import sign_in as sign_in_as_member
from tests.browser.test_reader import cite
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer
from tests.furnished import BIN, BROKEN, FILTER, OIL, QUESTION, furnished_site, sign_in
from tests.hostsite import host_site
from tests.servers import ROOT, Site, manage

FOLDER = ROOT / "docs" / "screenshots"
COLOURS = 128  # of a picture's palette: a page has few, and its text stays sharp
ANSWER = (
    "Change the filter of the pump twice a year, **in March and in October** [1]. "
    "Put the old filter into the red bin [1], and write the day on the lid."
)
MODELS = "a-language-model,a-larger-model"
THOUGHTS = (
    "The reader asks when the filter is changed.\n",
    "Passage 1 is about oil, passage 2 names two months.\n",
    "So the answer is March and October, ",
    "which passage 2 says word for word",
)
INVENTION = "Pumps of this kind need a new filter **every six weeks**. Rinse it with warm water before you put it back."
PHONE = chromium.PHONE | {"device_scale_factor": 1}


EVERY_NOTE = """
from retrieval.models import Document
from retrieval.notes import KINDS, Note
notes = [Note(kind, count, ("4", "Sheet of prices", "9")) for count, kind in enumerate(KINDS, 3)]
Document.objects.filter(pk=1).update(notes=notes, noted=Document.Noted.of(notes))
"""


def main() -> int:
    if chromium.installed() is None:
        print("Chromium is not installed.")
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.png"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder, ChatServer() as model, chromium.chromium() as browser:
        with furnished_site(Path(folder), OPENAI_BASE_URL=model.url, CHAT_MODELS=MODELS, CHAT_PARALLEL="1") as running:
            for name, options in themes():
                take_chat(browser, running, model, name, options)
                take_waiting(browser, running, model, name, options)
                take_unsupported(browser, running, model, name, options)
                take_reading(browser, running, model, name, options)
                take_attaching(browser, running, Path(folder), name, options)
            take_staff(browser, running, Path(folder))
        with host_site(Path(folder) / "project") as host:
            for name, options in themes():
                take_embedded(browser, host, name, options)
    return 0


def themes() -> list[tuple[str, dict[str, Any]]]:
    """Phone and dark each on their own: together they show nothing new."""
    return [
        ("", chromium.WIDE),
        ("dark-", chromium.WIDE | {"color_scheme": "dark"}),
        ("phone-", PHONE),
    ]


def shoot(page: Page, name: str) -> None:
    """A picture with a small palette: a tenth of what the browser writes."""
    taken = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    taken.quantize(COLOURS, dither=Image.Dither.NONE).save(FOLDER / f"{name}.png", optimize=True)


def answered(page: Page, state: str = "completed") -> None:
    expect(page.locator("article.run").last).to_have_attribute("data-state", state, timeout=20_000)


def take_chat(browser: Browser, running: Site, model: ChatServer, name: str, options: dict[str, Any]) -> None:
    page = browser.new_context(base_url=running.url, **options).new_page()
    page.goto("/")
    shoot(page, f"{name}starters")
    ask(page, "Hello! What can you do?")
    answered(page)
    shoot(page, f"{name}greeting")
    page.goto("/")
    model.script(chat_server.text(*(f"{word} " for word in ANSWER.split()), delay=0.15))
    ask(page, QUESTION)
    expect(page.locator("[data-state=running] [data-answer]")).to_contain_text("in October", timeout=20_000)
    shoot(page, f"{name}streaming")
    answered(page)
    page.get_by_role("link", name="New conversation").click()
    cite(model, FILTER, BIN)
    ask(page, QUESTION)
    answered(page)
    shoot(page, f"{name}answered")
    page.locator("[data-menu] > summary").click()
    shoot(page, f"{name}conversation")
    page.keyboard.press("Escape")
    if "phone" in name:
        page.get_by_role("button", name="Conversations").click()
        shoot(page, f"{name}conversations")
        page.keyboard.press("Escape")
    page.locator("a.citation").first.click()
    expect(page.locator("[data-panel] mark[data-quote]")).to_be_in_viewport()
    settled(page)
    shoot(page, f"{name}cited")
    page.locator("[data-panel]").get_by_role("link", name="Text", exact=True).click()
    expect(page.locator("[data-panel] div.block").first).to_be_visible()
    select(page, "[data-panel] div.block", OIL)
    expect(page.get_by_role("button", name="Ask about this")).to_be_visible()
    shoot(page, f"{name}selecting")
    page.get_by_role("button", name="Ask about this").click()
    expect(page.locator("[data-chip]")).to_be_visible()
    shoot(page, f"{name}selected")
    model.script(chat_server.text("The selected text does not say who may open the pump."))
    ask(page, "Who may open it?")
    answered(page)
    shoot(page, f"{name}declined")
    if page.locator("[data-panel]").is_visible():
        page.get_by_role("button", name="Close the document").click()
    page.context.set_offline(True)
    ask(page, "And who oils it?")
    answered(page, "failed")
    shoot(page, f"{name}error")
    page.context.close()


def take_waiting(browser: Browser, running: Site, model: ChatServer, name: str, options: dict[str, Any]) -> None:
    """What is shown before the first word: the place in line, how long the model has been reading, what it thinks."""
    context = browser.new_context(base_url=running.url, **options)
    page, behind = context.new_page(), context.new_page()
    page.goto("/")
    model.script(chat_server.text("Late.", first_delay=60.0))
    ask(page, QUESTION)
    behind.goto("/")
    ask(behind, "And who oils it?")
    expect(behind.locator("[data-activity-text]")).to_have_text("1st in line…", timeout=20_000)
    shoot(behind, f"{name}in-line")
    expect(page.locator("[data-activity-text]")).to_contain_text("reading… 5 s", timeout=20_000)
    page.get_by_text("Show quoted sentences meanwhile").click()
    shoot(page, f"{name}waiting")
    for each in (behind, page):
        each.get_by_role("button", name="Stop").click()
        answered(each, "cancelled")
    page.goto("/")
    thoughts = [chat_server.chunk({"reasoning_content": thought}) for thought in THOUGHTS]
    model.script(chat_server.stream(*thoughts, 60.0))
    ask(page, QUESTION)
    expect(page.locator("[data-thinking-line]")).to_contain_text("word for word", timeout=20_000)
    shoot(page, f"{name}thinking")
    page.get_by_role("button", name="Stop").click()
    answered(page, "cancelled")
    context.close()


def take_unsupported(browser: Browser, running: Site, model: ChatServer, name: str, options: dict[str, Any]) -> None:
    """What the documents don't carry: a text without a citation, sentences without one, a model that refuses."""
    page = browser.new_context(base_url=running.url, **options).new_page()
    page.goto("/")
    model.script(chat_server.text(*(f"{word} " for word in INVENTION.split()), delay=0.2))
    ask(page, QUESTION)
    expect(page.locator("[data-state=running] [data-answer]")).to_contain_text("with warm", timeout=20_000)
    shoot(page, f"{name}unsupported-streaming")
    answered(page)
    page.get_by_text("Your documents don't support this").click()
    shoot(page, f"{name}unsupported")
    page.goto("/")
    cite(model, FILTER, after=f"{INVENTION}\n\nThe old filter:\n\n- goes into the red bin\n- {OIL}")
    ask(page, QUESTION)
    answered(page)
    shoot(page, f"{name}uncited")
    page.goto("/")
    model.script(*[chat_server.failure(401, message="The key is wrong.")] * 2)
    ask(page, QUESTION)
    answered(page)
    shoot(page, f"{name}refused")
    page.goto("/")
    words = [chat_server.chunk({"content": f"{word} "}) for word in ANSWER.split()[:18]]
    model.script(chat_server.stream(*words, chat_server.chunk({}, finish="length"), chat_server.DONE))
    ask(page, QUESTION)
    answered(page, "limited")
    shoot(page, f"{name}cut")
    page.context.close()


def settled(page: Page) -> None:
    """Wait until the pictures of the pages in view have come."""
    expect(page.locator("[data-picture]").first).to_have_js_property("complete", True)
    page.wait_for_timeout(300)


def take_reading(browser: Browser, running: Site, model: ChatServer, name: str, options: dict[str, Any]) -> None:
    page = browser.new_context(base_url=running.url, **options).new_page()
    page.goto("/documents/?q=filter+of+the+pump")
    shoot(page, f"{name}library")
    page.goto("/documents/3/?find=lathe")
    shoot(page, f"{name}document")
    page.goto("/documents/1/?view=pages&find=filter")
    settled(page)
    shoot(page, f"{name}page")
    page.goto("/no/such/page/")
    shoot(page, f"{name}not-found")
    page.goto("/accounts/login/")
    shoot(page, f"{name}sign-in")
    sign_in(page, "reader")
    cite(model, FILTER, BIN)
    ask(page, QUESTION)
    answered(page)
    page.locator("[data-menu] > summary").click()
    page.get_by_role("button", name="Make a link").click()
    page.goto(page.locator("#share-link").input_value())
    shoot(page, f"{name}shared")
    page.context.close()


def take_attaching(browser: Browser, running: Site, folder: Path, name: str, options: dict[str, Any]) -> None:
    page = browser.new_context(base_url=running.url, **options).new_page()
    sign_in(page, "reader")
    page.goto("/")
    page.locator("[data-filter] summary").click()
    page.locator("[data-finder-found]").get_by_label("Pump manual").check()
    shoot(page, f"{name}choosing")
    page.keyboard.press("Escape")
    (notes := folder / "Notes of the evening.md").write_text("The new lathe comes in May.")
    (broken := folder / "Scan of 1999.pdf").write_bytes(BROKEN + b" 1999")
    expect(page.get_by_role("button", name="Attach files")).to_be_visible()
    page.locator("[data-attach-files]").set_input_files([notes, broken])
    expect(page.locator("[data-attached] [data-state=ready]")).to_have_count(1, timeout=30_000)
    expect(page.locator("[data-attached] [data-state=failed]")).to_have_count(1, timeout=30_000)
    shoot(page, f"{name}attached")
    page.context.close()


def take_staff(browser: Browser, running: Site, folder: Path) -> None:
    page = browser.new_context(base_url=running.url, **chromium.WIDE).new_page()
    sign_in(page, "staff")
    manage("shell", "--no-imports", "-c", EVERY_NOTE, data_dir=folder / "data")
    for picture, path in [
        ("documents", "document/"),
        ("document", "document/1/change/"),
        ("paste", "document/paste/"),
        ("address", "document/address/"),
        ("collection", "collection/1/change/"),
    ]:
        page.goto(f"/admin/retrieval/{path}")
        shoot(page, f"admin-{picture}")
    page.goto("/admin/retrieval/collection/1/query/")
    page.get_by_label("Query").fill("filter of the pump")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".passages li").first).to_be_visible()
    shoot(page, "admin-query")
    page.goto("/admin/retrieval/document/add/")
    (notes := folder / "Notes of the evening.md").write_text("# Notes of the evening\n\nThe new lathe comes in May.")
    (broken := folder / "Scan of 1999.pdf").write_bytes(BROKEN + b" 1999")
    page.get_by_label("Collection").select_option(label="Machines")
    page.get_by_label("Drop documents here, or choose them").set_input_files([notes, broken])
    expect(page.locator("[data-upload-results] [data-field=state][data-state=ready]")).to_have_count(1, timeout=30_000)
    shoot(page, "admin-upload")
    page.context.close()


def take_embedded(browser: Browser, host: Site, name: str, options: dict[str, Any]) -> None:
    page = browser.new_context(base_url=host.url, **options).new_page()
    sign_in_as_member(page)
    ask_about(page, SMALL)
    frame: FrameLocator = page.frame_locator("doc-chat iframe")
    field = frame.get_by_label("Your question")
    field.fill("At how many degrees is the small one kept?")
    field.press("Enter")
    expect(frame.locator("article.run[data-state=completed]")).to_have_count(1, timeout=20_000)
    shoot(page, f"{name}embedded")
    page.context.close()


if __name__ == "__main__":
    sys.exit(main())
