"""Numbers as a sheet shows them: format codes of spreadsheets (ECMA-376-1, 18.8.30 and 18.8.31).

`00000` shows 1 as 00001, `[h]:mm` shows 1.25 days as 30:00, `#,##0.00\\ [$€-407]` shows an amount in euros. A date in
digits is given as ISO 8601 whatever its code: 05/04/24 is another day for every second reader.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache

from retrieval.parsing.formats.office.number_dates import DateToken, render_date

_CODE_LIMIT = 300  # characters; Excel allows 255
_DIGITS_LIMIT = 30  # placeholders; beyond, a code shows no number that means something
_SECTIONS_LIMIT = 4
_EXACT = Context(prec=100)

# Where a code is Excel's to choose by the reader's country, no currency is made up, and a date is ISO 8601.
_BUILT_IN = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?", 13: "# ??/??",
    14: "yyyy-mm-dd", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm",
    21: "h:mm:ss", 22: "yyyy-mm-dd h:mm", 37: "#,##0;(#,##0)", 38: "#,##0;(#,##0)", 39: "#,##0.00;(#,##0.00)",
    40: "#,##0.00;(#,##0.00)", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0", 48: "##0.0E+0", 49: "@",
}  # fmt: skip
_BUILT_IN |= dict.fromkeys((5, 6, 41, 42), "#,##0;(#,##0)") | dict.fromkeys((7, 8, 43, 44), "#,##0.00;(#,##0.00)")
_BUILT_IN |= dict.fromkeys((*range(27, 32), 36, *range(50, 55), 57, 58), "yyyy-mm-dd")
_BUILT_IN |= dict.fromkeys((32, 33, 34, 35, 55, 56), "h:mm:ss")

_TOKEN = re.compile(
    r"""(?P<quoted>"[^"]*"?)|\\(?P<escaped>.)|_(?P<width>.)|\*(?P<fill>.)|\[(?P<bracket>[^\]]*)\]"""
    r"""|(?P<general>general)|(?P<noon>am/pm|a/p|上午/下午)|(?P<exponent>e[+-])"""
    r"""|(?P<date>y+|m+|d+|h+|s+(?:\.0+)?|e+|g+|b+)|(?P<digit>[0#?])|(?P<rest>.)""",
    re.IGNORECASE | re.DOTALL,
)
# Texts in quotes around zeros that are all shown; a % divides, a ; begins a section.
_PLAIN_CODE = re.compile(r'("[^"]*")?(#,##(?=0[.\s"]|0$))?(0{1,20})(?:\.(0{1,9}))?(\s*"[^"]*")?')
_PLAIN_LIMIT = 1e15
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?[\d.]+)")
_ELAPSED = re.compile(r"h+|m+|s+", re.IGNORECASE)
_COMPARED: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge, "=": operator.eq, "<>": operator.ne,
}  # fmt: skip


@dataclass(frozen=True)
class _Section:
    """One of the codes between semicolons. `tokens`: (kind, text), kinds being literal, digit, date, elapsed, noon,
    exponent, general, percent, comma, dot, slash and text (@)."""

    tokens: tuple[tuple[str, str], ...]
    condition: tuple[str, float] | None = None
    language: int = 0

    def has(self, *kinds: str) -> bool:
        return any(kind in kinds for kind, _ in self.tokens)

    @property
    def is_date(self) -> bool:
        return self.has("date", "elapsed", "noon")


def code_of(number: int, codes: dict[int, str]) -> str:
    """Return the code with this id: of those that a workbook declares, else of those that every Excel knows."""
    return codes.get(number) or _BUILT_IN.get(number, "General")


def is_date(code: str) -> bool:
    """Return whether the code shows a date, a time or a duration."""
    return _sections(code)[0].is_date


