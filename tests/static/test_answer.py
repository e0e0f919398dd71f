"""answer.js: what the server sends is put where it says, in few changes; its last rendering touches what differs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise

import pytest

from chatsite.answering.telling import Event
from chatsite.conversations.live_html import LiveHtml
from tests.chatsite.conversations.test_live_html import ANSWERS, events, rendered
from tests.static.engine import Engine

RUN = (
    '<article class="run"><div class="question"></div><div class="answer" data-answer=""></div>'
    '<p data-activity=""><span data-activity-text=""></span></p>'
    '<details data-steps="" hidden=""><ol></ol></details></article>'
)
BEGIN = """
    const { Answer, become } = modules["answer.js"];
    const article = document.querySelector("article");
    const answer = new Answer(article);
    const place = () => article.querySelector("[data-answer]");
"""


def engine() -> Engine:
    return Engine(RUN).load("answer.js")


def sent(text: str, *, size: int = 3) -> Iterator[Event]:
    """What the server sends of an answer `text` that comes in pieces."""
    live = LiveHtml("en")
    edges = [*range(0, len(text), size), len(text)]
    for event in events([text[start:end] for start, end in pairwise(edges)]):
        yield from live.render(event)


def shown(text: str, *, each_frame: int) -> str:
    """What stands there at the end, when the page is drawn behind every so many events."""
    content = [[event.name, event.body] for event in sent(text) if event.name not in ("done", "error", "supported")]
    html: str = engine().run(
        f"""{BEGIN}
        {json.dumps(content)}.forEach(([name, body], at) => {{
            answer.take(name, body);
            if (at % {each_frame} === 0) nextFrame();
        }});
        answer.draw();
        return place().innerHTML;"""
    )
    return html


@pytest.mark.parametrize("name", sorted(set(ANSWERS) - {"odd characters"}))
@pytest.mark.parametrize("each_frame", [1, 4, 1000])
def test_answer_ends_as_the_server_renders_it(name: str, each_frame: int) -> None:
    wanted = engine().run(
        f"document.body.insertAdjacentHTML('beforeend', {json.dumps(rendered(ANSWERS[name]))});"
        "return document.body.childNodes.slice(2).map((node) => node.outerHTML).join('');"
    )
    assert shown(ANSWERS[name], each_frame=each_frame).replace("\n", "") == wanted.replace("\n", "")


def test_text_grows_in_the_same_node_so_that_what_is_selected_stays_so() -> None:
    assert engine().run(
        BEGIN
        + """
        answer.take("open", { html: '<ul><li class="unfinished"></li></ul>', depth: 0 });
        answer.take("text", { text: "one " });
        nextFrame();
        const node = place().querySelector("li").childNodes[0];
        answer.take("text", { text: "more" });
        answer.take("text", { text: "." });
        nextFrame();
        answer.take("citation", { html: '<a class="citation" href="/x">1</a>' });
        answer.take("text", { text: "!" });
        nextFrame();
        return [place().querySelector("li").innerHTML, node === place().querySelector("li").childNodes[0]];"""
    ) == ['one more.<a class="citation" href="/x">1</a>!', True]


def test_long_text_goes_on_in_blocks_and_leaves_with_them() -> None:
    assert engine().run(
        BEGIN
        + """
        answer.take("open", { html: '<p class="unfinished"></p>', depth: 0 });
        for (let piece = 0; piece < 5; piece++) {
            answer.take("text", { text: "x".repeat(5000) });
            nextFrame();
        }
        const pieces = [...place().children[0].childNodes].map((node) => node.textContent.length);
        answer.take("html", { html: "<p>x</p>", depth: 0 });
        nextFrame();
        return [pieces, place().innerHTML];"""
    ) == [[10_000, 10_000, 5_000], "<p>x</p>"]


def test_block_that_came_whole_between_two_frames_is_drawn_once() -> None:
    assert engine().run(
        BEGIN
        + """
        const drawn = [];
        const insert = Element.prototype.insertAdjacentHTML;
        Element.prototype.insertAdjacentHTML = function (where, html) {
            drawn.push(html);
            insert.call(this, where, html);
        };
        for (const text of ["one", "two"]) {
            answer.take("open", { html: '<p class="unfinished"></p>', depth: 0 });
            answer.take("text", { text });
            answer.take("html", { html: `<p>${text}</p>`, depth: 0 });
        }
        nextFrame();
        return drawn;"""
    ) == ["<p>one</p>", "<p>two</p>"]


def test_what_is_told_again_takes_its_place_when_it_has_come() -> None:
    assert engine().run(
        BEGIN
        + """
        answer.take("html", { html: "<p>one</p>", depth: 0 });
        nextFrame();
        answer.restart();
        answer.take("open", { html: '<p class="unfinished"></p>', depth: 0 });
        nextFrame();
        const between = place().innerHTML; // an element without text takes the place of nothing
        answer.take("html", { html: "<p>one</p><p>two</p>", depth: 0 });
        nextFrame();
        return [between, place().innerHTML];"""
    ) == ["<p>one</p>", "<p>one</p><p>two</p>"]


def test_answer_is_shown_as_unsupported_until_its_first_citation_comes() -> None:
    assert engine().run(
        BEGIN
        + """
        const told = article.querySelector("[data-activity-text]");
        const state = () => ["unsupported" in place().dataset, told.textContent];
        answer.take("html", { html: "<p>one</p>", depth: 0 });
        nextFrame();
        const before = state();
        answer.support();
        const after = state();
        answer.restart();
        const again = state(); // what is shown is still supported
        answer.take("html", { html: "<p>one</p>", depth: 0 });
        nextFrame();
        return [before, after, again, state()];"""
    ) == [
        [True, "Writing, not yet supported by a passage…"],
        [False, "Writing…"],
        [False, "Writing…"],
        [True, "Writing, not yet supported by a passage…"],
    ]


def test_text_that_is_withdrawn_leaves_at_once() -> None:
    assert engine().run(
        BEGIN
        + """
        answer.take("html", { html: "<p>one</p>", depth: 0 });
        answer.support();
        nextFrame();
        answer.take("open", { html: '<p class="unfinished"></p>', depth: 0 });
        answer.take("text", { text: "tw" });
        answer.withdraw();
        nextFrame();
        const empty = place().outerHTML;
        answer.take("html", { html: "<p>three</p>", depth: 0 });
        nextFrame();
        return [empty, place().innerHTML];"""
    ) == ['<div class="answer" data-answer="" data-unsupported=""></div>', "<p>three</p>"]


def test_searches_are_told_in_words_also_with_arguments_that_are_no_json() -> None:
    assert engine().run(
        BEGIN
        + """
        answer.called({ arguments: '{"query": "tea"}' });
        answer.received({ passages: 2 });
        answer.called({ arguments: "{" });
        answer.received({});
        return [article.querySelector("ol").children.length, article.querySelector("[data-steps]").hidden];"""
    ) == [1, False]


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ("<p>one</p><p>two</p>", "<p>one</p>\n<p>two</p>\n", 2),
        ("<p>one</p><p>two</p>", "<p>one</p><p>2</p>", 2),
        ("<p>one</p>", "<h2>one</h2>", 0),
        ("<p>one</p>", "<p>one</p><p>two</p>", 1),
        ("<p>one</p><p>two</p>", "<p>one</p>", 1),
        ("<p title='' data-open=''>one</p>", '<p title="x">one</p>', 1),
    ],
)
def test_only_what_differs_is_touched(before: str, after: str, kept: int) -> None:
    got, same, opened = engine().run(
        BEGIN
        + f"""
        place().insertAdjacentHTML("beforeend", {json.dumps(before)});
        const known = new Set(place().children);
        const wanted = place().cloneNode(false);
        wanted.insertAdjacentHTML("beforeend", {json.dumps(after)});
        become(place(), wanted);
        const {{ children, innerHTML }} = place();
        return [innerHTML, children.filter((child) => known.has(child)).length, children[0].dataset.open];"""
    )
    assert got.replace(' data-open=""', "") == after.replace("\n", "")
    assert same == kept
    assert opened == ("" if "data-open" in before else None)
