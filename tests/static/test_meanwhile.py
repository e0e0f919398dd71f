"""meanwhile.js: what is shown before an answer's first word, and leaves with it."""

from __future__ import annotations

from typing import Any

import pytest
from django.template.loader import render_to_string

from tests.static.engine import Engine

PAGE = (
    '<article class="run"><div class="question"></div><div class="answer" data-answer=""></div>'
    '<p data-activity=""><span data-activity-text=""></span></p></article><p data-announcement=""></p>'
)
BEGIN = """
    const article = document.querySelector("article");
    const find = (name) => article.querySelector(`[data-${name}]`);
    const announced = () => document.querySelector("[data-announcement]").textContent;
    const { Answer, become } = modules["answer.js"];
    const answer = new Answer(article);
    const meanwhile = new modules["meanwhile.js"].Meanwhile(article, (activity) => answer.show(activity));
    const activity = () => find("activity-text").textContent;
    const thoughts = () => find("thoughts").textContent;
    let now = 0;
    performance.now = () => now;
"""


def run(script: str) -> Any:
    page = PAGE + render_to_string("chatsite/fragments/pending.html").strip()
    return Engine(page).load("meanwhile.js").run(f"{BEGIN}{script}")


def test_thoughts_grow_above_the_answer_and_their_newest_line_is_shown() -> None:
    assert run(
        """meanwhile.take("thinking", { text: "First <b>this</b>.\\n" });
        meanwhile.take("thinking", { text: "Then " });
        nextFrame();
        const first = [find("thinking-line").textContent, find("thinking-label").textContent, find("activity").hidden];
        meanwhile.take("thinking", { text: "that" });
        nextFrame();
        return [first, find("thinking-line").textContent, thoughts(), announced(),
                article.children.map(({ name, map }) => map.class ?? name)];"""
    ) == [
        ["Then", "Thinking…", True],
        "Then that",
        "First <b>this</b>.\nThen that",
        "Thinking…",
        ["question", "thinking", "answer", "p"],
    ]


def test_thoughts_end_with_the_first_word_and_stay_when_the_server_renders_the_answer() -> None:
    assert run(
        """meanwhile.take("thinking", { text: "Hm." });
        now = 12_400;
        meanwhile.end();
        const label = find("thinking-label").textContent;
        meanwhile.take("thinking", { text: " More." });
        nextFrame();
        const wanted = article.cloneNode(false);
        wanted.append(article.children[0].cloneNode(true), new Element("ol"));
        become(article, wanted);
        return [label, announced(), thoughts(), find("thinking-line").textContent,
                article.children.map(({ name, map }) => map.class ?? name)];"""
    ) == ["Thought for 12 seconds", "Thought for 12 seconds", "Hm. More.", "", ["question", "thinking", "ol"]]


def test_thoughts_that_come_behind_the_first_word_disturb_nothing() -> None:
    assert run(
        """answer.show("Writing…");
        meanwhile.end();
        meanwhile.take("thinking", { text: "Hm." });
        nextFrame();
        return [find("thinking-label").textContent, thoughts(), find("activity").hidden, activity(), announced()];"""
    ) == ["Thoughts", "Hm.", False, "Writing…", ""]


def test_thoughts_that_are_told_again_take_the_place_of_those_that_are_shown() -> None:
    assert run(
        """meanwhile.take("thinking", { text: "One two" });
        nextFrame();
        meanwhile.restart();
        const between = thoughts();
        meanwhile.take("thinking", { text: "One" });
        meanwhile.take("thinking", { text: " two three" });
        nextFrame();
        return [between, thoughts(), find("thinking-line").textContent];"""
    ) == ["One two", "One two three", "One two three"]


def test_200000_characters_of_thoughts_are_drawn_piece_by_piece() -> None:
    most, whole, line = run(
        """meanwhile.take("thinking", { text: "" });
        for (let piece = 0; piece < 2_000; piece++) {
            meanwhile.take("thinking", { text: "x".repeat(99) + (piece % 10 ? "x" : "\\n") });
            if (piece % 4 === 0) nextFrame();
        }
        meanwhile.draw();
        const inner = [find("thoughts"), ...find("thoughts").querySelectorAll("span")];
        const own = inner.map(({ childNodes }) => childNodes.filter((node) => node instanceof Text));
        return [Math.max(...own.flat().map(({ data }) => data.length)), thoughts().length,
                find("thinking-line").textContent.length];"""
    )
    assert whole == 200_000
    assert most < 9_000
    assert line <= 200


@pytest.mark.case(108)
def test_waiting_is_told_in_seconds_to_the_eye_and_once_to_the_ear() -> None:
    assert run(
        """meanwhile.take("waiting", { seconds: 3 });
        const said = announced();
        document.querySelector("[data-announcement]").textContent = "";
        meanwhile.take("waiting", { seconds: 4 });
        const shown = activity();
        meanwhile.end();
        answer.show("Writing…");
        meanwhile.take("waiting", { seconds: 5 });
        return [said, announced(), shown, activity()];"""
    ) == ["The model is reading…", "", "The model is reading… 4 s", "Writing…"]


@pytest.mark.parametrize(
    ("place", "told"), [(1, "1st in line…"), (2, "2nd in line…"), (3, "3rd in line…"), (4, "4th in line…")]
)
def test_place_in_line_is_shown_and_said(place: int, told: str) -> None:
    assert run(f'meanwhile.take("queued", {{ place: {place} }}); return [activity(), announced()];') == [told, told]


def test_quoted_sentences_are_offered_once_and_leave_with_the_first_word() -> None:
    assert run(
        """meanwhile.take("quoted", { html: '<p>Wait. <a class="citation" href="/x">1</a></p>' });
        meanwhile.take("quoted", { html: "<p>Wait.</p>" });
        const offered = article.querySelectorAll("[data-quoted]").map((each) => each.textContent.replace(/\\s+/g, " "));
        const html = find("quoted-text").innerHTML;
        meanwhile.end();
        meanwhile.take("quoted", { html: "<p>Wait.</p>" });
        return [offered, html, find("quoted")];"""
    ) == [
        [" Show quoted sentences meanwhile Wait. 1 "],
        '<p>Wait. <a class="citation" href="/x">1</a></p>',
        None,
    ]
