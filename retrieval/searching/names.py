"""The names in a question that tell things apart, and whether passages hold them in any spelling.

Who asks about error E1279 isn't helped by what is said of error E1234, however near it is. Names here are codes,
versions, file and function names, numbered parts ("clause 12.4"), dates and years, and what stands in quotes. Pure
arithmetic, in linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from itertools import islice

from retrieval.text.spellings import dates
from retrieval.text.words import fold

_NAMES_MOST = 20  # of one question
_NAME_LONGEST = 100  # characters; a longer one tells nothing apart, and takes long to look for
_NEAR = 0.6  # of difflib's ratio
_SEPARATOR = r"[\s_\-‐-―./,'’:]"
_SEPARATORS = re.compile(f"{_SEPARATOR}+")
_QUOTED = re.compile(r"[\"“„«](?P<said>[^\"“”„«»]{3,80})[\"”“»]")
_NUMBERED = re.compile(
    r"(?P<kind>\b(?:clause|section|article|part|error|code|chapter|appendix|annex|figure|table|step|rule|version|release|"
    r"klausel|abschnitt|artikel|teil|fehler|kapitel|anhang|abbildung|tabelle|schritt|regel)\b|§{1,2})"
    r"\s*(?:(?:no\.?|nr\.?|number|nummer)\s*)?(?P<number>[a-z]?-?\d[\w.\-]*\w|[a-z]?\d)",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"(?<!\w)\w+(?:[\-./]\w+)*+(?:\(\))?(?!\w)")
_WORDS_AT_HYPHENS = re.compile(r"\A(?:[a-z]{3,}-)+|(?:-[a-z]{3,})+\Z")  # "Rad53-dependent" names Rad53
_VERSION = re.compile(r"v?\d+(?:\.\d+){2,}[a-z]?\d*", re.IGNORECASE)
_ENDING = re.compile(r"\.[a-z][a-z0-9]{1,4}\Z")  # of a file
_SNAKE = re.compile(r"[^\W\d_]\w*_\w+")
_NO_CODE = re.compile(
    r"\d+(?:st|nd|rd|th|s|x|k|m|b|bn|mm|cm|km|kg|mg|g|l|ml|h|min|mb|gb|tb|kb|hz|khz|mhz|ghz|v|w|kw|a|am|pm|er|te|ten|"
    r"(?:er|ern)(?:-[a-zäöüß]+)?|d|days?|years?|bit|px|pt|%)|(?:covid|co|h|o|ch|pm)-?\d+\w?|\d{1,2}[a-z]|[a-z]\d|\d+-[a-z]+(?:-[a-z]+)*",
    re.IGNORECASE,
)
_INSIDE = re.compile(r"(?<=[\w,;] )[^\W\d_]{2,}")  # a word that doesn't begin a sentence
_TITLED = re.compile(
    r"\b(?:president|chancellor|minister|senator|governor|mayor|ambassador|king|queen|prince|princess|emperor|pope|bishop|"
    r"judge|justice|general|captain|colonel|sergeant|officer|doctor|professor|director|chairman|secretary|ceo|mrs?|ms|dr|"
    r"prof|präsident(?:in)?|kanzler(?:in)?|minister(?:in)?|herrn?|frau|könig(?:in)?|kaiser(?:in)?|professor(?:in)?|"
    r"président|monsieur|madame|roi|reine|señora?|presidente|signora?)\.?\s+(?P<bearer>[^\W\d_]+)",
    re.IGNORECASE,
)
_CAPITAL_NOUNS = frozenset({"de", "lb"})  # languages that write every noun with a capital
_MEASURES = frozenset(  # stand in front of what they measure, without a word in between
    """art arten sorte sorten anzahl menge teil stück paar prozent grad liter tonne tonnen gramm kilo kilogramm pfund
    meter kilometer quadratmeter quadratkilometer kubikmeter zentimeter hektar tag tage tagen stunde stunden minute
    minuten sekunde sekunden woche wochen monat monate jahr jahre jahren euro dollar million millionen milliarde
    milliarden billion billionen dutzend hälfte watt kilowatt volt ampere flasche flaschen glas gläser tasse tassen
    esslöffel teelöffel blatt seite seiten mal reihe gruppe""".split()
)
_DETERMINED = re.compile(r"\b(?:d(?:er|ie|as|en|em|es)|im|ins|zu[mr]|vo[mn]|am|ans|beim) \Z", re.IGNORECASE)
_INFLECTIONS = ("e", "en", "er", "es", "em")  # of German adjectives
_SPACED = re.compile(r"(?<![\w-])[A-Z]{1,4} (?P<number>\d{3,})(?![\w%-]|[.,]\d)")  # E 1204
_NUMBER = re.compile(r"(?<![\w.,$€£-])\d{3,}(?![\w%-]|[.,]\d)")


@dataclass(frozen=True)
class Name:
    """A name as it is written in a question, and the spellings of it, without blanks and separators."""

    written: str
    spellings: frozenset[str]


def names_in(question: str) -> list[Name]:
    """Return the names of `question` that tell things apart, in their order, each once."""
    found: dict[str, Name] = {}
    taken: list[tuple[int, int]] = []
    short = (one for one in _candidates(question) if one[1] - one[0] <= _NAME_LONGEST)
    for start, end, name in islice(short, _NAMES_MOST):
        if not any(start < other_end and other_start < end for other_start, other_end in taken):
            taken.append((start, end))
            found.setdefault(min(name.spellings), name)
    return list(found.values())


def codes_among(names: Iterable[Name]) -> list[Name]:
    """Return the names that have letters: no dates and plain numbers."""
    return [name for name in names if any(map(str.isalpha, "".join(name.spellings)))]


def phrases_in(question: str) -> list[str]:
    """Return what stands in quotes in `question`, folded, with one space between its words."""
    return [" ".join(fold(match["said"]).split()) for match in _QUOTED.finditer(question)]


def is_said(phrase: str, folded: str) -> bool:
    """Return whether a folded text holds one of `phrases_in`, whatever blanks stand between its words."""
    return all(word in folded for word in phrase.split()) and phrase in " ".join(folded.split())


def missing_names(
    question: str,
    texts: Sequence[str],
    *,
    unknown: Sequence[str] = (),
    language: str = "",
    wanted: Sequence[Name] | None = None,
) -> list[Name]:
    """Return the names of `question` that none of `texts` holds in any spelling; and those of its words which are
    `unknown` to every document, where a capital tells that they are names in its `language` (ISO 639-1). Its names are
    looked for, where they aren't `wanted` already."""
    wanted = names_in(question) if wanted is None else wanted
    absent = [*_proper_names(question, unknown, capital_nouns=language in _CAPITAL_NOUNS)]
    if not wanted and not absent:
        return []
    folded = [fold(text) for text in texts]
    has_date = any("-" in spelling for name in wanted for spelling in name.spellings)  # others have no separators
    dated = {date for text in texts for _, date in dates(text)} if has_date else frozenset[str]()
    return [name for name in (*wanted, *absent) if not _is_held(name, folded, dated)]