def render(value: float, code: str, *, since_1904: bool = False) -> str:
    """Return the number as the code shows it, without spaces that only align; empty when the code hides it."""
    if code in ("General", "") or not math.isfinite(value):
        return _general(value)
    if (plain := _plain_code(code)) and 0 <= value < _PLAIN_LIMIT:
        before, places, decimals, behind = plain
        known = len(repr(value).partition(".")[2])
        if known <= max(decimals, 1) and (decimals or value == int(value)):  # nothing is rounded
            return f"{before}{value:{places}}{behind}"
    return _render(value, code, since_1904)


@lru_cache(maxsize=20_000)
def _render(value: float, code: str, since_1904: bool) -> str:
    sections = _sections(code)
    section, signed = _chosen(sections, value)
    if section.is_date:
        tokens = [DateToken(kind, text) for kind, text in section.tokens]
        shown = render_date(value, tokens, language=section.language, since_1904=since_1904)
        return _general(value) if shown is None else _tidy(shown)
    if not section.tokens:
        return ""
    if not section.has("digit", "general"):
        shown = "".join(_general(abs(value)) if kind == "text" else text for kind, text in section.tokens)
    else:
        shown = _number(abs(value), section)
    minus = "-" if value < 0 and not signed and re.search("[1-9]", shown) else ""
    return minus + _tidy(shown)


def render_text(text: str, code: str) -> str:
    """Return a text as the code shows it: its last section may add words, as in `"No. "@`."""
    if code in ("General", "@"):
        return text
    section = _sections(code)[-1]
    if not section.has("text"):
        return text
    return _tidy("".join(text if kind == "text" else shown for kind, shown in section.tokens))


@lru_cache(maxsize=1_000)
def _plain_code(code: str) -> tuple[str, str, int, str] | None:
    """Return what a usual code says, as `#,##0.00" EUR"`: what stands in front, Python's code for the number, how many
    decimals it shows, and what stands behind. None for any other."""
    found = _PLAIN_CODE.fullmatch(code)
    if not found:
        return None
    before, grouped, whole, decimals, behind = (found[number] or "" for number in range(1, 6))
    width = "," if grouped else f"0{len(whole) + len(decimals) + bool(decimals)}"
    return _tidy_edge(before).lstrip(), f"{width}.{len(decimals)}f", len(decimals), _tidy_edge(behind).rstrip()


def _tidy_edge(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace('"', ""))


# ---- the code --------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1_000)
def _sections(code: str) -> list[_Section]:
    """Return up to four sections, at least one."""
    if len(code) > _CODE_LIMIT:
        return [_Section((("general", ""),))]
    sections: list[_Section] = []
    tokens: list[tuple[str, str]] = []
    condition, language = None, 0
    for kind, text in _tokens(code):
        if kind == "end":
            sections.append(_Section(tuple(tokens), condition, language))
            tokens, condition, language = [], None, 0
        elif kind == "condition":
            found = _CONDITION.fullmatch(text)
            condition = (found[1], float(found[2])) if found and found[2].count(".") <= 1 else condition
        elif kind == "language":
            language = int(text, 16)
        else:
            tokens.append((kind, text))
    sections.append(_Section(tuple(tokens), condition, language))
    return sections[:_SECTIONS_LIMIT]


def _tokens(code: str) -> Iterator[tuple[str, str]]:
    sign = ""  # right before what fills the cell's width, which parts no sign from its number
    for found in _TOKEN.finditer(code):
        kind, text = found.lastgroup or "rest", found[0]
        before, sign = sign, text[-1] if text.removeprefix("\\") in ("-", "+") else ""
        if kind == "quoted":
            yield "literal", text.strip('"')
        elif kind == "escaped":
            yield "literal", found["escaped"]
        elif kind in ("width", "fill"):
            yield "literal", "" if before and kind == "fill" else " "
        elif kind == "bracket":
            yield from _in_brackets(found["bracket"])
        elif kind == "rest":
            named = {"%": "percent", ",": "comma", ".": "dot", "/": "slash", "@": "text", ";": "end"}
            yield named.get(text, "literal"), text
        else:
            yield kind, text.lower() if kind in ("date", "noon") else text


