"""sse.js: events out of bytes that are cut anywhere, and a connection that is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.static.engine import Engine

STREAM = (
    'event: run\r\ndata: {"run_id": "1"}\r\n\r\n: beat\n\nevent: text\ndata: {"text": "Grüße, 世界 🌍\\n"}\n\n'
    'data:{"no":\ndata: "name"}\n\nid: 5\nevent: done\ndata: {}\n\n'
)
EVENTS = [["run", {"run_id": "1"}], ["text", {"text": "Grüße, 世界 🌍\n"}], ["message", {"no": "name"}], ["done", {}]]

# A response whose body gives `chunks`, then fails with a network's error or just ends.
RESPONSE = """
    const response = (chunks, { fails = false } = {}) => ({ body: { pipeThrough: (decoder) => ({ getReader: () => ({
        async read() {
            if (chunks.length) return { done: false, value: decoder.decode(chunks.shift()) };
            if (fails) throw new TypeError("network");
            return { done: true };
        },
        cancel: async () => {},
    }) }) } });
"""


def cut(text: str, size: int) -> list[list[int]]:
    encoded = list(text.encode())
    return [encoded[at : at + size] for at in range(0, len(encoded), size)]


def read(chunks: list[list[int]], **answers: Any) -> Any:
    return (
        Engine()
        .load("sse.js")
        .run(
            f"""{RESPONSE}
        const told = [];
        const lost = [];
        const answers = {json.dumps(answers.get("again", []))}.map((chunks) => chunks && response(chunks));
        const first = response({json.dumps(chunks)}, {{ fails: {json.dumps(answers.get("fails", False))} }});
        const again = async () => answers.shift();
        const ticking = (async () => {{ for (let turn = 0; turn < 2000; turn++) {{ await null; pass(10_000); }} }})();
        const events = modules["sse.js"].lasting(first, {{ again, lost: (offline) => lost.push(offline) }});
        try {{
            for await (const event of events) told.push(event);
        }} catch (error) {{ told.push(error.message); }}
        return {{ told, lost }};"""
        )
    )


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_events_are_read_whatever_the_stream_is_cut_into(size: int) -> None:
    assert read(cut(STREAM, size)) == {"told": EVENTS, "lost": []}


@pytest.mark.parametrize("fails", [True, False])
def test_lost_connection_is_taken_up_again_from_the_beginning(fails: bool) -> None:
    half = STREAM[: STREAM.index("id: 5")]
    read_again = read(cut(half, 40), fails=fails, again=[None, cut(STREAM, 9)][1:])
    assert read_again == {"told": [*EVENTS[:3], ["restart", {}], *EVENTS], "lost": [False]}


def test_lost_connection_that_nobody_can_take_up_is_an_error() -> None:
    assert read(cut("event: text\ndata: {}\n\n", 9), again=[None]) == {
        "told": [["text", {}], "interrupted"],
        "lost": [False],
    }


def test_nothing_is_read_behind_the_last_event() -> None:
    more = STREAM + 'event: text\ndata: {"text": "late"}\n\n'
    assert read(cut(more, 1000))["told"] == EVENTS
