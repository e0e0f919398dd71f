"""Notes of how a file was read: safe to store and to show, whatever the file says."""

from __future__ import annotations

import pytest

from retrieval.notes import Note, Notes
from tests.retrieval.parsing.formats.reading import read


@pytest.mark.parametrize("name", ["A\x00B", "A\u202eB", "A\u200bB", "\ud800AB", " AB\ufeff\n", "AB\U000e0041"])
def test_name_is_as_clean_as_text(name: str) -> None:
    notes = Notes()
    notes.add("attachments", name)
    assert notes.all() == [Note("attachments", 1, ("AB",))]


def test_object_of_rtf_is_named_without_what_no_database_takes() -> None:
    extracted = read("a.rtf", r"{\rtf1\ansi Text. {\object{\*\objclass A\'00B}}}")
    assert [note.names for note in extracted.notes] == [("A", "B")]
