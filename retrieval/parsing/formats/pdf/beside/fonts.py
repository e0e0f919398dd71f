"""Fonts that don't say which letters they show, or name the wrong ones: what a page holds is not what it shows.

A font may lack a mapping to characters: pdfium tells for which, and gives their codes instead. These may be letters all
the same. Or its mapping is wrong: then the letters make no words.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import NamedTuple

from retrieval.parsing.formats.pdf.letters import Letters
from retrieval.parsing.formats.pdf.library import functions
from retrieval.text.stopwords import STOP_WORDS
from retrieval.text.wordlikeness import plain_letters, wordlikeness

_LETTERS_LIMIT = 50_000  # of a page that are looked at
_NO_WORDS = -5.3  # of `wordlikeness`: letters below it make no words
_SURELY_NONE = -5.8
_WORDS = -4.7  # what is above it makes words
_DOUBTFUL_WORDS = 4  # that a line must have to be judged
_SURE_WORDS = 10  # different ones that make no words, for a page
_UNMAPPED_LETTERS = 10  # that must make no words, for a page
_SHARE_UNREAD = 0.005  # of a page's letters: what is above it is worth recognising the page
_PUNCTUATION = ".,;:!?()\"'“”„‚‘’«»–—-…"
_CODE = set("{}[]<>=\\$#@_/|*+^~`")
_SAMPLE = 400  # letters
_SHIFTS = range(1, 26)
_STEP = 4  # one of so many characters is asked for its mapping first: fonts without one rarely write a single letter
# What needs a second look; of the private characters, those between are Symbol's and Wingdings' own.
_UNNAMED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd\ue000-\uefff\uf100-\uf8ff]")
_PRIVATE = re.compile("[\ufffd\ue000-\uefff\uf100-\uf8ff]")
_EAST_ASIAN = {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "IDEOGRAPHIC", "FULLWIDTH", "BOPOMOFO"}
_SMALL_WORDS = [frozenset(word for word in words if len(word) > 2 and word.isascii()) for words in STOP_WORDS.values()]
_ALL_SMALL_WORDS = frozenset().union(*_SMALL_WORDS)


class Legibility(NamedTuple):
    """How much of a page's text is what the page shows: `letters` that it holds, of which so many are `lost`."""

    letters: int
    lost: int

    @property
    def is_unread(self) -> bool:
        """Return whether so many are lost that the page is better recognised than read."""
        return self.lost > self.letters * _SHARE_UNREAD

    @property
    def is_legible(self) -> bool:
        """Return whether there is more to be read than what is lost."""
        return self.letters > 2 * self.lost


def legibility(letters: Letters) -> Legibility:
    """Return how many of the page's letters its fonts don't tell, or tell wrong."""
    text = letters.text[:_LETTERS_LIMIT]
    count, lost = len(text), 0
    if not letters.is_plain or _UNNAMED.search(text) or 1 in _unmapped(letters, range(0, count, _STEP)):
        unmapped = [error == 1 for error in _unmapped(letters, range(count))]
        codes = map(functions().FPDFText_GetUnicode, repeat(letters.address), range(count))
        text = "".join(map(_character, codes))
        lost = _nameless(text, unmapped) + _exchanged_unmapped(text, unmapped)
    lost = lost or _exchanged(text)
    return Legibility(sum(map(str.isalpha, text)) + lost, lost)


def _unmapped(letters: Letters, indexes: range) -> Iterator[int]:
    """Return for each of these characters 1 when its font names none for it, else 0, or -1 when there is none."""
    return map(functions().FPDFText_HasUnicodeMapError, repeat(letters.address), indexes)


def _character(code: int) -> str:
    """Return the character; a space for half of one beyond U+FFFF, as letters of formulas are."""
    if 0xD800 <= code < 0xE000:
        return " "
    return chr(code) if 0 <= code < 0x110000 else "\ufffd"


# ---- characters without a mapping ------------------------------------------------------------------------------------


