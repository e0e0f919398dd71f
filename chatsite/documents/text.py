"""A document as the reader shows it: blocks of its exact text, with the quoted characters marked.

Long documents are shown in windows of whole chunks, so a page stays light whatever was uploaded.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from chatsite.documents.outline import OutlineEntry
from retrieval.models import Document

WINDOW_CHARACTERS = 60_000


@dataclass(frozen=True, slots=True)
class Marks:
    """What is marked in a text: the quote, `start` to `end` (nothing when they are the same), and what was found, in
    order and without overlaps."""

    start: int = 0
    end: int = 0
    found: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True, slots=True)
class Part:
    text: str
    quoted: bool = False
    found: bool = False
    first: bool = False  # of the quoted parts: a quote that crosses a page has several
    syntax: bool = False  # what marks a heading as one


@dataclass(frozen=True, slots=True)
class Block:
    """Characters `start` to `end` of the document; `page` is what is printed as the number of the page that begins with
    it, `level` of a heading. `place` where the reader was asked to begin."""

    start: int
    end: int
    page: str
    parts: tuple[Part, ...]
    level: int = 0
    place: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a document: its `text`, which begins at `start`, as blocks. `previous_start` and `next_start` open the
    windows around this one; None at the document's ends."""

    blocks: tuple[Block, ...]
    previous_start: int | None = None
    next_start: int | None = None
    text: str = ""
    start: int = 0


def document_window(document: Document, *, marks: Marks, headings: Sequence[OutlineEntry] = ()) -> Window:
    """Return the part of `document` around what is marked; its beginning without marks."""
    first = max(0, min(marks.start, document.characters - 1) - WINDOW_CHARACTERS // 4)
    chunks = list(
        document.chunks.filter(
            generation=document.live_generation, end__gt=first, start__lt=max(first + WINDOW_CHARACTERS, marks.end)
        ).order_by("position")
    )
    if not chunks:
        return Window(())
    text = "".join(chunk.text for chunk in chunks)
    from_, to = chunks[0].start, chunks[-1].end
    return Window(
        tuple(_blocks(document, text, offset=from_, marks=marks, headings=headings)),
        previous_start=max(0, from_ - WINDOW_CHARACTERS * 3 // 4) if from_ > 0 else None,
        next_start=to + WINDOW_CHARACTERS // 4 if to < document.characters else None,
        text=text,
        start=from_,
    )


def passage_blocks(document: Document, *, start: int, end: int, marked: tuple[int, int]) -> tuple[Block, ...]:
    """Characters `start` to `end` of `document` and no others, with those between `marked` marked."""
    chunks = document.chunks.filter(generation=document.live_generation, end__gt=start, start__lt=end)
    ordered = list(chunks.order_by("position"))
    if not ordered:
        return ()
    first = ordered[0].start
    start = max(start, first)
    text = "".join(chunk.text for chunk in ordered)[start - first : end - first]
    return tuple(_blocks(document, text, offset=start, marks=Marks(*marked), headings=()))


def _blocks(
    document: Document, text: str, *, offset: int, marks: Marks, headings: Sequence[OutlineEntry]
) -> Iterator[Block]:
    """Yield one block a heading, and one for what stands between headings and page beginnings."""
    end = offset + len(text)
    starts: Sequence[int] = document.page_starts
    titles = {entry.start: entry for entry in headings if entry.end > entry.start}
    lines = (edge for entry in titles.values() for edge in (entry.start, _behind(text, entry.end - offset) + offset))
    place = _line_start(text, marks.start - offset) + offset if marks.start and marks.end <= marks.start else -1
    inside = {edge for edge in (*starts, *lines, place) if offset < edge < end}
    for start, until in pairwise(sorted({offset, end} | inside)):
        page = bisect_right(starts, start) if document.page_count and (start in starts or start == offset) else 0
        heading = titles.get(start)
        parts = cut(text[start - offset : until - offset], start, marks)
        yield Block(
            start,
            until,
            document.page_label(page or None),
            tuple(_with_syntax(parts) if heading else parts),
            level=heading.level if heading else 0,
            place=start == place,
        )


def _behind(text: str, at: int) -> int:
    """Past the line end at `at`, and past the empty line that follows a heading: they belong to it."""
    return at + len(text[max(at, 0) : at + 2]) - len(text[max(at, 0) : at + 2].lstrip("\n"))


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, max(at, 0)) + 1


def cut(text: str, offset: int, marks: Marks) -> Iterator[Part]:
    """Yield `text`, which stands at `offset`, cut where marked characters begin and end."""
    end = offset + len(text)
    found = [(first, last) for first, last in marks.found if first < end and last > offset]
    firsts = [first for first, _ in found]
    inside = [edge for pair in (*found, (marks.start, marks.end)) for edge in pair if offset < edge < end]
    for start, until in pairwise(sorted({offset, end, *inside})):
        at = bisect_right(firsts, start) - 1
        yield Part(
            text[start - offset : until - offset],
            quoted=marks.start <= start and until <= marks.end,
            found=at >= 0 and until <= found[at][1],
            first=start == marks.start < marks.end,
        )


def _with_syntax(parts: Iterator[Part]) -> Iterator[Part]:
    """Yield a heading's parts, the marks of Markdown apart."""
    first = next(parts)
    marks = re.match(r"[ \t]*#+[ \t]+", first.text)
    if marks and not first.quoted:
        yield Part(marks[0], syntax=True)
        first = Part(first.text[marks.end() :], found=first.found)
    if first.text:
        yield first
    yield from parts
