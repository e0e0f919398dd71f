"""Take the pictures in `docs/screenshots`: `python -m tests.screenshots`. A model server answers word by word."""

from __future__ import annotations

import io
import json
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
from tests.hostsite import PASSWORD, host_site
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

DIGEST = """\
# For the newsletter.
inputs:
  topic: {description: what to look for, default: the filter of the pump}
steps:
  find:
    tool: search_documents
    with:
      query: ${inputs.topic}
      limit: 3
  digest:
    agent: summariser
    prompt: "Summarise in two sentences: ${steps.find.output}"
    when: ${steps.find.output}
"""
HEADING = """\
  heading:
    agent: writer
    prompt: "Make a heading of this: ${steps.digest.output}"
"""
CHECK = """\
  check:
    person: approve
    prompt: "Is this right for the newsletter? ${steps.digest.output}"
"""
WITH_A_PERSON = f"{DIGEST}{CHECK}{HEADING}    when: ${{steps.check.output.approved}}\n"
WORKFLOW = f"""
from chatsite.models import Workflow
draft = {DIGEST.replace(" in two sentences", "") + HEADING!r}
Workflow.objects.create(slug="digest", title="What the manuals say", draft=draft)
"""

MONTH = """
import random
from datetime import timedelta
from django.contrib.auth.models import User
from django.utils import timezone
from chatsite.models import Citation, Conversation, Feedback, Run
from retrieval.models import Document
chance, now, manual = random.Random(4), timezone.now(), Document.objects.get(title="Pump manual")
conversation = Conversation.objects.create(user=User.objects.get(username="reader"), title="A month")
unanswered = ["Where can I park my car?", "Where do I park?", "Is there a car park?", "Who has the key of the lathe?"]
for number in range(420):
    fate = chance.random()
    question = chance.choice(unanswered) if 0.78 < fate < 0.95 else "When is the filter of the pump changed?"
    run = Run.objects.create(
        conversation=conversation, mode="retrieval", question=question, model="gpt-4.1-mini", ended_at=now,
        state="failed" if fate > 0.97 else "completed", error="model_unavailable" if fate > 0.97 else "",
        answered=fate < 0.78, unsupported="Every six weeks." if 0.95 < fate < 0.97 else "",
        first_text_time_ms=(begun := chance.expovariate(1 / 400)), total_time_ms=begun + chance.expovariate(1 / 1000),
        usage={"input_tokens": 1800, "output_tokens": 60},
    )
    Run.objects.filter(pk=run.pk).update(created_at=now - timedelta(days=chance.random() * chance.random() * 30))
    if fate < 0.78:
        Citation.objects.create(run=run, marker=1, document=manual, quote="in March", start=0, end=8)
    if number % 9 == 0:
        Feedback.objects.create(run=run, helpful=fate < 0.78)
"""