def _nameless(text: str, unmapped: Sequence[bool]) -> int:
    """Return how many characters of words have no name. One that stands apart is a bullet or an icon; one that only
    begins words may be a sign; one in a word is a letter."""
    nameless = [_is_nameless(letter, error=error) for letter, error in zip(text, unmapped, strict=True)]
    if not any(nameless):
        return 0
    within = beginning = 0
    for index, lost in enumerate(nameless):
        if not lost:
            continue
        before = _is_letter(text, nameless, index - 1)
        after = _is_letter(text, nameless, index + 1)
        within += before and (after or _is_letter(text, nameless, index - 2))
        beginning += after and not before
    shown = sum(not letter.isspace() for letter in text)
    if sum(nameless) > shown * 0.3:  # whatever they are
        return sum(nameless)
    return within + beginning if within or beginning > 2 else 0


def _is_nameless(letter: str, *, error: bool) -> bool:
    if _PRIVATE.match(letter):
        return True
    return error and letter not in "\t\n\r" and unicodedata.category(letter) in {"Cc", "Cn", "Cf"}


def _is_letter(text: str, nameless: Sequence[bool], index: int) -> bool:
    return 0 <= index < len(text) and (text[index].isalpha() or nameless[index])


def _exchanged_unmapped(text: str, unmapped: Sequence[bool]) -> int:
    """Return how many letters that have no mapping make no words: their codes are not letters, but numbers of
    glyphs."""
    letters = "".join(
        letter if error or letter.isspace() else "\0" for letter, error in zip(text, unmapped, strict=True)
    )
    count = sum(map(str.isalpha, letters))
    if count < _UNMAPPED_LETTERS or _has_script(letters):
        return 0
    words = [*dict.fromkeys(_latin_runs(letters))]
    if len(words) >= _DOUBTFUL_WORDS and wordlikeness(words) > _NO_WORDS:
        return 0
    foreign = sum(letter.isalpha() and not plain_letters(letter) for letter in letters)
    return count if foreign > count / 10 or len(words) >= _DOUBTFUL_WORDS else 0


def _has_script(text: str) -> bool:
    """Return whether nearly all letters are of one script other than Latin."""
    sample = [letter for letter in text if letter.isalpha()][:_SAMPLE]
    scripts = Counter(_script(letter) for letter in sample)
    script, count = scripts.most_common(1)[0]
    return script != "LATIN" and count > 0.9 * len(sample)


def _script(letter: str) -> str:
    name = unicodedata.name(letter, "").partition(" ")[0]
    return "CJK" if name in _EAST_ASIAN else name


def _latin_runs(text: str) -> list[str]:
    runs = "".join(letter if letter.isalpha() else " " for letter in text).split()
    return [plain for plain in map(plain_letters, runs) if len(plain) > 2]


# ---- letters that make no words --------------------------------------------------------------------------------------


def _exchanged(text: str) -> int:
    """Return how many letters stand in lines that make no words."""
    odd: dict[str, None] = {}
    letters = 0
    sure = False
    for line in text.splitlines():
        if not _ALL_SMALL_WORDS.isdisjoint(line.lower().split()):
            continue
        words = _words(line)
        if len(words) >= _DOUBTFUL_WORDS and wordlikeness(words) < _NO_WORDS and not _small_words(words):
            odd |= dict.fromkeys(words)
            letters += sum(map(str.isalpha, line))
            sure = sure or _is_shifted(words)
    if sure or (len(odd) >= _SURE_WORDS and wordlikeness(odd) < _SURELY_NONE):
        return letters
    return 0


def _words(line: str) -> list[str]:
    """Return the different words of a line, if it is one of words: no code, no address, no part numbers."""
    if not _CODE.isdisjoint(line) or len(line) > _LETTERS_LIMIT:
        return []
    found: dict[str, None] = {}
    for token in line.split():
        word = token.strip(_PUNCTUATION)
        if len(word) > 1 and word.isalpha() and word[1:].islower():
            plain = plain_letters(word)
            if len(plain) == len(word):
                found[plain] = None
    return [*found]


def _small_words(words: Sequence[str]) -> int:
    """Return how many of the words are small ones of one language, the one that has most."""
    return max(sum(word in listed for word in words) for listed in _SMALL_WORDS)


def _is_shifted(words: Sequence[str]) -> bool:
    """Return whether the words become words when every letter is replaced by one that stands so many places away."""
    return any(
        wordlikeness(moved) > _WORDS and _small_words(moved) > 0
        for moved in ([_shifted(word, places) for word in words] for places in _SHIFTS)
    )


def _shifted(word: str, places: int) -> str:
    return "".join(chr((ord(letter) - 97 + places) % 26 + 97) for letter in word)
