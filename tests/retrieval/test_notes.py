"""Notes of how a file was read: safe to store and to show, whatever the file says."""

from __future__ import annotations

import pytest

from retrieval.notes import KINDS, Note, Notes
from tests.retrieval.parsing.formats.reading import read


@pytest.mark.parametrize("name", ["A\x00B", "A\u202eB", "A\u200bB", "\ud800AB", " AB\ufeff\n", "AB\U000e0041"])
def test_name_is_as_clean_as_text(name: str) -> None:
    notes = Notes()
    notes.add("attachments", name)
    assert notes.all() == [Note("attachments", 1, ("AB",))]


def test_object_of_rtf_is_named_without_what_no_database_takes() -> None:
    extracted = read("a.rtf", r"{\rtf1\ansi Text. {\object{\*\objclass A\'00B}}}")
    assert [note.names for note in extracted.notes] == [("A", "B")]


@pytest.mark.parametrize(
    ("note", "said"),
    [
        (Note("hidden_text", 3), "Hidden text, which no reader of the file sees, was left out: 3 places."),
        (
            Note("hidden_text", 3, ("Slide 2", "Slide 5")),
            "Hidden text, which no reader of the file sees, was left out: 3 places, among them Slide 2, Slide 5, ….",
        ),
        (Note("attachments", 1, ("a.dwg",)), "Attached files were not read: a.dwg."),
    ],
)
def test_note_says_the_names_it_has(note: Note, said: str) -> None:
    assert str(note.reason) == said


def test_every_note_says_its_names_or_has_none() -> None:
    nameless = {kind for kind, about in KINDS.items() if "%(names)s" not in about.template + about.named}
    assert nameless == {
        "deleted_text",
        "formulas",
        "equations",
        "macros",
        "annotations",
        "page_furniture",
        "pictures",
    } | {"headings"}
