"""Take the pictures in `docs/screenshots`: `python -m tests.screenshots`. A model server answers word by word."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests import browser as chromium
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer
from tests.retrieval.files import pdf
from tests.servers import ROOT, Site, site
from tests.test_browser import PUMP, ask, select, upload

FOLDER = ROOT / "docs" / "screenshots"
ANSWER = (
    "Change the filter of the pump twice a year, **in March and in October** [1]. "
    "Put the old filter into the red bin [1]."
)


def main() -> int:
    if chromium.installed() is None:
        print("Chromium is not installed.")
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        ChatServer() as model,
        site("serve", data_dir=Path(folder), OPENAI_BASE_URL=model.url, CHAT_MODEL="a-language-model") as running,
        chromium.chromium() as browser,
    ):
        upload_documents(browser, running, Path(folder))
        for name, options in themes():
            take(browser, running, model, name, options)
    return 0


def themes() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{size}{theme}", options | {"color_scheme": scheme})
        for size, options in (("", chromium.WIDE), ("phone-", chromium.PHONE))
        for theme, scheme in (("", "light"), ("dark-", "dark"))
    ]


def upload_documents(browser: Browser, running: Site, folder: Path) -> None:
    """As staff do, with a picture of it."""
    manual = folder / "Pump manual.pdf"
    manual.write_bytes(pdf(PUMP))
    (broken := folder / "Scan of 1998.pdf").write_bytes(b"%PDF-1.4 broken")
    page = browser.new_page(base_url=running.url, viewport={"width": 1280, "height": 900})
    upload(page, running, [manual])
    page.get_by_label("Drop documents here, or choose them").set_input_files([broken])
    expect(page.locator("[data-upload-results] [data-field=state][data-state=failed]")).to_have_count(1, timeout=30_000)
    page.screenshot(path=FOLDER / "admin-upload.png")
    page.goto("/admin/retrieval/document/")
    page.screenshot(path=FOLDER / "admin-documents.png")
    page.context.close()


def take(browser: Browser, running: Site, model: ChatServer, name: str, options: dict[str, Any]) -> None:
    page = browser.new_context(base_url=running.url, **options).new_page()
    shoot = lambda state: page.screenshot(path=FOLDER / f"{name}{state}.png", animations="disabled")  # noqa: E731
    page.goto("/")
    shoot("empty")
    answer(page, model, "When is the filter of the pump changed?", ANSWER, shoot_streaming=lambda: shoot("streaming"))
    shoot("answered")
    page.locator("a.citation").first.click()
    expect(page.locator("[data-panel] mark[data-quote]")).to_be_in_viewport()
    shoot("cited")
    select(page, "[data-panel] .block", "The pump is oiled every second month.")
    page.get_by_role("button", name="Ask about this").click()
    expect(page.locator("[data-chip]")).to_be_visible()
    shoot("selected")
    answer(page, model, "Who may open it?", "The selected text does not say who may open the pump.")
    shoot("declined")
    page.goto("/documents/1/")
    shoot("reader")
    page.goto("/accounts/login/")
    shoot("sign-in")
    page.context.close()


def answer(page: Page, model: ChatServer, question: str, words: str, *, shoot_streaming: Any = None) -> None:
    delay = 0.15 if shoot_streaming else 0.0
    model.script(chat_server.text(*(f"{word} " for word in words.split()), delay=delay))
    ask(page, question)
    if shoot_streaming:
        expect(page.locator("[data-state=running] [data-answer]")).to_contain_text("in October", timeout=20_000)
        shoot_streaming()
    expect(page.locator("article.run").last).to_have_attribute("data-state", "completed", timeout=20_000)


if __name__ == "__main__":
    sys.exit(main())