def lacking(codes: Sequence[Name], folded: str) -> int:
    """Return how many of these codes a folded text doesn't hold in any spelling."""
    return sum(not _is_held(code, [folded], frozenset()) for code in codes)


def _proper_names(question: str, unknown: Sequence[str], *, capital_nouns: bool) -> Iterator[Name]:
    """Yield the names of which no document holds a word: unknown words written with a capital where others aren't, in a
    question that isn't written like a title; those next to each other are one name.

    Whoever has a title may be called by that alone in what is read: "What did Chancellor Weber promise?" is answered by
    the Chancellor's speech. Where nouns have capitals too, a name is two such words, for German hardly puts two nouns
    next to each other but to measure one by the other.
    """
    if not any(word[0].isupper() for word in unknown):
        return
    inside = list(_INSIDE.finditer(question))
    small = sum(match[0].islower() for match in inside)
    if small * (4 if capital_nouns else 2) < len(inside):
        return
    names = set(unknown) - {match["bearer"] for match in _TITLED.finditer(question)}
    for run in _neighbours(match for match in inside if match[0] in names and match[0][0].isupper()):
        if not capital_nouns or _is_german_name(question[: run[0].start()], [match[0] for match in run]):
            written = question[run[0].start() : run[-1].end()]
            yield Name(written, frozenset({_squeezed(written)}))