CARE = """
from django.core.files.base import ContentFile
from django.contrib.auth.models import User
from retrieval.ingestion import ingest
from retrieval.models import Collection, Document
from retrieval.sources.refused import keep_refused
from retrieval.sources.uploads import Upload, check_ending, check_size
machines, staff = Collection.objects.get(slug="machines"), User.objects.get(username="staff")
for year, days in ((2019, 14), (2024, 30)):
    text = f"# Care of the lathe ({year})\\n\\nThe lathe is oiled every {days} days, its belt is looked at.\\n".encode()
    ingest.add_document(machines, file=ContentFile(text, name="care.md"), filename=f"Care {year}.md")
too_large = check_size(81_000_000, max_bytes=50_000_000)
refused = [
    Upload("Drawings of the lathe.dwg", refusal=check_ending("a.dwg"), size=2_400_000),
    Upload("All manuals of 2019.pdf", refusal=too_large, size=81_000_000),
]
keep_refused(machines, refused, owner=staff)
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
            take_staff(browser, running, model, Path(folder))
            take_prompt(browser, running, model)
            take_workflows(browser, running, model, Path(folder))
        with host_site(Path(folder) / "project") as host:
            for name, options in themes():
                take_embedded(browser, host, name, options)
            take_admin_assistant(browser, host)
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
    expect(page.locator("article.run").last).to_have_attribute("data-state", state)


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
    expect(page.locator("[data-state=running] [data-answer]")).to_contain_text("in October")
    shoot(page, f"{name}streaming")
    answered(page)
    chromium.follow(page.get_by_role("link", name="New conversation"))
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
    expect(behind.locator("[data-activity-text]")).to_have_text("1st in line…")
    shoot(behind, f"{name}in-line")
    expect(page.locator("[data-activity-text]")).to_contain_text("reading… 5 s")
    page.get_by_text("Show quoted sentences meanwhile").click()
    shoot(page, f"{name}waiting")
    for each in (behind, page):
        each.get_by_role("button", name="Stop").click()
        answered(each, "cancelled")
    page.goto("/")
    thoughts = [chat_server.chunk({"reasoning_content": thought}) for thought in THOUGHTS]
    model.script(chat_server.stream(*thoughts, 60.0))
    ask(page, QUESTION)
    expect(page.locator("[data-thinking-line]")).to_contain_text("word for word")
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
    expect(page.locator("[data-state=running] [data-answer]")).to_contain_text("with warm")
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
    chromium.follow(page.get_by_role("button", name="Make a link"))
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
    expect(page.locator("[data-attached] [data-state=ready]")).to_have_count(1)
    expect(page.locator("[data-attached] [data-state=failed]")).to_have_count(1)
    shoot(page, f"{name}attached")
    page.context.close()


def take_staff(browser: Browser, running: Site, model: ChatServer, folder: Path) -> None:
    page = browser.new_context(base_url=running.url, **chromium.WIDE).new_page()
    sign_in(page, "staff")
    manage("shell", "--no-imports", "-c", EVERY_NOTE, data_dir=folder / "data")
    for picture, path in [
        ("documents", "document/"),
        ("document", "document/1/change/"),
        ("paste", "document/paste/"),
        ("address", "document/address/"),
    ]:
        page.goto(f"/admin/retrieval/{path}")
        shoot(page, f"admin-{picture}")
    page.goto("/admin/retrieval/collection/1/query/")
    page.get_by_label("Query").fill("filter of the pump")
    chromium.follow(page.get_by_role("button", name="Search", exact=True))
    expect(page.locator(".passages li").first).to_be_visible()
    shoot(page, "admin-query")
    page.goto("/admin/retrieval/document/add/")
    (notes := folder / "Notes of the evening.md").write_text("# Notes of the evening\n\nThe new lathe comes in May.")
    (broken := folder / "Scan of 1999.pdf").write_bytes(BROKEN + b" 1999")
    page.get_by_label("Collection").select_option(label="Machines")
    page.get_by_label("Drop documents here, or choose them").set_input_files([notes, broken])
    expect(page.locator("[data-upload-results] [data-field=state][data-state=ready]")).to_have_count(1)
    shoot(page, "admin-upload")
    page.goto("/admin/chatsite/run/?q=filter&answered__exact=1")
    chromium.follow(page.locator("#result_list tbody th a").first)
    expect(page.get_by_role("heading", name="What happened")).to_be_visible()
    shoot(page, "admin-run")
    manage("shell", "--no-imports", "-c", MONTH, data_dir=folder / "data")
    page.goto("/admin/")
    shoot(page, "admin-overview")
    page.goto("/admin/chatsite/gap/")
    shoot(page, "admin-gaps")
    chromium.follow(page.get_by_role("link", name="park").first)
    shoot(page, "admin-gap")
    page.context.close()
    take_collection(browser, running, model, folder)


def take_collection(browser: Browser, running: Site, model: ChatServer, folder: Path) -> None:
    """What staff see of the documents of a collection, and the draft of an answer from them."""
    tall = {"viewport": {"width": 1280, "height": 1100}}
    page = browser.new_context(base_url=running.url, **tall).new_page()
    sign_in(page, "staff")
    manage("shell", "--no-imports", "-c", CARE, data_dir=folder / "data")
    page.goto("/admin/retrieval/collection/1/change/")
    expect(page.locator("#result_list [data-state=queued], #result_list [data-state=processing]")).to_have_count(0)
    page.reload()
    shoot(page, "admin-collection")
    page.goto("/admin/retrieval/collection/1/conflicts/")
    chromium.follow(page.get_by_role("button", name="Compare"))
    expect(page.locator(".conflict mark").first).to_be_visible()
    page.set_viewport_size({"width": 1280, "height": 640})
    shoot(page, "admin-conflicts")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto("/admin/chatsite/gap/")
    chromium.follow(page.get_by_role("link", name="park").first)
    draft = (
        "The workshop is open from eight in the morning until six in the evening [1]. [to be added: where to park a "
        "car meanwhile]"
    )
    model.script(chat_server.text(draft))
    chromium.follow(page.get_by_role("button", name="Draft it from the documents"))
    expect(page.get_by_role("heading", name="Draft an answer")).to_be_visible()
    shoot(page, "admin-gap-draft")
    page.context.close()


def take_prompt(browser: Browser, running: Site, model: ChatServer) -> None:
    page = browser.new_context(base_url=running.url, **chromium.WIDE).new_page()
    sign_in(page, "staff")
    page.goto("/admin/chatsite/promptversion/add/")
    manner = "Answer in the language of the question, in one sentence.\nSay “the workshop” for the house."
    page.get_by_label("Instructions:").fill(manner)
    page.get_by_label("Temperature:").fill("0.2")
    chromium.follow(page.get_by_role("button", name="Save", exact=True))
    page.get_by_role("heading", name="What it changes against").scroll_into_view_if_needed()
    page.mouse.wheel(0, 500)
    page.wait_for_function("window.scrollY > 300")
    shoot(page, "admin-prompt")
    brief = "Change the filter of the pump in March and in October [1]."
    model.script(chat_server.text(ANSWER), chat_server.text(brief))
    page.locator("#try_query").fill(QUESTION)
    chromium.follow(page.get_by_role("button", name="Ask both"))
    expect(page.get_by_text("All answers are there.")).to_be_visible()
    shoot(page, "admin-beside")
    page.context.close()


def take_workflows(browser: Browser, running: Site, model: ChatServer, folder: Path) -> None:
    page = browser.new_context(base_url=running.url, **chromium.WIDE).new_page()
    sign_in(page, "staff")
    manage("shell", "--no-imports", "-c", WORKFLOW, data_dir=folder / "data")
    page.goto("/admin/chatsite/workflow/")
    chromium.follow(page.get_by_role("link", name="What the manuals say"))
    expect(page.locator(".graph-node")).to_have_count(3)
    shoot(page, "workflow-designer")
    model.script(chat_server.text(ANSWER.replace(" [1]", "")), chat_server.text("Filters: March and October"))
    chromium.follow(page.get_by_role("button", name="Run the draft"))
    expect(page.locator(".state-mark").first).to_have_text("Completed")
    page.get_by_text("What came of it").nth(1).click()
    shoot(page, "workflow-run")
    page.go_back()
    page.get_by_label("What has changed").fill("For the newsletter")
    chromium.follow(page.get_by_role("button", name="Publish the draft"))
    page.locator("#digest-prompt-0-text").fill("Summarise in two sentences: ")
    expect(page.locator("[data-live=said]")).to_have_text("Changed step digest.")
    chromium.follow(page.get_by_role("link", name="Versions and changes"))
    shoot(page, "workflow-versions")
    page.go_back()
    page.get_by_text("Help me build").click()
    page.get_by_label("Say in a sentence").fill("Have a person approve the digest before the heading is made")
    model.script(chat_server.text(json.dumps({"workflow": WITH_A_PERSON})))
    chromium.follow(page.get_by_role("button", name="Propose"))
    expect(page.get_by_text("+ added").first).to_be_visible()
    shoot(page, "workflow-proposal")
    page.get_by_role("button", name="Take it into the draft").click()
    model.script(chat_server.text(ANSWER.replace(" [1]", "").replace("**", "")))
    chromium.follow(page.get_by_role("button", name="Run the draft"))
    expect(page.get_by_role("heading", name="check waits for you")).to_be_visible()
    shoot(page, "workflow-waiting")
    page.context.close()


def take_embedded(browser: Browser, host: Site, name: str, options: dict[str, Any]) -> None:
    page = browser.new_context(base_url=host.url, **options).new_page()
    sign_in_as_member(page)
    ask_about(page, SMALL)
    frame: FrameLocator = page.frame_locator("doc-chat iframe")
    field = frame.get_by_label("Your question")
    field.fill("At how many degrees is the small one kept?")
    field.press("Enter")
    expect(frame.locator("article.run[data-state=completed]")).to_have_count(1)
    shoot(page, f"{name}embedded")
    page.context.close()


def take_admin_assistant(browser: Browser, host: Site) -> None:
    page = browser.new_context(base_url=host.url, **chromium.WIDE).new_page()
    page.goto("/admin/login/?next=/admin/auth/user/")
    page.get_by_label("Username").fill("staff")
    page.get_by_label("Password").fill(PASSWORD)
    chromium.follow(page.locator("[type=submit]"))
    page.get_by_role("button", name="Ask the documents").click()
    frame: FrameLocator = page.frame_locator("doc-chat iframe")
    expect(frame.get_by_label("Your question")).to_be_focused()
    frame.get_by_label("Your question").fill("When is the sauna heated for a member?")
    frame.get_by_role("button", name="Ask", exact=True).click()
    frame.get_by_role("button", name="Search the admin for this").click()
    expect(frame.locator("[data-admin-matches]")).to_be_focused()
    shoot(page, "admin-assistant")
    page.context.close()


if __name__ == "__main__":
    sys.exit(main())
