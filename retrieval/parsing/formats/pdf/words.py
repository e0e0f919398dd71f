"""Words of a PDF's page, each with its place, and how the signs of a line are put together again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from retrieval.parsing.formats.extracted import clean
from retrieval.parsing.formats.pdf.glyphs import Glyphs, whole

_LEADER = re.compile(r"[ \t]*(?:[.．·…‥][ \t]*){5,}|[ \t]*(?:[…‥][ \t]*){2,}(?=[ \t]*[\d０-９])")
_HYPHENS = "\x02\ufffe"  # how pdfium marks a hyphen at the end of a line
_HAN = "\u2e80-\u2fdf\u3001-\u30ff\u3100-\u312f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uffef…"
_BETWEEN_HAN = re.compile(f"(?<=[{_HAN}\ud840-\udfff]) +(?=[{_HAN}\ud840-\udfff])")
_RAISED = re.compile(r"[+\-−–]?[\dA-Za-z][\dA-Za-z.,;*()+\-−–/ ]{0,11}")
_ORDINAL = re.compile(r"(?:st|nd|rd|th|er|re|ère|e|ème|nde?|os?|as?)\b", re.IGNORECASE)
_SMALLER = 0.86  # of its neighbour's height: a raised or lowered sign
_RAISED_BY = 0.18  # of its neighbour's height


@dataclass(frozen=True, slots=True)
class PrintedWord:
    """Characters `start` to `end` of a page's glyphs, beside each other, and their place in points."""

    start: int
    end: int
    left: float
    bottom: float
    right: float
    top: float

    @property
    def height(self) -> float:
        return self.top - self.bottom

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2


def words_of(glyphs: Glyphs, start: int, end: int) -> Iterator[PrintedWord]:
    """Yield the words between two of a page's characters. Where the size of signs changes, a word begins."""
    for found in re.compile(r"[^\s\x02\ufffe]+[\x02\ufffe]?|[\x02\ufffe]").finditer(glyphs.text, start, end):
        word = _word(glyphs, *found.span())
        bottoms = glyphs.boxes[1][word.start : word.end]
        if max(bottoms) - word.bottom > 0.1 * word.height:
            yield from _split_by_size(glyphs, word)
        else:
            yield word


def text_of(glyphs: Glyphs, words: Sequence[PrintedWord]) -> str:
    """Return the line that these words are: with the blanks of the file, "^" before raised signs, no blanks between
    Han characters, and few dots for a leader. A hyphen at its end is marked as pdfium does."""
    parts = []
    for number, word in enumerate(words):
        if number:
            parts.append(_between(glyphs, words[number - 1], word))
        parts.append(glyphs.text[word.start : word.end])
    text = whole("".join(parts))
    broken = text[-1:] in _HYPHENS
    text = clean(text.replace("\x02", "-").replace("\ufffe", "-")).replace("\n", " ")
    text = _LEADER.sub(" … ", text).rstrip()
    return text[:-1] + "\x02" if broken and text.endswith("-") else text


def _word(glyphs: Glyphs, start: int, end: int) -> PrintedWord:
    lefts, bottoms, rights, tops = glyphs.boxes
    return PrintedWord(
        start, end, min(lefts[start:end]), min(bottoms[start:end]), max(rights[start:end]), max(tops[start:end])
    )


def _split_by_size(glyphs: Glyphs, word: PrintedWord) -> Iterator[PrintedWord]:
    """Yield the runs of signs of one height and place."""
    _, bottoms, _, tops = glyphs.boxes
    start = word.start
    for index in range(word.start + 1, word.end):
        height = max(tops[index] - bottoms[index], tops[index - 1] - bottoms[index - 1])
        change = abs(bottoms[index] - bottoms[index - 1]) + abs(tops[index] - tops[index - 1])
        if change > 0.15 * height:
            yield _word(glyphs, start, index)
            start = index
    yield _word(glyphs, start, word.end)


def _between(glyphs: Glyphs, one: PrintedWord, other: PrintedWord) -> str:
    """Return what stands between two words of a line."""
    between = glyphs.text[one.end : other.start] if one.end <= other.start else " "
    gap = max(other.left - one.right, one.left - other.right)
    height = max(one.height, other.height)
    if not between or between.isspace():
        if "\n" in between or "\r" in between or (not between and gap > 0.25 * height):
            between = "" if gap < 0.1 * height else " "
    else:
        between = " "
    if not between.strip(" ") and between and gap < 0.45 * height:
        between = "" if _are_han(glyphs.text[one.end - 1], glyphs.text[other.start]) else between
    return between or _joint(glyphs, one, other)


def _are_han(one: str, other: str) -> bool:
    return _BETWEEN_HAN.search(f"{one} {other}") is not None


def _joint(glyphs: Glyphs, one: PrintedWord, other: PrintedWord) -> str:
    """Return "^" between a sign and a raised one, and a blank between the raised number of a note and its text."""
    raised = glyphs.text[other.start : other.end]
    if is_raised(other, by=one) and _RAISED.fullmatch(raised):
        base = glyphs.text[one.end - 1]
        if raised.isalpha() and (_ORDINAL.fullmatch(raised) or len(raised) > 2):
            return ""
        return "^" if base.isalnum() or base in ")]’”\"'.,;:%?!»" else ""
    if is_raised(one, by=other) and glyphs.text[one.start : one.end].isdigit() and _opens_line(glyphs, one):
        return " " if glyphs.text[other.start].isalpha() else ""
    return ""


def is_raised(word: PrintedWord, *, by: PrintedWord) -> bool:
    """Return whether a word is smaller than its neighbour and stands above its line."""
    return 0 < word.height < _SMALLER * by.height and word.bottom - by.bottom > _RAISED_BY * by.height


def _opens_line(glyphs: Glyphs, word: PrintedWord) -> bool:
    before = glyphs.text[: word.start].rstrip(" ")[-1:] if word.start < 200 else glyphs.text[word.start - 1]
    return before in ("", "\r", "\n", *_HYPHENS)