def _is_german_name(before: str, words: Sequence[str]) -> bool:
    """Return whether words with capitals behind the text `before` are a name: none alone, nor what is measured ("Liter
    Milch"), nor an adjective that belongs to a name by now ("die Vereinigten Staaten")."""
    if len(words) < 2 or fold(words[0]) in _MEASURES:
        return False
    return not (_DETERMINED.search(before) and words[0].endswith(_INFLECTIONS))


def _neighbours(matches: Iterable[re.Match[str]]) -> Iterator[list[re.Match[str]]]:
    """Yield the words that stand next to each other together."""
    run: list[re.Match[str]] = []
    for match in matches:
        if run and match.start() != run[-1].end() + 1:
            yield run
            run = []
        run.append(match)
    if run:
        yield run


def _is_held(name: Name, folded: Sequence[str], dated: Set[str]) -> bool:
    """Return whether one of the texts holds a spelling of the name, whatever separates its letters and digits there."""
    if not dated.isdisjoint(name.spellings):
        return True
    spelt = _spelt(name.spellings)
    return any(spelt.search(text) for text in folded)


@lru_cache(maxsize=512)  # the names of the questions of now: each is looked for in every hit
def _spelt(spellings: frozenset[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(_pattern, sorted(spellings))))


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
    if wanted.isdigit():  # section 12.4 is no E124
        there = {squeezed: found for squeezed, found in there.items() if squeezed.isdigit()}
    near = get_close_matches(wanted, there, n=1, cutoff=_NEAR)
    return there[near[0]] if near else ""


def _written_names(text: str) -> Iterator[str]:
    return (match[0] for match in _TOKEN.finditer(text) if _is_name(match[0]))


def _is_name(token: str) -> bool:
    """Return whether it is a version, the name of a file or a function, or a code of letters and digits."""
    if len(token) > _NAME_LONGEST:
        return False
    if token.endswith("()") or _VERSION.fullmatch(token) or _ENDING.search(token) or _SNAKE.fullmatch(token):
        return True
    mixed = any(map(str.isdigit, token)) and any(map(str.isalpha, token))
    return mixed and token.isascii() and not _NO_CODE.fullmatch(token)


def _candidates(question: str) -> Iterator[tuple[int, int, Name]]:
    for match, date in dates(question):
        yield *match.span(), Name(match[0], frozenset({date}))
    for match in _QUOTED.finditer(question):
        yield *match.span(), Name(match["said"], frozenset({_squeezed(match["said"])}))
    for match in _NUMBERED.finditer(question):
        number = _squeezed(match["number"])
        yield *match.span(), Name(match[0], frozenset({_squeezed(match["kind"]) + number, number}))
    for match in _TOKEN.finditer(question):
        if _is_name(match[0]) and _is_name(code := _WORDS_AT_HYPHENS.sub("", match[0])):
            spelling = _squeezed(code)
            is_version = _VERSION.fullmatch(match[0]) is not None
            yield *match.span(), Name(match[0], frozenset({spelling.lstrip("v") if is_version else spelling}))
    for match in _SPACED.finditer(question):
        yield *match.span(), Name(match[0], frozenset({_squeezed(match[0]), match["number"]}))
    for match in _NUMBER.finditer(question):
        yield *match.span(), Name(match[0], frozenset({match[0]}))


def _squeezed(text: str) -> str:
    return _SEPARATORS.sub("", fold(text)).replace("()", "")
