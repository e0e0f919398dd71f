"""Lines of a PDF's page, as the file writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

from retrieval.parsing.formats.pdf.glyphs import Glyphs
from retrieval.parsing.formats.pdf.words import PrintedWord, is_raised, text_of, words_of

_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
STREAM_LINE = re.compile(r"[^\r\n\x02\ufffe]*[\x02\ufffe]|[^\r\n\x02\ufffe]+")
_SMALLER = 0.86  # of its neighbour's height: a raised or lowered word


@dataclass(frozen=True)
class PageLine:
    """A line of text with its place in points. `words` are its words from first to last; a row of a table has none.
    `number` is that of the line of the file that it comes from."""

    left: float
    bottom: float
    right: float
    top: float
    words: tuple[PrintedWord, ...] = ()
    number: float = 0
    said: str = ""
    glyphs: Glyphs | None = field(default=None, repr=False, compare=False)

    @property
    def height(self) -> float:
        return self.top - self.bottom

    @cached_property
    def text(self) -> str:
        """The text; that of words is put together when it is first asked for, while the page is open."""
        return text_of(self.glyphs, self.words) if self.glyphs else self.said


def reads_right_to_left(texts: Iterable[str]) -> bool:
    """Return whether many letters are of a script that runs from right to left."""
    letters = "".join(texts)
    return len(_RIGHT_TO_LEFT.findall(letters)) > len(letters) / 3


def make_line(glyphs: Glyphs, words: Sequence[PrintedWord], *, number: float = 0) -> PageLine:
    """Return the line that these words make."""
    if len(words) == 1:
        word = words[0]
        return PageLine(word.left, word.bottom, word.right, word.top, (word,), number, glyphs=glyphs)
    return PageLine(
        min([word.left for word in words]),
        min([word.bottom for word in words]),
        max([word.right for word in words]),
        max([word.top for word in words]),
        tuple(words),
        number,
        glyphs=glyphs,
    )


def settled(line: PageLine) -> PageLine:
    """Return the line with its text and without the page's characters."""
    if line.glyphs is None:
        return line
    return PageLine(line.left, line.bottom, line.right, line.top, line.words, line.number, line.text)


def page_text(lines: Iterable[PageLine]) -> str:
    """Return a page's text, with an empty line behind it."""
    return "\n".join(line.text for line in lines).strip() + "\n\n"


def line_spans(lines: Sequence[PageLine]) -> list[tuple[int, int]]:
    """Return where each line begins and ends in the page's text."""
    whole = "\n".join(line.text for line in lines)
    starts = accumulate((len(line.text) + 1 for line in lines), initial=-(len(whole) - len(whole.lstrip())))
    return [(max(0, start), start + len(line.text)) for start, line in zip(starts, lines, strict=False)]


def stream_lines(glyphs: Glyphs) -> Iterator[tuple[int | None, list[PrintedWord]]]:
    """Yield the lines of the page in the order of the file, each with the quarters by which it is turned: what pdfium
    takes for a line, mended where raised signs broke it or where it holds words of two lines."""
    line: list[PrintedWord] = []
    quarter: int | None = 0
    for turned, words in _found_lines(glyphs):
        parts = [words] if turned is None else list(_stepped(words))
        if line and not (turned == quarter is not None and _continues(glyphs, line, parts[0])):
            yield quarter, line
            line = []
        quarter = turned
        line = line + parts[0]
        for part in parts[1:]:
            yield quarter, line
            line = part
    if line:
        yield quarter, line


def _found_lines(glyphs: Glyphs) -> Iterator[tuple[int | None, list[PrintedWord]]]:
    """Yield pdfium's lines as words turned upright, and by how many quarters they are turned; None when they slant."""
    upright = {None: glyphs, 0: glyphs}
    for found in STREAM_LINE.finditer(glyphs.text):
        first = found.end() - len(found[0].lstrip())
        if first == found.end() or not glyphs.shows(first, found.end()):
            continue
        for quarter, start, end in _directions(glyphs, first, found.end()):
            if quarter not in upright:
                upright[quarter] = glyphs.turned(quarter or 0)
            if words := list(words_of(upright[quarter], start, end)):
                yield quarter, words


def _directions(glyphs: Glyphs, start: int, end: int) -> Iterator[tuple[int | None, int, int]]:
    """Yield the runs of characters of a line that are turned alike, as quarters, start and end."""
    begun, quarter = start, glyphs.quarters.get(start, 0)
    if start in glyphs.quarters:
        for index in range(start, end):
            other = glyphs.quarters.get(index, quarter)
            if other != quarter:
                yield quarter, begun, index
                begun, quarter = index, other
    yield quarter, begun, end


def _stepped(words: Iterable[PrintedWord]) -> Iterator[list[PrintedWord]]:
    """Yield the words in lines: one that stands wholly above or below the one before it begins another, and one that
    is written down the page is one."""
    line: list[PrintedWord] = []
    for word in words:
        apart = bool(line) and _overlap(_base(line, word), word) <= 0 < min(line[-1].height, word.height)
        if line and (apart or word.runs_down or line[-1].runs_down):
            yield line
            line = []
        line.append(word)
    if line:
        yield line


def _base(line: Sequence[PrintedWord], word: PrintedWord) -> PrintedWord:
    """Return the word of a line that a small one is raised against: the last, but the one before a lowered one."""
    small = [one for one in (word, line[-1]) if len(line) > 1 and one.height < _SMALLER * line[-2].height]
    return line[-2] if len(small) == 2 and _overlap(line[-2], line[-1]) > 0 else line[-1]


def _continues(glyphs: Glyphs, line: Sequence[PrintedWord], words: Sequence[PrintedWord]) -> bool:
    """Return whether words go on where a line ended, though one is raised or lowered against the other."""
    last, first = line[-1], words[0]
    base = _base(line, first)
    lower = min(base.height, first.height)
    if lower <= 0 or last.runs_down or first.runs_down or _overlap(base, first) < 0.4 * lower:
        return False
    gap = first.left - last.right
    if not -0.2 * lower < gap < 0.6 * max(last.height, first.height):
        return False
    return (
        is_raised(glyphs, first, by=last)
        or is_raised(glyphs, last, by=first)
        or lower < _SMALLER * max(base.height, first.height)
    )


def _overlap(one: PrintedWord, other: PrintedWord) -> float:
    return min(one.top, other.top) - max(one.bottom, other.bottom)
