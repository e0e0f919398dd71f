"""The newcomer's task: a workflow that finds passages, summarises them, asks a person and publishes, built by keyboard
alone in two ways, run, and published."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import expect

from benchmarks.newcomer.keys import Keys
from tests.fakes import chat_server
from tests.fakes.chat_server import Reply

SENTENCE = "Find passages about a topic, summarise them, ask a person whether that is right, then publish it"
TOPIC = "When is the filter of the pump changed?"
MANUAL = "Pump manual"  # the document that says it
SAID = ("March", "October")  # the months in which it is
SUMMARY = f"The filter of the pump is changed in March and in October [{MANUAL}]."
WRITTEN = """\
inputs:
  topic: {description: What it is about}
steps:
  find:
    tool: search_documents
    with:
      query: ${inputs.topic}
  summarise:
    agent: summariser
    prompt: ${steps.find.output}
  approve:
    person: approve
    prompt: ${steps.summarise.output}
  publish:
    tool: publish
    with:
      text: ${steps.summarise.output}
    when: ${steps.approve.output.approved}
"""
RUN_MS = 600_000  # until a run waits or has ended
PATIENCE_MS = 60_000  # for what the page does by itself


@dataclass(frozen=True)
class Ran:
    """What became of a run: its state, seconds without the person's, tokens as its page says, and what it published."""

    state: str
    seconds: float
    tokens: int
    published: str

    @property
    def citation(self) -> str:
        """Say whether what was published names the document that it rests on, and no other."""
        named = {name.strip() for name in re.findall(r"\[([^\]]+)\]", self.published)}
        if not named:
            return "none"
        says = all(word in self.published for word in SAID)
        return "right" if named == {MANUAL} and says else "wrong"


def begin(keys: Keys, title: str) -> None:
    """Add a workflow, and be in its designer."""
    keys.page.goto("/admin/chatsite/workflow/add/")
    keys.write(keys.page.get_by_label("Title"), title)
    keys.press("Enter")
    expect(keys.page.get_by_role("heading", name=title)).to_be_visible(timeout=PATIENCE_MS)
    ready(keys)


def ready(keys: Keys) -> None:
    """Wait until the designer needs no button to save: until then each form has one, which a key leads to."""
    keys.page.locator("[data-page].is-scripted").wait_for(timeout=PATIENCE_MS)


def by_cards(keys: Keys) -> None:
    page = keys.page
    keys.write(page.get_by_label("New input"), "topic")
    keys.press("Enter")
    expect(page.locator("[data-live=said]")).to_have_text("Changed input topic.", timeout=PATIENCE_MS)
    for letters, step in (
        ("search", "search_documents"),
        ("summ", "summariser"),
        ("approves", "approve"),
        ("pub", "publish"),
    ):
        keys.pick(page.locator("#add-target"), letters)
        keys.enter(page.get_by_role("button", name="Add step"))
        expect(page.locator(f"#step-{step}")).to_be_focused(timeout=PATIENCE_MS)
    keys.pick(page.locator("#publish-with-text-0-value"), "Result of summ")
    expect(page.locator("[data-text]")).to_have_value(
        re.compile(r"text: \$\{steps\.summariser\.output\}"), timeout=PATIENCE_MS
    )
    keys.enter(page.locator("#more-publish > summary"))
    keys.pick(page.locator("#publish-when"), "Approval")
    keys.press("Tab")
    expect(page.locator("[data-text]")).to_have_value(
        re.compile(r"when: \$\{steps\.approve\.output\.approved\}"), timeout=PATIENCE_MS
    )


def by_help(keys: Keys) -> None:
    page = keys.page
    keys.write(page.get_by_label("Say in a sentence"), SENTENCE)
    keys.enter(page.get_by_role("button", name="Propose"))
    take = page.get_by_role("button", name="Take it into the draft")
    take.wait_for(timeout=RUN_MS)
    keys.enter(take)
    ready(keys)
    expect(page.locator("[data-cards] > [data-step]").first).to_be_visible(timeout=PATIENCE_MS)


WAYS: dict[str, Callable[[Keys], None]] = {"by cards": by_cards, "help me build": by_help}


def scripted(way: str) -> list[Reply]:
    """Return what the scripted model says while somebody builds in this way, and runs that."""
    proposal = [chat_server.text(json.dumps({"workflow": WRITTEN}))] if way == "help me build" else []
    return [*proposal, chat_server.text(SUMMARY)]


def run(keys: Keys) -> Ran:
    """Run the draft, let it go on at each of its questions, and return what became of it."""
    page = keys.page
    keys.write(page.locator("#run-topic"), TOPIC)
    keys.enter(page.get_by_role("button", name="Run the draft"))
    seconds, began = 0.0, time.monotonic()
    asked = page.locator(".asked")
    ended = page.locator(".state-mark:is(.is-completed, .is-failed, .is-stopped)")
    while True:
        expect(asked.or_(ended).first).to_be_visible(timeout=RUN_MS)
        seconds += time.monotonic() - began
        if not asked.count():
            break
        question = asked.first.get_attribute("aria-labelledby"), asked.first.inner_text()
        keys.enter(asked.first.locator("button.default"))
        began = time.monotonic()
        expect(page.locator(".asked", has_text=question[1].splitlines()[0])).to_have_count(0, timeout=RUN_MS)
    state = ended.first.inner_text()
    tokens = re.search(r"([\d,.]+) tokens", page.locator(".run-summary").inner_text())
    output = page.locator(".run-output")
    published = output.inner_text() if output.count() else ""
    return Ran(state, seconds, int(re.sub(r"\D", "", tokens[1])) if tokens else 0, published)


def publish(keys: Keys, title: str) -> None:
    """Publish the draft as the first version."""
    keys.enter(keys.page.get_by_role("link", name=title))
    ready(keys)
    keys.write(keys.page.get_by_label("What has changed"), "The first.")
    keys.press("Enter")
    expect(keys.page.locator(".messagelist")).to_contain_text("Version 1 is published.", timeout=PATIENCE_MS)
