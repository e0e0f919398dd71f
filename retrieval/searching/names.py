"""The names in a question that tell things apart, and whether passages hold them in any spelling.

Who asks about error E1279 isn't helped by what is said of error E1234, however near it is. Names here are codes,
versions, file and function names, numbered parts ("clause 12.4"), dates and years, and what stands in quotes. Pure
arithmetic, in linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice

from retrieval.text.words import fold

_NAMES_MOST = 20  # of one question
_NEAR = 0.6  # of difflib's ratio
_SEPARATOR = r"[\s_\-‐-―./,'’:]"
_SEPARATORS = re.compile(f"{_SEPARATOR}+")
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar jänner",
            "february feb februar",
            "march mar märz",
            "april apr",
            "may mai",
            "june jun juni",
            "july jul juli",
            "august aug",
            "september sept sep",
            "october oct oktober okt",
            "november nov",
            "december dec dezember dez",
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))

_QUOTED = re.compile(r"[\"“„«](?P<said>[^\"“”„«»]{3,80})[\"”“»]")
_DATE = re.compile(
    rf"\b(?:(?P<year>\d{{4}})-(?P<month>\d{{1,2}})-(?P<day>\d{{1,2}})"
    rf"|(?P<day2>\d{{1,2}})(?:st|nd|rd|th|\.)?\s+(?:of\s+)?(?P<name2>{_MONTH})\.?,?\s+(?P<year2>\d{{4}})"
    rf"|(?P<name3>{_MONTH})\.?\s+(?P<day3>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year3>\d{{4}}))\b",
    re.IGNORECASE,
)
_NUMBERED = re.compile(
    r"(?P<kind>\b(?:clause|section|article|part|error|code|chapter|appendix|annex|figure|table|step|rule|version|release|"
    r"klausel|abschnitt|artikel|teil|fehler|kapitel|anhang|abbildung|tabelle|schritt|regel)\b|§{1,2})"
    r"\s*(?:no\.?|nr\.?|number|nummer)?\s*(?P<number>[a-z]?-?\d[\w.\-]*\w|[a-z]?\d)",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"(?<!\w)\w+(?:[\-./]\w+)*+(?:\(\))?(?!\w)")
_VERSION = re.compile(r"v?\d+(?:\.\d+){2,}[a-z]?\d*", re.IGNORECASE)
_ENDING = re.compile(r"\.[a-z][a-z0-9]{1,4}\Z")  # of a file
_SNAKE = re.compile(r"[^\W\d_]\w*_\w+")
_NO_CODE = re.compile(
    r"\d+(?:st|nd|rd|th|s|x|k|m|b|bn|mm|cm|km|kg|mg|g|l|ml|h|min|mb|gb|tb|kb|hz|khz|mhz|ghz|v|w|kw|a|am|pm|er|te|ten|"
    r"d|days?|years?|bit|px|pt|%)|(?:covid|co|h|o|ch|pm)-?\d+\w?|\d{1,2}[a-z]|[a-z]\d|\d+-[a-z]+(?:-[a-z]+)*",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?<![\w.,$€£-])(?:1[0-9]|20)\d\d(?![\w,%-]|\.\d)")


@dataclass(frozen=True)
class Name:
    """A name as it is written in a question, and the spellings of it, without blanks and separators."""

    written: str
    spellings: frozenset[str]


def names_in(question: str) -> list[Name]:
    """Return the names of `question` that tell things apart, in their order, each once."""
    found: dict[str, Name] = {}
    taken: list[tuple[int, int]] = []
    for start, end, name in islice(_candidates(question), _NAMES_MOST):
        if not any(start < other_end and other_start < end for other_start, other_end in taken):
            taken.append((start, end))
            found.setdefault(min(name.spellings), name)
    return list(found.values())


def missing_names(question: str, texts: Sequence[str]) -> list[Name]:
    """Return the names of `question` that none of `texts` holds in any spelling."""
    wanted = names_in(question)
    if not wanted:
        return []
    folded = [fold(text) for text in texts]
    dated = {date for text in texts for date in _dates(text)}
    return [name for name in wanted if not _is_held(name, folded, dated)]


def _is_held(name: Name, folded: Sequence[str], dated: Set[str]) -> bool:
    """Return whether one of the texts holds a spelling of the name, whatever separates its letters and digits there."""
    if not dated.isdisjoint(name.spellings):
        return True
    spelt = re.compile("|".join(map(_pattern, sorted(name.spellings))))
    return any(spelt.search(text) for text in folded)


def _pattern(spelling: str) -> str:
    """Return a pattern for a spelling: its letters and digits, with at most a few separators in between, that neither
    go on in front nor behind."""
    signs = rf"{_SEPARATOR}{{0,2}}".join(map(re.escape, spelling))
    return _boundary(spelling[0], "(?<!") + signs + _boundary(spelling[-1], "(?!")


def _boundary(sign: str, opening: str) -> str:
    kind = r"\d" if sign.isdigit() else r"[^\W\d_]" if sign.isalpha() else ""
    return f"{opening}{kind})" if kind else ""


def nearest_name(name: Name, texts: Sequence[str]) -> str:
    """Return the name in `texts` that is spelt most like `name`, as it is written there; empty when none is near."""
    [wanted, *_] = sorted(name.spellings, key=len)
    there = {_squeezed(found): found for text in texts for found in _written_names(text)}
    near = get_close_matches(wanted, there, n=1, cutoff=_NEAR)
    return there[near[0]] if near else ""


def _written_names(text: str) -> Iterator[str]:
    return (match[0] for match in _TOKEN.finditer(text) if _is_name(match[0]))


def _is_name(token: str) -> bool:
    """Return whether it is a version, the name of a file or a function, or a code of letters and digits."""
    if token.endswith("()") or _VERSION.fullmatch(token) or _ENDING.search(token) or _SNAKE.fullmatch(token):
        return True
    mixed = any(map(str.isdigit, token)) and any(map(str.isalpha, token))
    return mixed and token.isascii() and not _NO_CODE.fullmatch(token)


def _candidates(question: str) -> Iterator[tuple[int, int, Name]]:
    for match in _DATE.finditer(question):
        if date := _date(match):
            yield *match.span(), Name(match[0], frozenset({date}))
    for match in _QUOTED.finditer(question):
        yield *match.span(), Name(match["said"], frozenset({_squeezed(match["said"])}))
    for match in _NUMBERED.finditer(question):
        number = _squeezed(match["number"])
        yield *match.span(), Name(match[0], frozenset({_squeezed(match["kind"]) + number, number}))
    for match in _TOKEN.finditer(question):
        if _is_name(match[0]):
            spelling = _squeezed(match[0])
            is_version = _VERSION.fullmatch(match[0]) is not None
            yield *match.span(), Name(match[0], frozenset({spelling.lstrip("v") if is_version else spelling}))
    for match in _YEAR.finditer(question):
        yield *match.span(), Name(match[0], frozenset({match[0]}))


def _squeezed(text: str) -> str:
    return _SEPARATORS.sub("", fold(text)).replace("()", "")


def _dates(text: str) -> Iterator[str]:
    return filter(None, map(_date, _DATE.finditer(text)))


def _date(match: re.Match[str]) -> str:
    """Return the date as ISO 8601; empty for one that is none."""
    parts = match.groupdict()
    year = parts["year"] or parts["year2"] or parts["year3"]
    day = parts["day"] or parts["day2"] or parts["day3"]
    named = parts["name2"] or parts["name3"]
    month = int(parts["month"]) if parts["month"] else _MONTHS[named.lower()]
    return f"{int(year):04}-{month:02}-{int(day):02}" if month <= 12 and int(day) <= 31 else ""
