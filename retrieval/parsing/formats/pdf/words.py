"""Words of a PDF's page, each with its place, and how the signs of a line are put together again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from retrieval.parsing.formats.extracted import clean
from retrieval.parsing.formats.pdf.glyphs import Glyphs, whole

_LEADER = re.compile(r"[ \t]*(?:[.．·…‥][ \t]*){5,}|[ \t]*(?:[…‥][ \t]*){2,}(?=[ \t]*[\d０-９])")
_HYPHENS = "\x02\ufffe"  # how pdfium marks a hyphen at the end of a line
_HAN = "\u2e80-\u2fdf\u3001-\u30ff\u3100-\u312f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uffef…"
_HAN_SIGN = re.compile(f"[{_HAN}\ud840-\udfff]")
WORD = re.compile(r"[^\s\x02\ufffe]+[\x02\ufffe]?|[\x02\ufffe]")
_RAISED = re.compile(r"[+\-−–]?[\dA-Za-z][\dA-Za-z.,;*()+\-−–/ ]{0,11}")
_ORDINAL = re.compile(r"(?:st|nd|rd|th|er|re|ère|e|ème|nde?|os?|as)\b", re.IGNORECASE)
_CLOSE, _SPACED = 0.08, 0.9  # of a line's height: the gap between Han characters that is no blank
_STEP = 0.1  # of a sign's height: a change of the baseline
_SMALLER = 0.86  # of its neighbour's height: a raised or lowered sign
_RAISED_BY = 0.12  # of its neighbour's height


class PrintedWord(NamedTuple):
    """Characters `start` to `end` of a page's glyphs, beside each other, and their place in points."""

    start: int
    end: int
    left: float
    bottom: float
    right: float
    top: float
    runs_down: bool = False  # its signs stand one below the other

    @property
    def height(self) -> float:
        return self.top - self.bottom

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2


def words_of(glyphs: Glyphs, start: int, end: int) -> Iterator[PrintedWord]:
    """Yield the words between two of a page's characters. Where the baseline changes, a word begins."""
    lefts, bottoms, rights, tops = glyphs.boxes
    for found in WORD.finditer(glyphs.text, start, end):
        first, beyond = found.span()
        level = bottoms[first:beyond]
        if level.count(level[0]) == len(level) and lefts[first] <= lefts[beyond - 1]:  # the usual case
            yield PrintedWord(first, beyond, lefts[first], level[0], rights[beyond - 1], max(tops[first:beyond]))
            continue
        word = _word(glyphs, first, beyond)
        if max(level) - word.bottom > 0.1 * word.height:
            yield from _split(glyphs, word)
        else:
            yield word


def _split(glyphs: Glyphs, word: PrintedWord) -> Iterator[PrintedWord]:
    """Yield the runs of signs on one baseline, and those that stand one below the other."""
    baselines = [glyphs.baseline_of(index) for index in range(word.start, word.end)]
    begun, runs_down = word.start, False
    for index in range(word.start + 1, word.end):
        step = _step(glyphs, index, baselines[index - 1 - word.start] - baselines[index - word.start])
        fits = step == "down" if runs_down else step == "along" or (step == "down" and index == begun + 1)
        if not fits:
            yield _word(glyphs, begun, index, runs_down=runs_down)
            begun, runs_down = index, False
        elif step == "down":
            runs_down = True
    yield _word(glyphs, begun, word.end, runs_down=runs_down)


def _step(glyphs: Glyphs, index: int, drop: float) -> str:
    """Return how a sign follows the one before it: along the line, down the page, or otherwise."""
    lefts, bottoms, rights, tops = glyphs.boxes
    height = max(tops[index] - bottoms[index], tops[index - 1] - bottoms[index - 1])
    if abs(drop) <= _STEP * height:
        return "along"
    middles = [(lefts[place] + rights[place]) / 2 for place in (index - 1, index)]
    is_below = 0.5 * height < drop < 2.5 * height and abs(middles[0] - middles[1]) < height / 3
    return "down" if is_below and _HAN_SIGN.match(glyphs.text, index - 1) else "away"


def text_of(glyphs: Glyphs, words: Sequence[PrintedWord]) -> str:
    """Return the line that these words are: with the blanks of the file, "^" before raised signs, no blanks between
    Han characters, and few dots for a leader. A hyphen at its end is marked as pdfium does."""
    text = glyphs.text[words[0].start : words[-1].end]
    if "\n" in text or len(text.split()) != len(words) or max(text) > "\u2e80" or not glyphs.is_clean:
        text = _put_together(glyphs, words)
    return tidied(text)