def _in_brackets(text: str) -> Iterator[tuple[str, str]]:
    """Yield what stands in brackets: a currency and a language ([$€-407]), a condition, elapsed time; no colours."""
    if text.startswith("$"):
        symbol, _, language = text[1:].partition("-")
        if symbol:
            yield "literal", symbol
        if re.fullmatch("[0-9A-Fa-f]{1,8}", language):
            yield "language", language
    elif _CONDITION.fullmatch(text):
        yield "condition", text
    elif _ELAPSED.fullmatch(text):
        yield "elapsed", text.lower()


def _chosen(sections: list[_Section], value: float) -> tuple[_Section, bool]:
    """Return the section for this number, and whether it shows the sign itself."""
    if any(section.condition for section in sections):
        for number, section in enumerate(sections[:3]):
            if section.condition is None or _COMPARED[section.condition[0]](value, section.condition[1]):
                # The second of two shows what the first doesn't, mostly negative numbers: as Excel, without a sign.
                return section, number == 1 and bool(sections[0].condition and sections[0].condition[0] in (">", ">="))
        return sections[0], False
    numeric = sections[:-1] if len(sections) > 1 and sections[-1].has("text") else sections
    if value < 0 and len(numeric) > 1:
        return numeric[1], True
    if value == 0 and len(numeric) > 2:
        return numeric[2], True
    return numeric[0], False


# ---- numbers ---------------------------------------------------------------------------------------------------------


