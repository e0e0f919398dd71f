"""Any text of a model, cut anywhere: its markers, the events that bring it, and the page that shows it."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatsite.answering.sse import encode
from chatsite.answering.telling import Event
from chatsite.conversations.markdown import answer_html
from tests.chatsite.answering.test_citations import read

PIECES = st.lists(
    st.sampled_from(
        ["[1]", "[2]", "[9]", "[", "]", "【1】", "1", ", ", "`", "```\n", "$", "$$", "\\(", "\\)", "(x)", "\n", "\n\n",
         "tea", " ", ".", "|", "https://e.org", "](", "<", "\\", "*", "é"]
    ),
    max_size=25,
)  # fmt: skip
UNSAFE = re.compile(
    r"<(?:script|img|svg|iframe|style|object|form|input)|\son\w+=|(?:href|src)=\"(?!https?:|mailto:)", re.I
)


@pytest.mark.case(110, 129)
@settings(max_examples=150, deadline=None, derandomize=True)
@given(PIECES)
def test_markers_are_read_alike_however_the_answer_is_cut(pieces: list[str]) -> None:
    whole, cut, single = read("".join(pieces)), read(*pieces), read(*"".join(pieces))
    assert cut.text == single.text == whole.text
    assert cut.citations == single.citations == whole.citations
    assert {citation.marker for citation in whole.citations} <= {1, 2}


@pytest.mark.case(32)
@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(max_size=60) | PIECES.map("\r\nevent: done\n".join))
def test_event_is_three_lines_and_its_text_comes_back(text: str) -> None:
    sent = encode(Event("text", {"text": text}))
    name, data, end, rest = sent.split(b"\n")
    assert (name, end, rest) == (b"event: text", b"", b"")
    assert json.loads(data.removeprefix(b"data: ")) == {"text": text}
    assert b"\r" not in sent


@pytest.mark.case(26, 27)
@settings(max_examples=200, deadline=None, derandomize=True)
@given(PIECES.map("".join) | st.text("<>/\"'=&;:()[]!#*_`|\\- \nahrefscript", max_size=60))
def test_page_of_any_text_is_safe(text: str) -> None:
    html = answer_html(text, [])
    assert not UNSAFE.search(re.sub(r">[^<]*<", "><", html)), html
