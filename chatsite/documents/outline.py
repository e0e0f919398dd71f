"""A document's headings, and where in its text they stand."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from django.db.models import Q

from retrieval.errors import PagesUnavailable
from retrieval.models import Chunk, Document
from retrieval.pages.pages import has_pages, page_contents
from retrieval.text.headings import section_name
from retrieval.texts import document_text

MOST = 500  # entries; an outline is for finding one's way
_WHOLE_CHARACTERS = 1_000_000  # of Markdown; in a longer text, only the headings that chunks begin with are shown
_MARKDOWN = (".md", ".markdown")
_AT_ONCE = 100  # in a query: SQLite refuses a condition of more than a thousand parts
_HEADING = re.compile(r"(?P<fence>^ {0,3}(?:```|~~~))|^(?P<marks>#{1,6})[ \t]+(?P<title>.*?)[ \t#]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class OutlineEntry:
    """A heading; `start` to `end` is its line in the text, and empty where it only names a page."""

    level: int  # 1 is the top
    title: str
    start: int
    end: int


def outline(document: Document) -> list[OutlineEntry]:
    """Return the document's headings in order: a PDF's own bookmarks, Markdown's marked lines, else those above its
    chunks."""
    if has_pages(document) and (entries := list(_bookmarks(document))):
        return entries[:MOST]
    if is_markdown(document) and document.characters <= _WHOLE_CHARACTERS:
        return list(islice(_markdown(document_text(document)), MOST))
    return _of_chunks(document)


def is_markdown(document: Document) -> bool:
    """Say whether its text is Markdown."""
    return document.filename.lower().endswith(_MARKDOWN)


def _bookmarks(document: Document) -> Iterator[OutlineEntry]:
    try:
        bookmarks = page_contents(document).bookmarks
    except PagesUnavailable:
        return
    for bookmark in bookmarks:
        if bookmark.title.strip() and bookmark.page <= len(document.page_starts):
            start = document.page_starts[bookmark.page - 1]
            yield OutlineEntry(bookmark.level, bookmark.title, start, start)


def _markdown(text: str) -> Iterator[OutlineEntry]:
    fenced = False
    for match in _HEADING.finditer(text):
        if match["fence"]:
            fenced = not fenced
        elif not fenced and match["title"]:
            yield OutlineEntry(len(match["marks"]), match["title"], *match.span())


def _of_chunks(document: Document) -> list[OutlineEntry]:
    """Find headings without marks: a chunk knows the path of headings above it, not where they stand: each is looked
    for around the first chunk that has it, as a line of its own."""
    live = document.chunks.filter(generation=document.live_generation).order_by("position")
    rows = live.values_list("position", "headings")
    changes = list(islice(_changes(rows), MOST))
    wanted = {at for position, _, _ in changes for at in (position - 1, position)}
    chunks = {chunk.position: chunk for chunk in live.filter(position__in=wanted)}
    entries: list[OutlineEntry] = []
    for position, level, title in changes:
        after = entries[-1].end if entries else 0
        around = [chunks[at] for at in (position - 1, position) if at in chunks]
        entries.append(_line_of(title, around, level=level, after=after))
    return entries


def _changes(rows: Iterable[tuple[int, list[str]]]) -> Iterator[tuple[int, int, str]]:
    """Yield each heading that a chunk has and the one before it has not: the chunk's position, its level and its
    title."""
    before: list[str] = []
    for position, path in rows:
        same = next((i for i, (old, new) in enumerate(zip(before, path, strict=False)) if old != new), None)
        first = min(len(before), len(path)) if same is None else same
        yield from ((position, level, path[level - 1]) for level in range(first + 1, len(path) + 1))
        before = path


def _line_of(title: str, around: list[Chunk], *, level: int, after: int) -> OutlineEntry:
    text, offset = "".join(chunk.text for chunk in around), around[0].start
    words = r"\s+".join(map(re.escape, title.split()))
    line = re.compile(rf"^[ \t#]*{words}[ \t#]*$", re.MULTILINE)
    found = line.search(text, max(0, after - offset))
    if found:
        return OutlineEntry(level, title, offset + found.start(), offset + found.end())
    start = max(after, around[-1].start)
    return OutlineEntry(level, title, start, start)


def current(entries: list[OutlineEntry], *, start: int) -> int | None:
    """Return the index of the heading that character `start` stands under."""
    at = bisect_left([entry.start for entry in entries], start + 1) - 1
    return at if at >= 0 else None


Place = tuple[Document, int]
"""A character of a document."""


def sections(places: Iterable[Place]) -> dict[tuple[int, int], str]:
    """Return the path of headings above each of `places`, "Setup > Windows", by the document's id and the character;
    empty where there is none. It leaves out a heading that is the document's title. One query for each hundred places.
    """
    wanted = list({(document.pk, at): document for document, at in places}.items())
    found = {}
    for batch in (wanted[first : first + _AT_ONCE] for first in range(0, len(wanted), _AT_ONCE)):
        covering = Q(pk__in=())
        for (pk, at), document in batch:
            covering |= Q(document=pk, generation=document.live_generation, start__lte=at, end__gt=at)
        chunks = list(Chunk.objects.filter(covering))
        for (pk, at), document in batch:
            chunk = next((c for c in chunks if c.document_id == pk and c.start <= at < c.end), None)
            found[pk, at] = _section(document, chunk, at) if chunk else ""
    return found


def _section(document: Document, chunk: Chunk, at: int) -> str:
    """Name the section: a chunk knows the headings above its beginning; short sections share one, and there Markdown
    tells them."""
    path = chunk.headings
    inside = list(_markdown(chunk.text[: at - chunk.start])) if is_markdown(document) else []
    if inside:
        below = _open(inside)
        begins_with_it = path[-1:] == [inside[0].title] and not chunk.text[: inside[0].start].strip()
        above = path[:-1] if begins_with_it and below[0].level == inside[0].level else []
        path = above + [entry.title for entry in below]
    is_title = bool(path) and path[0].casefold() == document.title.casefold()
    return section_name(path[1:] if is_title else path)


def _open(entries: Iterable[OutlineEntry]) -> list[OutlineEntry]:
    """Return the headings above the last entry, and that entry, outermost first."""
    above: list[OutlineEntry] = []
    for entry in entries:
        above = [outer for outer in above if outer.level < entry.level] + [entry]
    return above
