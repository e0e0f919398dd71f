"""Which documents are read together: short ones, and what a library reads only with those of its owner."""

from __future__ import annotations

from concurrent.futures import Future

from retrieval.ingestion.read_ahead import _shares
from retrieval.models import Document


def shares(*documents: tuple[str, int, int | None]) -> list[list[str]]:
    """The names that are read together, of documents given as filename, size and owner."""
    readings = [
        (Document(pk=place, filename=name, size=size, owner_id=owner, collection_id=1), Future[object]())
        for place, (name, size, owner) in enumerate(documents)
    ]
    return [[document.filename for document, _reading in some] for some in _shares(readings)]


def test_short_pdfs_share_a_child_with_those_of_their_owner() -> None:
    found = shares(("a.pdf", 100, 1), ("b.docx", 100, 1), ("c.pdf", 100, 2), ("d.pdf", 100, 2), ("e.pdf", 100, 1))
    assert found == [["a.pdf", "b.docx"], ["c.pdf", "d.pdf"], ["e.pdf"]]


def test_plain_texts_share_a_child_with_anybodys() -> None:
    assert shares(("a.txt", 100, 1), ("b.md", 100, 2), ("c.csv", 100, None)) == [["a.txt", "b.md", "c.csv"]]


def test_long_files_and_pictures_are_read_alone() -> None:
    found = shares(("a.pdf", 10**6, 1), ("b.pdf", 10**6, 1), ("c.png", 100, 1), ("d.png", 100, 1))
    assert found == [["a.pdf"], ["b.pdf"], ["c.png"], ["d.png"]]


def test_a_child_is_shared_by_sixteen() -> None:
    assert [len(some) for some in shares(*[("a.txt", 100, 1)] * 40)] == [16, 16, 8]
