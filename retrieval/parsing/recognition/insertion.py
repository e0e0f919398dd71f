"""The text of recognised pages, put in its place among what was read of a document. Pure arithmetic on offsets."""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import accumulate, pairwise

from retrieval.notes import KINDS, NAMES_KEPT, Note
from retrieval.parsing.formats.extracted import Extracted, RecognisedLine
from retrieval.parsing.recognition.page import ReadPage
from retrieval.text.headings import Heading

_OF_UNREAD_PAGES = ("picture_pages", "fonts")  # notes that name pages whose text is missing


def insert_pages(extracted: Extracted, pages: Mapping[int, ReadPage]) -> Extracted:
    """Return the document with the text of these pages in the place of what was read of them before; without one, that
    stays. Its notes say which pages were recognised, and which still lack their text: those that aren't readable."""
    settled = {number for number, page in pages.items() if page.readable}
    pages = {number: page for number, page in pages.items() if page.text}
    pages_end = len(extracted.text) if extracted.pages_end is None else extracted.pages_end
    former = [*extracted.page_starts, pages_end]
    spans = list(pairwise(former))
    texts = [
        pages[number].text + "\n\n" if number in pages else extracted.text[start:end]
        for number, (start, end) in enumerate(spans, start=1)
    ]
    *starts, end = [0, *accumulate(map(len, texts))]
    text = "".join(texts) + extracted.text[pages_end:]
    return dataclasses.replace(
        extracted,
        text=text,
        page_starts=starts,
        headings=sorted(_headings(extracted, pages, starts, end - pages_end), key=lambda heading: heading.start),
        pages_end=end if extracted.pages_end is not None else None,
        unsearched=list(_unsearched(extracted, pages, starts)),
        unread_pages=[number for number in extracted.unread_pages if number not in settled],
        recognised=list(_lines(extracted, pages, starts)),
        notes=_notes(extracted, pages, settled),
    )


def _headings(extracted: Extracted, pages: Mapping[int, ReadPage], starts: list[int], moved: int) -> Iterator[Heading]:
    """Yield the headings at their new places; of a recognised page each at the words that it says, else at the
    beginning. What is attached has `moved` by so many characters."""
    taken = set()
    for heading in extracted.headings:
        number = _page_at(extracted, heading.start)
        if extracted.pages_end is not None and heading.start >= extracted.pages_end:
            start = heading.start + moved
        elif number in pages:
            start = starts[number - 1] + max(pages[number].text.find(heading.title), 0)
        else:
            start = heading.start + starts[number - 1] - extracted.page_starts[number - 1]
        if start not in taken:
            taken.add(start)
            yield dataclasses.replace(heading, start=start)


def _unsearched(extracted: Extracted, pages: Mapping[int, ReadPage], starts: list[int]) -> Iterator[tuple[int, int]]:
    for start, end in extracted.unsearched:
        number = _page_at(extracted, start)
        if number not in pages:
            shift = starts[number - 1] - extracted.page_starts[number - 1]
            yield start + shift, end + shift


def _lines(extracted: Extracted, pages: Mapping[int, ReadPage], starts: list[int]) -> Iterator[RecognisedLine]:
    for number in range(1, len(starts) + 1):
        if number in pages:
            former, start = 0, starts[number - 1]
            lines = pages[number].lines
        else:
            former, start = extracted.page_starts[number - 1], starts[number - 1]
            lines = [line for line in extracted.recognised if line.page == number]
        for line in lines:
            shift = start - former
            yield dataclasses.replace(line, start=line.start + shift, end=line.end + shift)


def _page_at(extracted: Extracted, offset: int) -> int:
    """Return the 1-based page that holds the character."""
    return max(1, bisect_right(extracted.page_starts, offset))


def _notes(extracted: Extracted, pages: Mapping[int, ReadPage], settled: Set[int]) -> list[Note]:
    """Return its notes: pages that are settled are no longer among those whose text is missing."""
    known = {note.kind: note for note in extracted.notes if note.kind not in _OF_UNREAD_PAGES}
    for note in extracted.notes:
        if note.kind in _OF_UNREAD_PAGES and (left := _without(note, settled, extracted.unread_pages)).count:
            known[note.kind] = left
    before = known["recognised_pages"].names if "recognised_pages" in known else ()
    if numbers := sorted({*map(int, before), *pages}):
        known["recognised_pages"] = _of_pages("recognised_pages", numbers)
    if doubtful := sorted(number for number, page in pages.items() if page.unread_lines):
        known["unread_lines"] = _of_pages("unread_lines", doubtful)
    return [known[kind] for kind in KINDS if kind in known]


def _without(note: Note, settled: Set[int], unread: Sequence[int]) -> Note:
    if note.kind == "picture_pages":
        return _of_pages(note.kind, [number for number in unread if number not in settled])
    names = tuple(name for name in note.names if not (name.isdigit() and int(name) in settled))
    return Note(note.kind, note.count - len(note.names) + len(names), names)


def _of_pages(kind: str, numbers: Sequence[int]) -> Note:
    return Note(kind, len(numbers), tuple(map(str, numbers[:NAMES_KEPT])))