def _general(value: float) -> str:
    """Return a number without the rounding errors of binary fractions."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e21:
        return str(int(value))
    return f"{value:.15g}".replace("e", "E")


def _tidy(shown: str) -> str:
    return " ".join(shown.split())


def _number(value: float, section: _Section) -> str:
    kinds = [kind for kind, _ in section.tokens]
    if "general" in kinds:
        value *= 100 ** kinds.count("percent")
        return "".join(_general(value) if kind == "general" else text for kind, text in section.tokens)
    if kinds.count("digit") > _DIGITS_LIMIT or abs(value) >= 1e30:
        return _general(value)
    if "exponent" in kinds:
        return _scientific(value, section.tokens)
    if "slash" in kinds and "dot" not in kinds and _is_fraction(kinds):
        return _fraction(value, section.tokens)
    return _decimal(Decimal(repr(value)).scaleb(2 * kinds.count("percent")), section.tokens)


def _decimal(value: Decimal, tokens: tuple[tuple[str, str], ...]) -> str:
    """Return the number in the placeholders of these tokens, what else stands between them in its place."""
    kinds = [kind for kind, _ in tokens]
    first, last = kinds.index("digit"), len(kinds) - 1 - kinds[::-1].index("digit")
    dot = kinds.index("dot") if "dot" in kinds else len(kinds)
    whole_end = max((at for at in range(first, min(dot, last + 1)) if kinds[at] == "digit"), default=-1)
    grouped = "comma" in kinds[first : whole_end + 1]
    thousands = 0
    for end in {whole_end, last} - {-1}:  # commas behind the last digit divide by a thousand each
        while end + 1 < len(kinds) and kinds[end + 1] == "comma":
            thousands, end = thousands + 1, end + 1
    decimals = [text for kind, text in tokens[dot:] if kind == "digit"]
    rounded = value.scaleb(-3 * thousands).quantize(Decimal(1).scaleb(-len(decimals)), ROUND_HALF_UP, _EXACT)
    whole, _, part = f"{rounded:f}".partition(".")
    places = iter(_whole_places([text for kind, text in tokens[:dot] if kind == "digit"], whole, grouped=grouped))
    parts = iter(_decimal_places(decimals, part))
    shown = []
    for at, (kind, text) in enumerate(tokens):
        if kind == "digit":
            shown.append(next(places) if at < dot else next(parts))
        elif kind == "dot":
            shown.append("." if at != dot or any(digit not in "#" for digit in decimals) or part.strip("0") else "")
        elif kind != "comma":
            shown.append(text)
    return "".join(shown) if dot == len(kinds) or first < dot else _before_dot(whole, shown, dot)


def _before_dot(whole: str, shown: list[str], dot: int) -> str:
    """Return what is shown by a code without a place in front of its dot, as `.00`."""
    return "".join(shown[:dot]) + whole.strip("0") + "".join(shown[dot:])


def _whole_places(places: list[str], whole: str, *, grouped: bool) -> list[str]:
    """Return what each placeholder in front of the dot shows; the first one takes what the others have no room for."""
    digits = whole.lstrip("0").rjust(len(places))
    surplus = len(digits) - len(places)
    shown = []
    started = False
    for at, digit in enumerate(digits):
        place = places[max(0, at - surplus)] if places else "#"
        digit = {"0": "0", "?": " "}.get(place, "") if digit == " " else digit
        started = started or digit.strip() != ""
        left = len(digits) - at - 1
        shown.append(digit + ("," if grouped and started and left and left % 3 == 0 else ""))
    return ["".join(shown[: surplus + 1]), *shown[surplus + 1 :]] if places else []


def _decimal_places(places: list[str], part: str) -> list[str]:
    """Return what each placeholder behind the dot shows: zeros at the end only where the code wants them."""
    needed = len(part.rstrip("0"))
    return [
        digit if at < needed or place == "0" else " " if place == "?" else ""
        for at, (place, digit) in enumerate(zip(places, part, strict=True))
    ]


def _scientific(value: float, tokens: tuple[tuple[str, str], ...]) -> str:
    at = [kind for kind, _ in tokens].index("exponent")
    mantissa, sign = tokens[:at], tokens[at][1]
    dot = next((number for number, (kind, _) in enumerate(mantissa) if kind == "dot"), len(mantissa))
    step = max(1, sum(kind == "digit" for kind, _ in mantissa[:dot]))
    decimals = sum(kind == "digit" for kind, _ in mantissa[dot:])
    number = Decimal(repr(value))
    power = (number.adjusted() // step) * step if number else 0
    if round(number.scaleb(-power), decimals) >= Decimal(10) ** step:  # 9.99 may round to 10
        power += step
    places = [text for kind, text in tokens[at + 1 :] if kind == "digit"]
    shown = str(abs(power)).rjust(len(places), "0") if "0" in places else str(abs(power))
    rest = "".join(text for kind, text in tokens[at + 1 :] if kind != "digit")
    before = _decimal(number.scaleb(-power), mantissa) if step and any(kind == "digit" for kind, _ in mantissa) else ""
    return f"{before}E{'-' if power < 0 else '+' if sign[1] == '+' else ''}{shown}{rest}"


def _is_fraction(kinds: list[str]) -> bool:
    """Return whether a place for digits stands in front of the slash: else it is a literal."""
    return "digit" in kinds[: kinds.index("slash")]


def _fraction(value: float, tokens: tuple[tuple[str, str], ...]) -> str:
    from fractions import Fraction

    slash = [kind for kind, _ in tokens].index("slash")
    code = "".join(text for _, text in tokens[:slash])
    below = "".join(text for _, text in tokens[slash + 1 :])
    mixed = bool(re.search(r"[0#?][^0#?]+[0#?]+\s*$", code))
    fixed = re.match(r"\s*(\d+)", below)
    places = re.match(r"[0#?]+", below)
    if fixed and fixed[1].strip("0"):
        denominator = int(fixed[1])
        numerator = int(Decimal(repr(value * denominator)).quantize(Decimal(1), ROUND_HALF_UP, _EXACT))
    else:
        near = Fraction(value).limit_denominator(10 ** min(len(places[0]) if places else 1, 4) - 1)
        numerator, denominator = near.numerator, near.denominator
    rest = re.sub(r"^[\s\d0#?]+", "", below)
    whole, over = divmod(numerator, denominator) if mixed else (0, numerator)
    shown = f"{over}/{denominator}" if over or not (mixed and whole) else ""
    if mixed and not over:
        shown = "" if whole else "0"
    return f"{whole or ''} {shown}{rest}"
