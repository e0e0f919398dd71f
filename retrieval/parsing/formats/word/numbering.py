"""The numbers that Word writes before paragraphs by itself (ECMA-376-1, 17.9): "1.", "1.2", "(a)", "iv."."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from retrieval.parsing.formats.numbers import whole
from retrieval.parsing.formats.word.styles import Styles, W, integer, is_on

if TYPE_CHECKING:
    from lxml.etree import _Element

BULLET = "-"
_LEVELS = 9
_PLACE = re.compile(r"%([1-9])")
_TEMPLATE_KEPT = 255  # characters; Word writes no longer ones, and each paragraph of the list begins with it
_LINKS = 5  # from one list to the next by numbering styles
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"


@dataclass(frozen=True)
class Label:
    """What stands before a paragraph, and what keeps it apart from the text."""

    text: str
    separator: str = " "

    @property
    def is_bullet(self) -> bool:
        return self.text == BULLET


@dataclass(frozen=True)
class _Level:
    """How paragraphs of a level are numbered. `restart` is the level whose paragraphs let it begin anew: None for each
    that is higher, 0 for none."""

    format: str = "decimal"
    template: str = ""
    start: int = 1
    legal: bool = False
    restart: int | None = None
    separator: str = " "
    style: str = ""


@dataclass
class _List:
    """A list as `num` and `abstractNum` define it. `overrides` are the numbers its levels begin with when it is met
    first."""

    abstract_id: str
    levels: dict[int, _Level]
    overrides: dict[int, int] = field(default_factory=dict)


class WordNumbering:
    """Counts the paragraphs of lists, which are to be asked for in the order of the document."""

    def __init__(self, root: _Element | None, styles: Styles) -> None:
        self._styles = styles
        self._abstract: dict[str, _Element] = {}
        self._numbers: dict[str, _Element] = {}
        self._by_style: dict[str, _Element] = {}
        for element in root.iterchildren(W + "abstractNum") if root is not None else ():
            self._abstract[element.get(W + "abstractNumId") or ""] = element
        for element in root.iterchildren(W + "num") if root is not None else ():
            self._numbers[element.get(W + "numId") or ""] = element
        self._levels: dict[str, dict[int, _Level]] = {}
        self._lists: dict[str, _List | None] = {}
        self._counters: dict[str, dict[int, int]] = {}
        self._met: set[str] = set()

    def label(self, paragraph: _Element) -> Label | None:
        """Count the paragraph, and return what Word writes before it; None when it is in no list."""
        place, by_style = self._styles.list_place(paragraph)
        if place.number_id is None:
            name = self._styles.name(self._styles.paragraph_style(paragraph))
            return Label(BULLET) if name.startswith(("list bullet", "list number")) else None
        numbered = self._list(place.number_id) if place.number_id != "0" else None
        if numbered is None:
            return None
        level = place.level
        if level is None:
            level = next((at for at, found in numbered.levels.items() if found.style and found.style == by_style), 0)
        level = min(max(level, 0), _LEVELS - 1)
        self._count(place.number_id, numbered, level)
        return self._written(numbered, level)

    def _count(self, number_id: str, numbered: _List, level: int) -> None:
        counters = self._counters.setdefault(numbered.abstract_id, {})
        if number_id not in self._met:
            self._met.add(number_id)
            for at in numbered.overrides:
                counters.pop(at, None)
        start = numbered.overrides.get(level, numbered.levels.get(level, _Level()).start)
        counters[level] = counters[level] + 1 if level in counters else start
        for deeper in range(level + 1, _LEVELS):
            restart = numbered.levels.get(deeper, _Level()).restart
            if restart is None or level < restart:
                counters.pop(deeper, None)

    def _written(self, numbered: _List, level: int) -> Label | None:
        rule = numbered.levels.get(level)
        if rule is None:
            return None
        if rule.format == "bullet":
            return Label(BULLET)
        counters = self._counters[numbered.abstract_id]

        def number(found: re.Match[str]) -> str:
            at = int(found[1]) - 1
            other = numbered.levels.get(at, _Level())
            count = counters.get(at, numbered.overrides.get(at, other.start))
            return written_number(count, "decimal" if rule.legal and other.format != "decimalZero" else other.format)

        text = _PLACE.sub(number, rule.template).strip()
        return Label(text, rule.separator) if text else None

    def _list(self, number_id: str) -> _List | None:
        if number_id not in self._lists:
            self._lists[number_id] = self._read_list(number_id)
        return self._lists[number_id]

    def _read_list(self, number_id: str) -> _List | None:
        number = self._numbers.get(number_id)
        abstract_id, abstract = self._abstract_of(number)
        if number is None or abstract is None:
            return None
        if abstract_id not in self._levels:
            found = map(_read_level, abstract.iterchildren(W + "lvl"))
            self._levels[abstract_id] = {at: level for at, level in found if at in range(_LEVELS)}
        levels = dict(self._levels[abstract_id])
        overrides: dict[int, int] = {}
        for override in number.iterchildren(W + "lvlOverride"):
            at = whole(override.get(W + "ilvl"))
            if at is None or at not in range(_LEVELS):
                continue
            if (own := override.find(W + "lvl")) is not None:
                levels[at] = _read_level(own)[1]
            if (start := integer(override.find(W + "startOverride"))) is not None:
                overrides[at] = start
        return _List(abstract_id, levels, overrides)

    def _abstract_of(self, number: _Element | None) -> tuple[str, _Element | None]:
        """Return the definition that a list refers to, followed through numbering styles."""
        abstract_id, abstract = "", None
        for _step in range(_LINKS):
            reference = number.find(W + "abstractNumId") if number is not None else None
            if reference is None:
                break
            abstract_id = reference.get(W + "val") or ""
            abstract = self._abstract.get(abstract_id)
            link = abstract.find(W + "numStyleLink") if abstract is not None else None
            if link is None:
                break
            number = self._numbers.get(self._styles.number_of_list_style(link.get(W + "val") or "") or "")
        return abstract_id, abstract


def _read_level(element: _Element) -> tuple[int, _Level]:
    text, style = element.find(W + "lvlText"), element.find(W + "pStyle")
    suffix = element.find(W + "suff")
    start = integer(element.find(W + "start"))
    at = whole(element.get(W + "ilvl"))
    return -1 if at is None else at, _Level(
        format=_format(element),
        template=(text.get(W + "val") or "")[:_TEMPLATE_KEPT] if text is not None else "",
        start=1 if start is None else start,
        legal=is_on(element.find(W + "isLgl")),
        restart=integer(element.find(W + "lvlRestart")),
        separator="" if suffix is not None and suffix.get(W + "val") == "nothing" else " ",
        style=(style.get(W + "val") or "") if style is not None else "",
    )


def _format(level: _Element) -> str:
    """Return how numbers of the level are written; "001" for numbers of three digits."""
    choices = ("", f"{_MC}AlternateContent/{_MC}Choice/", f"{_MC}AlternateContent/{_MC}Fallback/")
    found = next((one for one in (level.find(f"{choice}{W}numFmt") for choice in choices) if one is not None), None)
    if found is None:
        return "decimal"
    name = found.get(W + "val") or "decimal"
    digits = re.match(r"0{1,30}1", found.get(W + "format") or "") if name == "custom" else None
    return digits[0] if digits else name


def written_number(number: int, form: str) -> str:
    """Return the number as `form` writes it, one of ST_NumberFormat (17.18.59) or "001"; as digits in a form that is
    not known here."""
    if form.endswith("01") and form.strip("0") == "1":
        return f"{number:0{len(form)}}"
    writer = _FORMS.get(form)
    return writer(number) if writer and (number > 0 or form == "decimalZero") else str(number)


def _roman(number: int) -> str:
    signs = zip(
        (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1), "m cm d cd c xc l xl x ix v iv i".split(), strict=True
    )
    text = ""
    number %= 10_000
    for value, sign in signs:
        text += sign * (number // value)
        number %= value
    return text


def _repeated(alphabet: str) -> Callable[[int], str]:
    """Return a writer of numbers as letters: a to z, aa to zz, aaa."""
    return lambda number: alphabet[(number - 1) % len(alphabet)] * min((number - 1) // len(alphabet) + 1, 30)


def _from(first: str, count: int) -> Callable[[int], str]:
    """Return a writer of numbers as the characters that begin with `first`, of which there are `count`."""
    return lambda number: chr(ord(first) + number - 1) if number <= count else str(number)


def _ordinal(number: int) -> str:
    endings = {1: "st", 2: "nd", 3: "rd"}
    return f"{number}{'th' if number % 100 in (11, 12, 13) else endings.get(number % 10, 'th')}"


def _chinese(number: int) -> str:
    """Return a number below 100 as Chinese, Japanese and Korean count."""
    digits = "〇一二三四五六七八九"
    if number >= 100:
        return "".join(digits[int(digit)] for digit in str(number))
    tens, ones = divmod(number, 10)
    return (digits[tens] if tens > 1 else "") + ("十" if tens else "") + (digits[ones] if ones else "")


_LATIN = "abcdefghijklmnopqrstuvwxyz"
_RUSSIAN = "абвгдежзиклмнопрстуфхцчшщыэюя"
_AIUEO = "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン"
_IROHA = "イロハニホヘトチリヌルヲワカヨタレソツネナラムウヰノオクヤマケフコエテアサキユメミシヱヒモセス"
_FORMS: dict[str, Callable[[int], str]] = {
    "lowerRoman": _roman,
    "upperRoman": lambda number: _roman(number).upper(),
    "lowerLetter": _repeated(_LATIN),
    "upperLetter": _repeated(_LATIN.upper()),
    "russianLower": _repeated(_RUSSIAN),
    "russianUpper": _repeated(_RUSSIAN.upper()),
    "decimalZero": lambda number: f"{number:02}",
    "ordinal": _ordinal,
    "decimalEnclosedCircle": _from("①", 20),
    "decimalEnclosedCircleChinese": _from("①", 20),
    "decimalEnclosedParen": _from("⑴", 20),
    "decimalEnclosedFullstop": _from("⒈", 20),
    "ideographEnclosedCircle": _from("㊀", 10),
    "decimalFullWidth": lambda number: "".join(chr(ord("０") + int(digit)) for digit in str(number)),
    "chicago": _repeated("*†‡§"),
    "numberInDash": lambda number: f"- {number} -",
    "hex": lambda number: f"{number:X}",
    "none": lambda _number: "",
    **dict.fromkeys(
        (
            "chineseCounting",
            "chineseCountingThousand",
            "ideographDigital",
            "japaneseCounting",
            "japaneseDigitalTenThousand",
            "taiwaneseCounting",
            "taiwaneseCountingThousand",
            "taiwaneseDigital",
            "koreanDigital2",
        ),
        _chinese,
    ),
    "ideographTraditional": _repeated("甲乙丙丁戊己庚辛壬癸"),
    "ideographZodiac": _repeated("子丑寅卯辰巳午未申酉戌亥"),
    "aiueo": _repeated(_AIUEO),
    "aiueoFullWidth": _repeated(_AIUEO),
    "iroha": _repeated(_IROHA),
    "irohaFullWidth": _repeated(_IROHA),
    "ganada": _repeated("가나다라마바사아자차카타파하"),
    "chosung": _repeated("ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎ"),
    "hebrew1": _repeated("אבגדהוזחטיכלמנסעפצקרשת"),
    "hebrew2": _repeated("אבגדהוזחטיכלמנסעפצקרשת"),
    "arabicAlpha": _repeated("أبتثجحخدذرزسشصضطظعغفقكلمنهوي"),
    "arabicAbjad": _repeated("أبجدهوزحطيكلمنسعفصقرشتثخذضظغ"),
    "thaiNumbers": lambda number: "".join(chr(ord("๐") + int(digit)) for digit in str(number)),
    "hindiNumbers": lambda number: "".join(chr(ord("०") + int(digit)) for digit in str(number)),
}
