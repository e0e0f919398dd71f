"""What every reader of a format returns, and how it is put together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from retrieval.errors import ParsingError
from retrieval.notes import Note, Notes, notes_from_json
from retrieval.reasons import gettext_noop as _
from retrieval.text.cleaning import clean as clean
from retrieval.text.headings import Heading

HEADINGS_LIMIT = 20_000  # of a text; what follows them is text alone
_BUILT_LIMIT = 50_000_000  # characters, whatever the caller's limit is: small files can say the same text many times
_ISO_DATE = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})")
_EARLIEST = date(1970, 1, 1)  # what lies before it is a default or a slip, not when a file was written


@dataclass(frozen=True, slots=True)
class RecognisedLine:
    """Where characters `start` to `end` of the text stand side by side on the picture of a 1-based page. Character i of
    them reaches from `edges[i]` to `edges[i + 1]`, in fractions of the page's width; `top` and `bottom` are of its
    height."""

    start: int
    end: int
    page: int
    top: float
    bottom: float
    edges: tuple[float, ...]

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> RecognisedLine:
        return cls(**(plain | {"edges": tuple(plain["edges"])}))


@dataclass(frozen=True)
class Extracted:
    """What a file holds. Offsets count code points of `text`.

    `page_starts`: where its pages begin, none for formats without pages. `page_labels`: what is printed as each page's
    number ("iii", "A-2"); none where pages are numbered from 1. `headings`: in the order of the text. `unsearched`:
    spans (start, end) that stay in the text but rank nothing, in order: lines that repeat on every page. `title`: what
    the file calls itself, empty when it doesn't. `language`: ISO 639-1, empty when unknown. `dated`: the date it bears,
    ISO 8601, empty without one. `unread_pages`: numbers of pages that could not be read because they are pictures.
    `recognised`: where what was read of such pages stands on them, in the order of the text. `pages_end`: where the
    last page ends, if texts that are attached to the file follow. `notes`: what was left out, changed or guessed.
    """

    text: str
    page_starts: list[int] = field(default_factory=list)
    page_labels: list[str] = field(default_factory=list)
    headings: list[Heading] = field(default_factory=list)
    unsearched: list[tuple[int, int]] = field(default_factory=list)
    title: str = ""
    language: str = ""
    dated: str = ""
    unread_pages: list[int] = field(default_factory=list)
    recognised: list[RecognisedLine] = field(default_factory=list)
    pages_end: int | None = None
    notes: list[Note] = field(default_factory=list)

    @classmethod
    def from_json(cls, answer: dict[str, Any], *, max_characters: int | None = None) -> Extracted:
        """Return what a child process answered, which a hostile file may have written. Raises ParsingError when that
        makes no sense."""
        try:
            headings = [Heading(**heading) for heading in answer["headings"]]
            spans = [(start, end) for start, end in answer["unsearched"]]
            notes = notes_from_json(answer["notes"])
            lines = [RecognisedLine.from_json(line) for line in answer["recognised"]]
            read = cls(**(answer | {"headings": headings, "unsearched": spans, "notes": notes, "recognised": lines}))
            makes_sense = _makes_sense(read, len(read.text) if max_characters is None else max_characters)
        except (TypeError, KeyError, ValueError, AttributeError):
            makes_sense = False
        if not makes_sense:
            raise ParsingError(_("The parser's answer makes no sense."))
        return read


def _makes_sense(read: Extracted, most: int) -> bool:
    """Return whether the text can be stored, and all places lie in it and in order. May raise TypeError or ValueError
    for what is of another type."""
    read.text.encode()  # raises UnicodeEncodeError, a ValueError, for half a character
    words = [read.text, read.title, read.language, read.dated, *read.page_labels]
    words += [heading.title for heading in read.headings]
    end = len(read.text)
    return (
        end <= most
        and len(read.headings) <= HEADINGS_LIMIT
        and all(isinstance(word, str) and "\0" not in word for word in words)
        and _in_order(read.page_starts, end)
        and _in_order([heading.start for heading in read.headings], end)
        and all(isinstance(heading.level, int) and heading.level > 0 for heading in read.headings)
        and _in_order([place for span in read.unsearched for place in span], end)
        and lines_make_sense(read.recognised, end)
        and (read.pages_end is None or _in_order([read.pages_end], end))
        and all(page > 0 for page in read.unread_pages)
    )


def lines_make_sense(lines: Sequence[RecognisedLine], end: int) -> bool:
    """Return whether the lines lie in a text of `end` characters in order, and on the page. May raise TypeError for
    what is of another type."""
    edges = [edge for line in lines for edge in (line.top, line.bottom, *line.edges)]
    return (
        _in_order([place for line in lines for place in (line.start, line.end)], end)
        and all(type(line.page) is int and line.page > 0 for line in lines)
        and all(isinstance(edge, int | float) and -1 <= edge <= 2 for edge in edges)
    )


def _in_order(places: list[int], end: int) -> bool:
    return (
        all(isinstance(place, int) for place in places)
        and all(one <= other for one, other in pairwise(places))
        and (not places or (places[0] >= 0 and places[-1] <= end))
    )


def plausible_date(text: str | None) -> str:
    """Return the first date in `text` that begins like ISO 8601 (2024-05-31, with or without dashes), as ISO 8601;
    empty without one, before 1970, or in the future."""
    found = _ISO_DATE.search(text or "")
    if not found:
        return ""
    try:
        day = date(*map(int, found.groups()))
    except ValueError:
        return ""
    tomorrow = date.today() + timedelta(days=1)  # where it was written the day may have begun already
    return day.isoformat() if _EARLIEST < day <= tomorrow else ""


def first_date(texts: Iterable[str | None]) -> str:
    """Return the date of the first of `texts` that holds a plausible one, as ISO 8601; empty without one."""
    return next(filter(None, map(plausible_date, texts)), "")


def row_line(cells: Iterable[str]) -> str:
    """Return a table's row as a line; empty when no cell holds anything."""
    flat = [" ".join(cell.split()) for cell in cells]
    return f"| {' | '.join(flat)} |" if any(flat) else ""


