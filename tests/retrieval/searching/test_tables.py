"""Passages that end inside a table get the rest of it, within bounds."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from retrieval.models import Collection, Document
from retrieval.searching.passages import Passage
from retrieval.searching.tables import MOST, with_whole_tables
from retrieval.texts import document_text

PROSE = "The parts are kept in the store, and nobody takes one without a word. " * 20


def table(rows: int) -> str:
    return "| Name | Price |\n|---|---|\n" + "\n".join(f"| Part {n} of the pump | {n * 7} euros |" for n in range(rows))


@pytest.fixture
def parts(put: Any, public: Collection) -> Document:
    document: Document = put(public, "parts.md", f"# Parts\n\n{PROSE}\n\n{table(60)}\n\n{PROSE}\n")
    return document


def cut(document: Document, beginning: str, end: str) -> Passage:
    """Return the passage of a document from one text to the end of another."""
    text = document_text(document)
    start, stop = text.index(beginning), text.index(end) + len(end)
    return Passage(None, document.pk, document.title, "", "", None, start, stop, text[start:stop])


def test_passage_inside_a_table_gets_all_of_it(parts: Document) -> None:
    [whole] = with_whole_tables([cut(parts, "| Part 20 ", "| Part 30 of the pump | 210 euros |")])
    assert whole.text == table(60)
    assert document_text(parts)[whole.start : whole.end] == whole.text


def test_passage_that_ends_in_a_table_keeps_its_beginning(parts: Document) -> None:
    passage = cut(parts, "nobody takes one without a word. \n\n|", "| Part 3 of the pump | 21 euros |")
    [whole] = with_whole_tables([passage])
    assert whole.start == passage.start
    assert whole.text.endswith("| Part 59 of the pump | 413 euros |")


def test_second_passage_of_the_same_table_is_left_out(parts: Document) -> None:
    passages = [
        cut(parts, "| Part 20 ", "| Part 30 of the pump | 210 euros |"),
        cut(parts, "| Part 40 ", "| Part 50 of the pump | 350 euros |"),
    ]
    assert [passage.text for passage in with_whole_tables(passages)] == [table(60)]


def test_long_table_stays_as_it_was_cut(put: Any, public: Collection) -> None:
    document = put(public, "long.md", f"# Parts\n\n{table(600)}\n")
    passage = cut(document, "| Part 300 ", "| Part 301 of the pump | 2107 euros |")
    assert len(table(300)) > MOST
    assert with_whole_tables([passage]) == (passage,)


def test_prose_costs_no_query(parts: Document) -> None:
    passage = cut(parts, "The parts are kept", "without a word.")
    with CaptureQueriesContext(connection) as queries:
        assert with_whole_tables([passage]) == (passage,)
    assert len(queries) == 0


def test_passage_of_no_document_stays(db: None) -> None:
    passage = Passage.of_text("| a | b |\n| c | d |", title="")
    assert with_whole_tables([passage]) == (passage,)
