"""What is quoted with a sentence, and that every piece of it is cited where it stands."""

from __future__ import annotations

from itertools import chain

import pytest

import agents
from chatsite.answering.best_sentences import Candidate, best_sentences
from chatsite.answering.citations import CitationReader
from chatsite.answering.whole_quotes import WORDS_MOST, whole_quotes
from retrieval.searching.passages import Passage


def answer(question: str, text: str) -> str:
    """Return what answers the question from the text, as Markdown."""
    found = best_sentences(question, [Candidate(agents.Passage(1, text), 0.5, answers=True)])
    return "\n\n".join(quote.markdown for quote in whole_quotes(question, found))


def cited(question: str, text: str) -> list[str]:
    """Return the quotes that the answer's markers are verified with."""
    reader = CitationReader({1: Passage.of_text(text, title="Manual")})
    list(chain(reader.feed(answer(question, text)), reader.end()))
    return [citation.quote for citation in reader.citations]


ERRORS = "Error E1233.\n\nClose the lid.\n\nError E1234.\n\nOpen the drain valve.\n\nError E1235.\n\nCall the service."


def test_bare_name_comes_with_what_is_said_of_it() -> None:
    assert answer("What do I do about error E1234?", ERRORS) == "Error E1234. Open the drain valve. [1]"
    assert cited("What do I do about error E1234?", ERRORS) == ["Error E1234.\n\nOpen the drain valve."]


def test_heading_is_never_quoted_and_what_stands_below_it_is() -> None:
    text = "# Errors\n\n## Error E1234\n\nThe drain is blocked. Open the valve.\n\n## Error E1235\n\nCall the service."
    assert answer("What do I do about error E1234?", text) == "The drain is blocked. Open the valve. [1]"


def test_row_comes_with_the_names_of_its_columns() -> None:
    text = """Table 3. Errors

| Code | Meaning | What to do |
| E1233 | Lid open | Close the lid. |
| E1234 | Drain blocked | Open the drain valve. |
"""
    table = """| Code | Meaning | What to do |
| --- | --- | --- |
| E1234 | Drain blocked | Open the drain valve. [1] |"""
    assert answer("What do I do about error E1234?", text) == table
    assert cited("What do I do about error E1234?", text) == ["E1234 | Drain blocked | Open the drain valve."]


def test_row_that_was_cut_from_its_head_stands_alone() -> None:
    text = "| E1233 | Lid open | Close the lid. |\n| E1234 | Drain blocked | Open the drain valve. |"
    assert answer("What do I do about error E1234?", text) == "E1234 | Drain blocked | Open the drain valve. [1]"


def test_of_a_list_of_codes_the_one_that_is_asked_for_is_quoted() -> None:
    text = "Errors and what to do about them:\n\n- E1233: Close the lid.\n- E1234: Open the drain valve.\n"
    expected = "Errors and what to do about them: [1]\n\n- E1234: Open the drain valve. [1]"
    assert answer("What do I do about error E1234?", text) == expected


STEPS = """## Oil

To change the oil of the pump:

1. Stop the pump. Wait a minute.
2. Open the drain.
   Mind the heat.
3. Fill in new oil.

Old oil is waste.
"""


def test_steps_come_whole_with_what_leads_into_them() -> None:
    assert answer("How do I change the oil?", STEPS).split("\n\n")[:2] == [
        "To change the oil of the pump: [1]",
        "1. Stop the pump. Wait a minute. [1]\n2. Open the drain. Mind the heat. [1]\n3. Fill in new oil. [1]",
    ]
    assert cited("How do I change the oil?", STEPS)[1:4] == [
        "1. Stop the pump. Wait a minute.",
        "2. Open the drain.\n   Mind the heat.",
        "3. Fill in new oil.",
    ]


@pytest.mark.parametrize("fence", ["```", "~~~sh"])
def test_code_comes_as_code_with_its_introduction(fence: str) -> None:
    text = f"It lives in a folder. To start the pump, run:\n\n{fence}\ncd pump\nmake *run*\n{fence[:3]}\n\nIt hums."
    expected = "To start the pump, run: [1]\n\n````\ncd pump\nmake *run*\n````\n[1]"
    assert answer("How do I start the pump?", text) == expected
    assert cited("How do I start the pump?", text) == ["To start the pump, run:", "cd pump\nmake *run*"]


def test_command_without_a_fence_comes_as_code() -> None:
    text = "Stopping the Server\n\nTo stop the server, use:\n\n$ pg_ctl stop\n\nRestarting the Server\n\nUse another."
    assert answer("How do I stop the server?", text) == "To stop the server, use: [1]\n\n````\n$ pg_ctl stop\n````\n[1]"


def test_passage_that_begins_inside_of_code_is_read_from_there() -> None:
    text = "INSTALLED = [\n    apps,\n]\n```\n\nThen migrate the database.\n\n```\nmanage.py migrate\n```\n"
    assert answer("When do I migrate the database?", text).startswith("Then migrate the database. [1]")


def test_sentence_that_points_back_comes_behind_the_one_it_points_to() -> None:
    text = "The house has a garden. The filter sits behind the cover. It must be cleaned every week. Birds sing."
    whole = "The filter sits behind the cover. It must be cleaned every week."
    assert answer("How often must one clean?", text) == f"{whole} [1]"
    assert cited("How often must one clean?", text) == [whole]


@pytest.mark.parametrize(
    "contents",
    [
        "1. The valve ............ 3\n2. The pump ............ 5",
        "| Prev | Up | The valve | Next |",
        "[The valve](#valve)",
    ],
)
def test_table_of_contents_is_not_quoted(contents: str) -> None:
    text = f"{contents}\n\nThe valve lets water out above 3 bar."
    assert answer("What does the valve do?", text) == "The valve lets water out above 3 bar. [1]"


def test_list_is_quoted_whole_only_where_one_is_asked_for() -> None:
    items = "\n".join(f"- The {name} pump moves {name} water." for name in ("red", "blue", "green", "black"))
    text = f"These pumps are sold:\n\n{items}\n"
    assert answer("Which pumps are sold?", text).count("\n- ") == 4
    assert answer("Where does the green pump move its green water?", text).startswith(
        "These pumps are sold: [1]\n\n- The green pump moves green water. [1]"
    )


def test_answer_has_at_most_so_many_words() -> None:
    text = " ".join(f"The pump number {n} pumps {'very ' * 30}hot water." for n in range(20))
    assert 0 < len(answer("What does the pump pump?", text).split()) <= WORDS_MOST + 4  # and its markers