class Blocks:
    """Text under construction: blocks with an empty line between them, which may be spread over pages. `notes` takes
    what is to be said of how it was read; `title` what the file calls itself."""

    def __init__(self) -> None:
        self.notes = Notes()
        self.title = ""
        self._parts: list[str] = []
        self._length = 0
        self._headings: list[Heading] = []
        self._page_starts: list[int] = []
        self._pages_waiting = 0
        self._marks: dict[str, int] = {}
        self._marks_waiting: list[str] = []

    def add(self, text: str, *, level: int = 0, close: bool = False) -> None:
        """Append a block; `level` makes it a heading; `close` puts it on the next line, as list items and rows are."""
        text = clean(text).strip("\n")
        if not text.strip():
            return
        separator = "" if not self._parts else "\n" if close else "\n\n"
        start = self._length + len(separator)
        if start + len(text) > _BUILT_LIMIT:
            raise ParsingError(_("It holds more than %(limit)s characters: split it."), limit=_BUILT_LIMIT)
        self._settle(start)
        if level:
            self._headings.append(Heading(start, level, " ".join(text.split())))
        self._parts += [separator, text]
        self._length = start + len(text)

    def begin_page(self) -> None:
        """Put what is added next on a new page."""
        self._pages_waiting += 1

    def mark(self, name: str) -> None:
        """Remember under `name` where the next block begins; the first place of a name counts."""
        self._marks_waiting.append(name)

    def head(self, name: str, *, level: int, title: str) -> None:
        """Make a heading of the place that was marked, unless the text has one there itself."""
        start = self._marks.get(name)
        title = " ".join(clean(title).split())
        if start is not None and title and start not in {heading.start for heading in self._headings}:
            self._headings.append(Heading(start, level, title))

    def head_beginning(self, title: str) -> None:
        """Make `title` the heading of the whole when the text has none of its own."""
        if title and not self._headings and not self.is_empty:
            self._headings.append(Heading(0, 1, " ".join(clean(title).split())))

    @property
    def is_empty(self) -> bool:
        return not self._parts

    def extracted(self, *, dated: str = "") -> Extracted:
        self._settle(self._length)
        headings = sorted(self._headings, key=lambda heading: heading.start)
        return Extracted(
            "".join(self._parts),
            page_starts=self._page_starts,
            headings=headings,
            title=" ".join(clean(self.title).split()),
            dated=dated,
            notes=self.notes.all(),
        )

    def _settle(self, start: int) -> None:
        """Let the pages and marks that waited for the next block begin at `start`."""
        self._page_starts += [start] * self._pages_waiting
        self._pages_waiting = 0
        for name in self._marks_waiting:
            self._marks.setdefault(name, start)
        self._marks_waiting.clear()
