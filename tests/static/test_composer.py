"""composer.js and chips.js: how much can be asked, counted as the server counts, and what a tab keeps."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.static.engine import Engine


def elements(tag: str, *names: str) -> str:
    return "".join(f'<{tag} data-{name}=""></{tag}>' for name in names)


NAMES = ("counter", "notice", "notice-text", "notice-first", "send", "stop", "chips")
PAGE = (
    '<div data-chat="" data-session=""></div>'
    '<form data-composer="" data-limit="500" data-selection-limit="20" data-selections-limit="2">'
    f'<textarea name="query" data-placeholder-selection="about it"></textarea>{elements("p", *NAMES)}'
    '<template data-chip-template=""><div data-chip="">'
    f"{elements('p', 'chip-from', 'chip-text', 'chip-editor')}{elements('textarea', 'chip-whole')}"
    f"{elements('button', 'chip-shorten', 'chip-keep', 'chip-close', 'chip-remove')}</div></template></form>"
)
BEGIN = """
    const form = document.querySelector("form");
    const field = document.querySelector("textarea");
    const find = (name) => document.querySelector(`[data-${name}]`);
    field.value = "";
    form.elements = {};
    form.requestSubmit = () => form.dispatchEvent(new CustomEvent("submit"));
"""


def run(script: str, *, before: str = "") -> Any:
    engine = Engine(PAGE)
    engine.run(f"{BEGIN} globalThis.names = {{ form, field, find }}; {before}")
    return engine.load("composer.js").run(
        f"""const {{ form, field, find }} = names;
        const {{ composer }} = modules["composer.js"];
        const type = (words) => {{ field.value = words; field.dispatchEvent(new CustomEvent("input")); }};
        const offer = (passage) => document.dispatchEvent(new CustomEvent("passage", {{ detail: passage }}));
        const chips = () => find("chips").children;
        {script}"""
    )


@pytest.mark.parametrize(
    ("words", "sendable", "counter"),
    [
        ("", False, ""),
        ("  \n ", False, ""),
        ("When?", True, ""),
        ("x" * 450, True, "50 left"),
        ("🌍" * 500, True, "0 left"),
        ("🌍" * 503, False, "3 too many"),
    ],
)
def test_question_is_counted_in_the_servers_characters(words: str, sendable: bool, counter: str) -> None:
    told = run(f"type({json.dumps(words)}); return [find('send').disabled, find('counter').textContent];")
    assert told == [not sendable, counter]


def test_question_is_sent_once_with_its_passages_and_leaves_the_field_empty() -> None:
    assert run(
        """const asked = [];
        composer.onAsk((question) => asked.push(question));
        offer({ text: "the pump", from: "Manual" });
        type("  When? ");
        form.requestSubmit();
        form.requestSubmit();
        return [asked, field.value, chips().length];"""
    ) == [[{"query": "When?", "passages": [{"text": "the pump", "from": "Manual"}], "documents": []}], "", 0]


def test_question_waits_for_files_and_is_sent_when_they_have_come() -> None:
    assert run(
        """let asked = 0;
        composer.onAsk(() => asked++);
        type("When?");
        composer.hold(1);
        form.requestSubmit();
        const waiting = asked;
        composer.hold(-1);
        return [waiting, asked];"""
    ) == [0, 1]


def test_question_is_thought_over_when_a_file_is_refused() -> None:
    assert (
        run(
            """let asked = 0;
        composer.onAsk(() => asked++);
        type("When?");
        composer.hold(1);
        form.requestSubmit();
        composer.hold(-1, { refused: true });
        return asked;"""
        )
        == 0
    )


def test_passages_are_taken_as_far_as_there_is_room() -> None:
    told = run(
        """const words = () => chips().map((chip) => chip.querySelector("[data-chip-text]").textContent);
        const told = () => [words(), find("notice-text").textContent];
        offer({ text: "🌍".repeat(12), selection: { document_id: 7, start: 100, end: 112 } });
        offer({ text: "🌍".repeat(12), selection: { document_id: 7, start: 100, end: 112 } });
        const once = told();
        offer({ text: "ab 🌍🌍🌍🌍🌍🌍🌍", selection: { document_id: 7, start: 200, end: 210 } });
        const over = told();
        find("notice-first").onclick();
        const first = JSON.parse(sessionStorage.getItem("draft")).passages[1];
        offer({ text: "more" });
        return [once, over, first, told()[1]];"""
    )
    globes = "🌍" * 12
    assert told == [
        [[globes], ""],
        [[globes], "This selection has 10 characters; 8 more can be asked about at once, of 20 in all."],
        {"text": "ab 🌍🌍🌍🌍🌍", "selection": {"document_id": 7, "start": 200, "end": 208}},
        "There is no room for another selection: at most 2, and 20 characters in all. Remove or shorten one.",
    ]


def test_passage_is_shortened_to_a_part_that_keeps_its_place() -> None:
    assert run(
        """offer({ text: "🌍 the pump ", selection: { document_id: 7, start: 100, end: 111 } });
        const whole = chips()[0].querySelector("[data-chip-whole]");
        Object.assign(whole, { selectionStart: 2, selectionEnd: 11 });
        chips()[0].querySelector("[data-chip-keep]").dispatchEvent(new CustomEvent("click"));
        return JSON.parse(sessionStorage.getItem("draft")).passages;"""
    ) == [{"text": "the pump", "selection": {"document_id": 7, "start": 102, "end": 110}}]


def test_draft_of_this_tab_is_there_again() -> None:
    kept = json.dumps({"query": "When?", "passages": [{"text": "it"}], "session": ""})
    draft = f"sessionStorage.setItem('draft', {json.dumps(kept)});"
    assert run("return [field.value, chips().length, field.placeholder];", before=draft) == ["When?", 1, "about it"]


def test_what_could_not_be_sent_is_put_back_unless_something_new_was_typed() -> None:
    assert run(
        """composer.restore({ query: "When?", passages: [{ text: "it" }] });
        const first = [field.value, chips().length];
        composer.restore({ query: "Where?", passages: [{ text: "that" }] });
        return [first, [field.value, chips().length]];"""
    ) == [["When?", 1], ["When?", 1]]


CHOICE = "".join(f'<option value="{name}">{name}</option>' for name in ("small", "large"))


@pytest.mark.parametrize(
    ("attributes", "last", "begins_with"),
    [
        ("", "large", "large"),
        ("", "gone", "small"),
        ("", None, "small"),
        (' data-of-conversation=""', "large", "small"),  # the conversation's own
    ],
)
def test_model_is_the_one_chosen_last_unless_the_conversation_has_its_own(
    attributes: str, last: str | None, begins_with: str
) -> None:
    choice = f'<select name="model" data-model=""{attributes}>{CHOICE}</select>'
    script = f"""
        form.insertAdjacentHTML("beforeend", {json.dumps(choice)});
        Object.assign(form.querySelector("select"), {{ value: "small" }});
        for (const option of form.querySelectorAll("option")) option.value = option.textContent;
        localStorage.kept = {{ model: {json.dumps(json.dumps(last))} }};"""
    assert run(
        """const choice = find("model");
        const first = composer.model;
        choice.value = "small";
        choice.dispatchEvent(new CustomEvent("change"));
        return [first, composer.model, localStorage.kept.model];""",
        before=script,
    ) == [begins_with, "small", '"small"']


def test_where_there_is_no_choice_no_model_is_asked_for() -> None:
    assert run("return [composer.model === undefined];") == [True]


def test_kept_is_in_memory_where_a_browser_keeps_nothing() -> None:
    assert Engine().load("kept.js").run(
        """const { kept } = modules["kept.js"];
        kept.set("a", 1);
        globalThis.sessionStorage = { getItem() { throw new Error(); }, setItem() { throw new Error(); } };
        kept.set("b", { c: 2 });
        return [kept.get("a"), kept.get("b"), kept.get("none")];"""
    ) == [1, {"c": 2}, None]
