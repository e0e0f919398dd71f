"""Markers in an answer -> verified citations, however the answer is cut into pieces."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import pytest

from chatsite.answering.citations import CitationReader, VerifiedCitation, cite, strip_markers
from retrieval.searching.passages import Passage

TEXT = "Boil the water first. Then add the tea leaves.\nWait four minutes before you pour."
SOURCES = {
    1: replace(Passage.of_text(TEXT, title="Tea"), start=100, end=100 + len(TEXT)),
    2: Passage.of_text("Coffee wants 92 degrees.", title="Coffee"),
}


def read(*pieces: str) -> CitationReader:
    reader = CitationReader(SOURCES)
    for _ in chain(*(reader.feed(piece) for piece in pieces), reader.end()):
        pass
    return reader


def test_marker_cites_the_sentence_its_claim_rests_on() -> None:
    citation = read("You should wait four minutes [1].").citations[0]
    assert citation.quote == "Wait four minutes before you pour."
    assert TEXT[citation.start - 100 : citation.end - 100] == citation.quote


def test_claim_that_stands_word_for_word_is_quoted_itself() -> None:
    citation = read("Then add the\ntea leaves [1]").citations[0]
    assert citation.quote == "Then add the tea leaves"


def test_every_way_to_cut_an_answer_gives_the_same() -> None:
    answer = "Boil it first [1]. $a[1]$ is cooler [2][9], `a[1]` and [1, 2] stay; see [x](https://example.org).\n"
    whole = read(answer)
    assert (
        whole.text == "Boil it first [1]. $a[1]$ is cooler [2], `a[1]` and [1][2] stay; see [x](https://example.org).\n"
    )
    assert [citation.marker for citation in whole.citations] == [1, 2, 1, 2]
    for size in range(1, len(answer)):
        pieces = [answer[at : at + size] for at in range(0, len(answer), size)]
        assert read(*pieces).text == whole.text
        assert read(*pieces).citations == whole.citations


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("Nothing [9].", "Nothing."),
        ("Nothing【9】.", "Nothing."),
        ("Wait four minutes【1】.", "Wait four minutes[1]."),
        ("Nothing [7, 8] at all", "Nothing at all"),
        ("In [2024] it was", "In [2024] it was"),
        ("a [1](https://example.org) link", "a [1](https://example.org) link"),
        (r"$\sqrt[3]{x}$ and \(a[1] + b[9]\) hold [9]", r"$\sqrt[3]{x}$ and \(a[1] + b[9]\) hold"),
        ("$a[9]$ and\n$$\nb [9]\n$$\nhold [9]", "$a[9]$ and\n$$\nb [9]\n$$\nhold"),
        ("It costs $5 [9], or US$[9]", "It costs $5, or US$"),
        ("`$$` and `\\(` are code [9]", "`$$` and `\\(` are code"),
        ("what $$ opens [9]\n\nends with its paragraph [9]", "what $$ opens [9]\n\nends with its paragraph"),
        ("```\nx[9]\n\ny[9]\n```\nBoil [9]", "```\nx[9]\n\ny[9]\n```\nBoil"),
        ("an `open span [9]\n\nends with its paragraph [9]", "an `open span [9]\n\nends with its paragraph"),
    ],
)
def test_marker_that_points_nowhere_is_removed_and_other_brackets_stay(answer: str, text: str) -> None:
    assert read(answer).text == text


def test_text_is_handed_on_as_soon_as_it_is_certain() -> None:
    reader = CitationReader(SOURCES)
    assert list(reader.feed("Boil ")) == ["Boil"]
    assert list(reader.feed("it [")) == [" it"]
    assert list(reader.feed("1")) == []
    pieces = list(reader.feed("]."))
    assert pieces[0] == " [1]"
    assert isinstance(pieces[1], VerifiedCitation)
    assert pieces[2:] == ["."]


def test_sources_may_grow_while_the_answer_is_read() -> None:
    sources: dict[int, Passage] = {}
    reader = CitationReader(sources)
    list(reader.feed("Wait. "))
    sources.update(SOURCES)
    list(chain(reader.feed("Four minutes [1]"), reader.end()))
    assert [citation.marker for citation in reader.citations] == [1]


def test_claim_that_shares_no_word_still_quotes_its_source() -> None:
    citation = cite("Völlig andere Sprache.", marker=1, passage=SOURCES[1])
    assert citation.quote in TEXT
    assert citation.quote


def test_markers_are_stripped_from_history() -> None:
    assert strip_markers("Boil it [1]. Wait [1][2].") == "Boil it. Wait."


def test_title_line_above_a_sentence_is_not_quoted_with_it() -> None:
    passage = Passage.of_text("Filters\nThe filter is changed in March.", title="Pump")
    assert cite("In March one changes the filter", marker=1, passage=passage).quote == "The filter is changed in March."


@pytest.mark.parametrize(
    ("content", "claim", "quote"),
    [
        ("Wait. Use approx. 5 bar for the pump. Stop.", "the pump: 5 bar", "Use approx. 5 bar for the pump."),
        ("Old. Acme Inc. Paris sells pumps. Ask there.", "who sells pumps?", "Acme Inc. Paris sells pumps."),
        ("Öl fehlt. Die Kühlung ist z. B. Wasser. Ende.", "Kühlungen", "Die Kühlung ist z. B. Wasser."),
        ("यह पंप है। विद्यार्थी पानी पीता है।", "विद्यार्थी कौन है", "विद्यार्थी पानी पीता है।"),
    ],
)
def test_whole_sentence_is_quoted(content: str, claim: str, quote: str) -> None:
    assert cite(claim, marker=1, passage=Passage.of_text(content, title="Tea")).quote == quote


def test_claim_is_not_cut_at_an_abbreviation() -> None:
    content = "The pump takes approx. 5 bar at most. Other pumps take 5 bar."
    reader = CitationReader({1: Passage.of_text(content, title="Pumps")})
    list(chain(reader.feed("It is so. It wants, as said by Dr. Miller, approx. 5 bar [1]."), reader.end()))
    assert reader.citations[0].quote == "The pump takes approx. 5 bar at most."


ODD = ["|", " ", "\t", "[", "[1", "[1] ", "【", "`", "`a", "$a ", "\\(", ">", "a\u0301", "1,000 ", "[1 , ", "\n"]


@pytest.mark.parametrize("unit", ODD)
@pytest.mark.parametrize("size", [200_000, 7])
def test_case_129_long_answer_is_read_in_linear_time(unit: str, size: int) -> None:
    """In one piece or in many; in the square of its length it would take minutes."""
    answer = "Wait" + (unit * 200_000)[:200_000] + "x"
    reader = read(*(answer[at : at + size] for at in range(0, len(answer), size)))
    assert strip_markers(reader.text).split() == strip_markers(answer).split()
    assert len(reader.citations) == (50_000 if unit == "[1] " else 0)


def test_markers_in_a_row_cite_the_same_claim_each_in_its_own_source() -> None:
    first, second, third = read("You should wait four minutes [1][2] [1].").citations
    assert (first.quote, second.quote) == ("Wait four minutes before you pour.", "Coffee wants 92 degrees.")
    assert third == first


def test_marker_behind_a_fence_cites_the_code() -> None:
    content = "To start it:\n\n```\ncd pump\nmake run\n```\n\nRun it twice."
    reader = CitationReader({1: Passage.of_text(content, title="Pump")})
    list(chain(reader.feed("Start it:\n\n````\ncd pump\nmake run\n````\n[1]"), reader.end()))
    assert [citation.quote for citation in reader.citations] == ["cd pump\nmake run"]


def test_row_is_quoted_from_its_first_cell_to_its_last() -> None:
    content = "| Code | Cure |\n| --- | --- |\n| E12 | Close the lid. |\n| E13 | Open it. |"
    reader = CitationReader({1: Passage.of_text(content, title="Pump")})
    list(chain(reader.feed("| Code | Cure |\n| --- | --- |\n| E12 | Close the lid. [1] |"), reader.end()))
    assert [citation.quote for citation in reader.citations] == ["E12 | Close the lid."]
