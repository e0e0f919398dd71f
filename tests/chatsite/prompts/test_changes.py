"""What a version changes is said setting by setting and line by line."""

from __future__ import annotations

from chatsite.answering.assistant import MANNER
from chatsite.models import PromptVersion
from chatsite.prompts.changes import changes


def test_nothing_where_both_say_the_same() -> None:
    assert not changes(PromptVersion(), PromptVersion(instructions=f"{MANNER}\n"))


def test_lines_in_order_what_was_removed_before_what_was_added() -> None:
    found = changes(PromptVersion(instructions="One.\nTwo.\nThree."), PromptVersion(instructions="One.\n2.\nThree."))
    assert [(line.sign, line.text) for line in found.lines] == [
        (" ", "One."), ("−", "Two."), ("+", "2."), (" ", "Three."),
    ]  # fmt: skip
    assert str(found) == "instructions: +1 −1 lines"


def test_settings_that_differ_by_their_names() -> None:
    found = changes(PromptVersion(model="tiny"), PromptVersion(model="large", temperature=0.0))
    assert [(one.name, one.before, one.after) for one in found.settings] == [
        ("model", "tiny", "large"),
        ("temperature", "as the settings say", "0.0"),
    ]
