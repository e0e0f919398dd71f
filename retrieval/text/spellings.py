"""Other spellings of what a text holds, so that each finds the others: E-1234, E 1234 and e1234; 1,000 and 1000;
2024-03-05 and 5 March 2024; café and cafe; e-mail and email. Pure arithmetic, in linear time.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from retrieval.text.words import MARKS

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar jänner janvier",
            "february feb februar février",
            "march mar märz mars",
            "april apr avril",
            "may mai",
            "june jun juni juin",
            "july jul juli juillet",
            "august aug août",
            "september sept sep septembre",
            "october oct oktober okt octobre",
            "november nov novembre",
            "december dec dezember dez décembre",
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
DATE = re.compile(
    rf"\b(?:(?P<year>\d{{4}})-(?P<month>\d{{1,2}})-(?P<day>\d{{1,2}})"
    rf"|(?P<day4>\d{{1,2}})\.\s?(?P<month4>\d{{1,2}})\.\s?(?P<year4>\d{{4}})"
    rf"|(?P<day2>\d{{1,2}})(?:st|nd|rd|th|er|\.)?\s+(?:of\s+)?(?P<name2>{_MONTH})\.?,?\s+(?P<year2>\d{{4}})"
    rf"|(?P<name3>{_MONTH})\.?\s+(?P<day3>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year3>\d{{4}}))\b",
    re.IGNORECASE,
)
_GROUPED = re.compile(r"(?<![\w.,])\d{1,3}(?:(?P<mark>[,.'’ \xa0\u2009\u202f])\d{3})(?:(?P=mark)\d{3})*(?![\w]|[.,]\d)")
_HYPHENS = "\u2010\u2011-"
_HYPHENED = re.compile(
    rf"(?<![{MARKS}\w{_HYPHENS}])\w[\w{MARKS}]{{0,30}}(?:[{_HYPHENS}]\w[\w{MARKS}]{{0,30}}){{1,4}}(?![\w{_HYPHENS}])"
)
_SPACED_CODE = re.compile(r"(?<![\w-])[A-Z]{1,4} \d{2,}[A-Za-z]?(?![\w-]|[.,]\d)")
_ACCENTED = re.compile(rf"(?<![\w{MARKS}])[^\W\d_][\w{MARKS}]*(?:[^\x00-\x7f]|[{MARKS}])[\w{MARKS}]*")
_LETTERS = str.maketrans(
    {"ß": "ss", "ẞ": "SS", "æ": "ae", "œ": "oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "ı": "i"}
)
_LATIN = re.compile(r"[a-z]")


def spellings(text: str) -> list[str]:
    """Return what is to be searched beside the words of `text`, each once, so that other spellings of them find it."""
    return list(dict.fromkeys((*_codes(text), *_plain_words(text))))


def dates(text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Yield each date of `text` and how ISO 8601 writes it."""
    for match in DATE.finditer(text):
        if date := _date(match):
            yield match, date


@lru_cache(maxsize=20_000)
def unaccented(word: str) -> str:
    """Return a word in Latin letters without its accents, as a keyboard that lacks them writes it; in other scripts
    marks are letters of their own."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", word) if not unicodedata.combining(sign))
    plain = plain.translate(_LETTERS)
    return plain if _LATIN.search(plain.lower()) else word


def _codes(text: str) -> Iterator[str]:
    """Yield codes, numbers and hyphenated words in one piece, and dates as a number."""
    for _, date in dates(text):
        yield date.replace("-", "")
    for match in _GROUPED.finditer(text):
        yield re.sub(r"\D", "", match[0])
    for match in _HYPHENED.finditer(text):
        yield re.sub(rf"[{_HYPHENS}]", "", match[0])
    for match in _SPACED_CODE.finditer(text):
        yield match[0].replace(" ", "")


def _plain_words(text: str) -> Iterator[str]:
    if not text.isascii():
        for match in _ACCENTED.finditer(text):
            if (plain := unaccented(match[0])) != match[0]:
                yield plain


def _date(match: re.Match[str]) -> str:
    """Return the date as ISO 8601; empty for one that is none."""
    parts = match.groupdict()
    year = parts["year"] or parts["year2"] or parts["year3"] or parts["year4"]
    day = parts["day"] or parts["day2"] or parts["day3"] or parts["day4"]
    named, numbered = parts["name2"] or parts["name3"], parts["month"] or parts["month4"]
    month = int(numbered) if numbered else _MONTHS[named.lower()]
    return f"{int(year):04}-{month:02}-{int(day):02}" if 0 < month <= 12 and 0 < int(day) <= 31 else ""
