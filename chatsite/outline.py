"""A document's headings, and where in its text they stand."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from retrieval.errors import PagesUnavailable
from retrieval.models import Chunk, Document
from retrieval.pages import has_pages, page_contents
from retrieval.search import document_text

MOST = 500  # entries; an outline is for finding one's way
_WHOLE_CHARACTERS = 1_000_000  # of Markdown; in a longer text, only the headings that chunks begin with are shown
_MARKDOWN = (".md", ".markdown")
_HEADING = re.compile(r"(?P<fence>^ {0,3}(?:```|~~~))|^(?P<marks>#{1,6})[ \t]+(?P<title>.*?)[ \t#]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Entry:
    """A heading; `start` to `end` is its line in the text, and empty where it only names a page."""

    level: int  # 1 is the top
    title: str
    start: int
    end: int


def outline(document: Document) -> list[Entry]:
    """The document's headings in order: a PDF's own bookmarks, Markdown's marked lines, else those above its chunks."""
    if has_pages(document) and (entries := list(_bookmarks(document))):
        return entries[:MOST]
    if document.filename.lower().endswith(_MARKDOWN) and document.characters <= _WHOLE_CHARACTERS:
        return list(islice(_markdown(document_text(document)), MOST))
    return _of_chunks(document)


def _bookmarks(document: Document) -> Iterator[Entry]:
    try:
        bookmarks = page_contents(document).bookmarks
    except PagesUnavailable:
        return
    for bookmark in bookmarks:
        if bookmark.title.strip() and bookmark.page <= len(document.page_starts):
            start = document.page_starts[bookmark.page - 1]
            yield Entry(bookmark.level, bookmark.title, start, start)


def _markdown(text: str) -> Iterator[Entry]:
    fenced = False
    for match in _HEADING.finditer(text):
        if match["fence"]:
            fenced = not fenced
        elif not fenced and match["title"]:
            yield Entry(len(match["marks"]), match["title"], *match.span())


def _of_chunks(document: Document) -> list[Entry]:
    """A chunk knows the path of headings above it, not where they stand: each is looked for around the first chunk that
    has it, as a line of its own."""
    live = document.chunks.filter(generation=document.live_generation).order_by("position")
    rows = live.values_list("position", "heading")
    changes = list(islice(_changes(rows), MOST))
    wanted = {at for position, _, _ in changes for at in (position - 1, position)}
    chunks = {chunk.position: chunk for chunk in live.filter(position__in=wanted)}
    entries: list[Entry] = []
    for position, level, title in changes:
        after = entries[-1].end if entries else 0
        around = [chunks[at] for at in (position - 1, position) if at in chunks]
        entries.append(_line_of(title, around, level=level, after=after))
    return entries


def _changes(rows: Iterable[tuple[int, str]]) -> Iterator[tuple[int, int, str]]:
    """Each heading that a chunk has and the one before it has not: the chunk's position, its level and its title."""
    before: list[str] = []
    for position, heading in rows:
        path = heading.split(" > ") if heading else []
        same = next((i for i, (old, new) in enumerate(zip(before, path, strict=False)) if old != new), None)
        first = min(len(before), len(path)) if same is None else same
        yield from ((position, level, path[level - 1]) for level in range(first + 1, len(path) + 1))
        before = path


def _line_of(title: str, around: list[Chunk], *, level: int, after: int) -> Entry:
    text, offset = "".join(chunk.text for chunk in around), around[0].start
    words = r"\s+".join(map(re.escape, title.split()))
    line = re.compile(rf"^[ \t#]*{words}[ \t#]*$", re.MULTILINE)
    found = line.search(text, max(0, after - offset))
    if found:
        return Entry(level, title, offset + found.start(), offset + found.end())
    start = max(after, around[-1].start)
    return Entry(level, title, start, start)


def current(entries: list[Entry], *, start: int) -> int | None:
    """The index of the heading that character `start` stands under."""
    at = bisect_left([entry.start for entry in entries], start + 1) - 1
    return at if at >= 0 else None