def tidied(text: str) -> str:
    """Return a line with few dots for a leader, without blanks around it, and a hyphen at its end marked."""
    broken = text[-1:] in _HYPHENS
    text = text.replace("\x02", "-").replace("\ufffe", "-")
    if text.count(".") > 4 or not text.isascii():
        text = _LEADER.sub(" … ", text)
    text = text.strip()
    return text[:-1] + "\x02" if broken and text.endswith("-") else text


def _put_together(glyphs: Glyphs, words: Sequence[PrintedWord]) -> str:
    close = _SPACED if _is_spaced(glyphs, words) else _CLOSE
    parts = [glyphs.text[words[0].start : words[0].end]]
    for one, other in pairwise(words):
        parts += [_between(glyphs, one, other, close=close), glyphs.text[other.start : other.end]]
    text = whole("".join(parts))
    ending = "\x02" if text[-1:] in _HYPHENS else ""
    text = text.removesuffix("\x02").removesuffix("\ufffe").replace("\x02", "-").replace("\ufffe", "-")
    return clean(text).replace("\n", " ") + ending


def _is_spaced(glyphs: Glyphs, words: Sequence[PrintedWord]) -> bool:
    """Return whether the Han characters of a line stand one by one."""
    han = [word for word in words if _HAN_SIGN.match(glyphs.text, word.start)]
    alone = sum(word.end - word.start == 1 for word in han)
    return alone > 2 and alone > 0.6 * len(han)


def _word(glyphs: Glyphs, start: int, end: int, *, runs_down: bool = False) -> PrintedWord:
    lefts, bottoms, rights, tops = glyphs.boxes
    signs = slice(start, end)
    sides = min(lefts[signs]), min(bottoms[signs]), max(rights[signs]), max(tops[signs])
    return PrintedWord(start, end, *sides, runs_down)


def _between(glyphs: Glyphs, one: PrintedWord, other: PrintedWord, *, close: float) -> str:
    """Return what stands between two words of a line. Between Han characters that is nothing up to a gap of `close`,
    as a part of their height."""
    between = glyphs.text[one.end : other.start] if one.end <= other.start else " "
    gap = max(other.left - one.right, one.left - other.right)
    height = max(one.height, other.height)
    if between.strip(" \t\xa0\u3000"):  # a line end, or signs that went elsewhere
        between = "" if gap < 0.1 * height else " "
    elif not between and gap > 0.25 * height:
        between = " "
    if between and not between.strip(" ") and gap < close * height and _are_han(glyphs, one, other):
        between = ""
    return between or _joint(glyphs, one, other)


def _are_han(glyphs: Glyphs, one: PrintedWord, other: PrintedWord) -> bool:
    signs = _HAN_SIGN.match(glyphs.text, one.end - 1), _HAN_SIGN.match(glyphs.text, other.start)
    return None not in signs


def _joint(glyphs: Glyphs, one: PrintedWord, other: PrintedWord) -> str:
    """Return "^" between a sign and a raised one, and a blank between the raised number of a note and its text."""
    raised = glyphs.text[other.start : other.end]
    if is_raised(glyphs, other, by=one) and _RAISED.fullmatch(raised):
        base = glyphs.text[one.end - 1]
        if raised in ("a", "A") and not base.isdigit():  # as in LaTeX's name
            return ""
        if raised.isalpha() and (_ORDINAL.fullmatch(raised) or len(raised) > 2):
            return ""
        return "^" if base.isalnum() or base in ")]’”\"'.,;:%?!»" else ""
    if _is_above(glyphs, other, than=one) and _RAISED.fullmatch(raised):
        return "^"
    if is_raised(glyphs, one, by=other) and glyphs.text[one.start : one.end].isdigit() and _opens_line(glyphs, one):
        return " " if glyphs.text[other.start].isalpha() else ""
    return ""


def is_raised(glyphs: Glyphs, word: PrintedWord, *, by: PrintedWord) -> bool:
    """Return whether a word is smaller than its neighbour and stands above its line."""
    if not 0 < word.height < _SMALLER * by.height:
        return False
    return glyphs.baseline_of(word.start) - glyphs.baseline_of(by.start) > _RAISED_BY * by.height


def _is_above(glyphs: Glyphs, word: PrintedWord, *, than: PrintedWord) -> bool:
    """Return whether a small word is raised behind one that is lowered, as in the formula of an ion."""
    height = min(word.height, than.height)
    if height < _SMALLER * max(word.height, than.height) or word.bottom - than.bottom < height / 2:
        return False
    return glyphs.baseline_of(word.start) - glyphs.baseline_of(than.start) > height / 2


def _opens_line(glyphs: Glyphs, word: PrintedWord) -> bool:
    before = glyphs.text[: word.start].rstrip(" ")[-1:] if word.start < 200 else glyphs.text[word.start - 1]
    return before in ("", "\r", "\n", *_HYPHENS)
