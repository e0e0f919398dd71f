"""A document as the reader shows it: blocks of its exact text, with the quoted characters marked.

Long documents are shown in windows of whole chunks, so a page stays light whatever was uploaded.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from retrieval.models import Document

WINDOW_CHARACTERS = 60_000


@dataclass(frozen=True, slots=True)
class Part:
    text: str
    quoted: bool
    first: bool = False  # of the quoted parts: a quote that crosses a page has several


@dataclass(frozen=True, slots=True)
class Block:
    """Characters `start` to `end` of the document; `page` where a page begins with it."""

    start: int
    end: int
    page: int | None
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Window:
    blocks: tuple[Block, ...]
    previous_url: str | None
    next_url: str | None


def document_window(document: Document, *, start: int | None, end: int | None) -> Window:
    """The part of `document` around characters `start` to `end`, which are marked; its beginning without them."""
    marked = (start or 0, end if end is not None else start or 0)
    first = max(0, min(marked[0], document.characters - 1) - WINDOW_CHARACTERS // 4)
    chunks = list(
        document.chunks.filter(
            generation=document.live_generation, end__gt=first, start__lt=max(first + WINDOW_CHARACTERS, marked[1])
        ).order_by("position")
    )
    if not chunks:
        return Window((), None, None)
    text = "".join(chunk.text for chunk in chunks)
    from_, to = chunks[0].start, chunks[-1].end
    blocks = tuple(_blocks(document, text, offset=from_, marked=marked))
    url = document.get_absolute_url()
    return Window(
        blocks,
        previous_url=f"{url}?start={max(0, from_ - WINDOW_CHARACTERS * 3 // 4)}" if from_ > 0 else None,
        next_url=f"{url}?start={to + WINDOW_CHARACTERS // 4}" if to < document.characters else None,
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
    return tuple(_blocks(document, text, offset=start, marked=marked))


def _blocks(document: Document, text: str, *, offset: int, marked: tuple[int, int]) -> Iterator[Block]:
    """One block a page; a document without pages is one block."""
    starts: Sequence[int] = document.page_starts or [0]
    end = offset + len(text)
    at = offset
    while at < end:
        number = bisect_right(starts, at)
        until = min(end, starts[number]) if number < len(starts) else end
        page = number if document.page_count and number else None
        yield Block(at, until, page, tuple(_parts(text[at - offset : until - offset], at, marked)))
        at = until


def _parts(text: str, offset: int, marked: tuple[int, int]) -> Iterator[Part]:
    """`text`, which stands at `offset`, cut where the marked characters begin and end."""
    first, last = (min(max(edge - offset, 0), len(text)) for edge in marked)
    for piece, quoted in ((text[:first], False), (text[first:last], True), (text[max(first, last) :], False)):
        if piece:
            yield Part(piece, quoted, first=quoted and offset <= marked[0])
