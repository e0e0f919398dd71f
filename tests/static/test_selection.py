"""selection.js: a selection in a document is told as the document's own characters, as the server counts them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.static.engine import Engine

# A document of two blocks, 𝒳 being one character to the server and two units to a browser; then one that is apart.
PAGE = (
    '<div class="text" data-document="7" data-title="Manual">'
    '<p class="block" data-start="100" data-page="page 3">A 𝒳 pump.\n</p>'
    '<p class="block" data-start="110">Its <b>oil</b>.\n</p>'
    '<p class="block" data-start="200">Apart.</p></div><div class="answer"><p>Said so.</p></div>'
)


def selected(start: str, start_offset: int, end: str, end_offset: int) -> Any:
    """What is selected between two places, each an expression for a text node and a place in it."""
    return (
        Engine(PAGE)
        .load("selection.js")
        .run(
            f"""
        const blocks = document.querySelectorAll(".block");
        const said = document.querySelector(".answer").children[0].childNodes[0];
        const range = new Range();
        range.setStart({start}, {start_offset});
        range.setEnd({end}, {end_offset});
        globalThis.selection = {{
            rangeCount: 1,
            isCollapsed: range.toString() === "",
            getRangeAt: () => range,
            toString: () => range.toString(),
        }};
        return modules["selection.js"].selected()?.passage ?? null;"""
        )
    )


FIRST, SECOND, APART = "blocks[0].childNodes[0]", "blocks[1].childNodes[2]", "blocks[2].childNodes[0]"
OIL = "blocks[1].children[0].childNodes[0]"


@pytest.mark.parametrize(
    ("place", "text", "start", "end"),
    [
        ((FIRST, 0, FIRST, 9), "A 𝒳 pump", 100, 108),
        ((FIRST, 2, FIRST, 4), "𝒳", 102, 103),
        ((FIRST, 4, FIRST, 9), "pump", 104, 108),
        ((FIRST, 5, SECOND, 1), "pump.\nIts oil.", 104, 118),
        ((OIL, 1, OIL, 3), "il", 115, 117),
        ((FIRST, 9, OIL, 3), ".\nIts oil", 108, 117),
    ],
)
def test_selection_in_a_document_has_its_exact_place(
    place: tuple[str, int, str, int], text: str, start: int, end: int
) -> None:
    assert selected(*place) == {
        "text": text,
        "from": "Manual, page 3",
        "selection": {"document_id": 7, "start": start, "end": end},
    }


def test_selection_over_a_gap_has_no_place() -> None:
    assert selected(OIL, 0, APART, 5) == {"text": "oil.\nApart", "from": "Manual, page 3"}


def test_selection_in_an_answer_is_its_text_alone() -> None:
    assert selected("said", 0, "said", 7) == {"text": "Said so", "from": "From an answer"}


@pytest.mark.parametrize("place", [(FIRST, 3, FIRST, 3), (FIRST, 4, FIRST, 5)])
def test_nothing_or_white_space_is_no_selection(place: tuple[str, int, str, int]) -> None:
    assert selected(*place) is None
