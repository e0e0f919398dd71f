"""Words that a hyphen breaks at the end of a line: made whole, or kept as the compounds they are.

A compound and a cut word end a line alike ("well-" and "encyclo-"). What tells them apart is, in this order: how the
document writes the word elsewhere, whether figures or capitals stand beside the hyphen, and the words of the language.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path

from retrieval.parsing.formats.pdf.lines import PageLine
from retrieval.text.language import likely_language

_BROKEN = "\x02"  # a line's last sign where pdfium sees a word go on
_HYPHENS = ("-", "‐", _BROKEN)
_ENDING = re.compile("((?:[^\\W_]+[-‐])*)([^\\W_]+)[-‐\x02]\\Z")
_BEGINNING = re.compile(r"([^\W_]+)")
_WORD = re.compile(r"[^\W\d_]+(?:[-‐][^\W\d_]+)*(?![-‐\x02]$)", re.MULTILINE)
_LETTERS = re.compile(r"[^\W\d_]+")
_LISTED = {"en", "fr", "es", "pt", "it"}  # whose compounds are written with hyphens, and whose words are at hand
_SAMPLE = 20_000  # characters that tell the language
_COMMON = 100  # times that the list of words counted a word: "nonsmoker" has 50, "online" 23,000
_VERY_COMMON = 1_000
_PREFIXES = frozenset(
    {"non", "self", "well", "ex", "anti", "co", "pre", "post", "semi", "multi", "mid", "all", "half", "e", "x"}
)
# Behind these the word before the hyphen is the first half of two: "in- and outside", "Vor- und Nachteile".
_JOINING_WORDS = frozenset(
    {"and", "or", "to", "und", "oder", "bis", "bzw", "sowie", "et", "ou", "y", "o", "e", "ed", "od", "en", "of", "och"}
)
_ADDRESS = re.compile(r"\S*(?:://|\bwww\.|@|\w\.\w+/)\S*\Z")  # of a site or for mail, whose hyphens are its own
_MORE_ENGLISH, _ENGLISH = 1_000, 10  # times that a word is counted in English for once in German; the list has 13 times


def join_words(pages: Sequence[list[PageLine]]) -> list[list[PageLine]]:
    """Return the pages with lines joined where one ends in a hyphen and the next goes on with its word."""
    if not any(line.text[-1:] in _HYPHENS for page in pages for line in page):
        return list(pages)
    known = _Words(line.text for page in pages for line in page)
    return [_joined(page, known) for page in pages]


def _joined(page: Sequence[PageLine], known: _Words) -> list[PageLine]:
    lines: list[PageLine] = []
    last: PageLine | None = None  # of those as they are printed
    for line in page:
        if lines and last is not None and (text := known.join(lines[-1].text, line.text)) and _follows(last, line):
            lines[-1] = replace(lines[-1], said=text)
        else:
            lines.append(line)
        last = line
    return [replace(line, said=line.text.replace(_BROKEN, "-")) if _BROKEN in line.text else line for line in lines]


def _follows(one: PageLine, other: PageLine) -> bool:
    """Return whether a line can go on with a word of another: the next one below, or the first of another column."""
    if other.top > one.top:
        return True
    return one.bottom - other.top < 1.5 * one.height


class _Words:
    """The words of a document and of its language."""

    def __init__(self, texts: Iterable[str]) -> None:
        whole = "\n".join(texts)
        self._own = set(_WORD.findall(whole.casefold()))
        self._sample = whole[:_SAMPLE]

    @cached_property
    def _language(self) -> str:
        """The document's language, told by its small words: a model that tells more languages takes 0.6 s to load."""
        language = likely_language(_LETTERS.findall(self._sample.casefold()))
        return language if language in _LISTED else ""

    def join(self, text: str, following: str) -> str:
        """Return a line with the next one behind it; empty when its last word ends with it."""
        if text[-1:] not in _HYPHENS:
            return ""
        ending, beginning = _ENDING.search(text[-100:]), _BEGINNING.match(following[:100])
        if not ending or not beginning:
            return ""
        first, second = ending[2], beginning[1]
        if second.casefold() in _JOINING_WORDS or (text[-1] == "-" and not (first + second).isdigit()):
            return ""
        in_address = _ADDRESS.search(text[-100:].split()[-1]) is not None
        is_compound = self._is_compound(ending[1], first, second, in_address=in_address)
        return text[:-1] + ("-" if is_compound else "") + following

    def _is_compound(self, before: str, first: str, second: str, *, in_address: bool) -> bool:
        if first[-1].isdigit() or second[0].isdigit():
            return True
        if second[0].isupper() and not (first + second).isupper():
            return True
        first, second = first.casefold(), second.casefold()
        apart = f"{before.casefold()}{first}-{second}" in self._own or f"{first}-{second}" in self._own
        together = before.casefold() + first + second in self._own
        if apart != together:
            return apart
        if in_address or (len(first) == 1 and not before):  # "T-shirt"
            return True
        return self._reads_as_compound(first, second) if self._language else _reads_as_english(first, second)

    def _reads_as_compound(self, first: str, second: str) -> bool:
        together = _times(first + second, self._language)
        if first in _PREFIXES:
            return together < _VERY_COMMON and _times(second, self._language) > 0
        parts = min(_times(first, self._language), _times(second, self._language))
        return together < _COMMON <= parts and len(first) > 1


def _reads_as_english(first: str, second: str) -> bool:
    """Return whether an English compound stands in a text of a language that writes its own in one: "self-service"."""
    if _times(first + second, "en") >= _VERY_COMMON or min(_times(first, "en"), _times(second, "en")) < _COMMON:
        return False
    return (
        _times(first, "en") >= _MORE_ENGLISH * _times(first, "de")
        and _times(second, "en") >= _ENGLISH * _times(second, "de")
        and not _times(first + second, "de")
    )


def _times(word: str, language: str) -> int:
    """Return how often a list of the language's words counted this one; 0 when it isn't there."""
    listed, key = _list_of(language), f'"{word}": '.encode()
    low, high = 0, len(listed)
    while low < high:  # the lines are sorted, and the one sought begins between the two
        begin = listed.rfind(b"\n", low, (low + high) // 2) + 1 or low
        end = listed.find(b"\n", begin, high) + 1 or high
        line = listed[begin:end]
        if line.startswith(key):
            figure = line.removeprefix(key).rstrip(b",\n")
            return int(figure) if figure.isdigit() else 0
        low, high = (end, high) if line < key else (low, begin)
    return 0


@cache
def _list_of(language: str) -> bytes:
    """Return pyspellchecker's list of words with how often they were counted: its JSON, the lines of its words,
    sorted. Taking it apart costs ten times the memory and time."""
    package = find_spec("spellchecker")
    folders = package.submodule_search_locations if package else None
    path = Path(folders[0], "resources", f"{language}.json.gz") if folders else None
    return gzip.decompress(path.read_bytes()).removeprefix(b"{\n") if path and path.exists() else b""
