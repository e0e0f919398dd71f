"""Dates, times and durations as a sheet shows them: a number counts days."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_MONTHS = "January February March April May June July August September October November December".split()
_LAST_DAY = 2_958_466  # the first day after the year 9999
_ENGLISH, _SYSTEM = 0x09, (0xF800, 0xF400)  # the language of a code is the low ten bits of its number


class DateToken(NamedTuple):
    kind: str
    text: str


def moment_of(serial: float, *, since_1904: bool = False) -> datetime | None:
    """Return the moment that a number of days stands for, to the millisecond; None for what no sheet shows as a date.
    The day before March 1900 are one off: Lotus 1-2-3 took 1900 for a leap year, and Excel followed it."""
    if since_1904:
        serial += 1462
    if not 0 <= serial < _LAST_DAY:
        return None
    start = datetime(1899, 12, 31) if serial < 60 else datetime(1899, 12, 30)
    try:
        return start + timedelta(milliseconds=round(serial * 86_400_000))
    except OverflowError:
        return None


def render_date(value: float, tokens: Sequence[DateToken], *, language: int, since_1904: bool) -> str | None:
    """Return a date, a time or a duration; None for a number that is none."""
    if any(token.kind == "elapsed" for token in tokens):
        return _elapsed(value, tokens)
    moment = moment_of(value, since_1904=since_1904)
    if moment is None:
        return None
    tokens = _with_minutes(tokens)
    moment = _rounded(moment, tokens)
    letters = {token.text[0] for token in tokens if token.kind == "date"}
    named = any(token.kind == "date" and token.text[0] in "md" and len(token.text) > 2 for token in tokens)
    foreign = language and language not in _SYSTEM and language & 0x3FF != _ENGLISH
    if ({"y", "m", "d"} <= letters and not named) or (named and foreign) or letters & {"g", "b"}:
        return _iso(moment, letters)
    twelve = any(token.kind == "noon" for token in tokens)
    return "".join(_shown(token, moment, twelve=twelve) for token in tokens)


def _with_minutes(tokens: Sequence[DateToken]) -> list[DateToken]:
    """Return the tokens with `n` for minutes: m behind hours or in front of seconds. An e is a year."""
    found = [at for at, token in enumerate(tokens) if token.kind == "date"]
    letters = {at: tokens[at].text[0] for at in found}
    changed = list(tokens)
    for before, at, after in zip([-1, *found], found, [*found[1:], -1], strict=False):
        text = tokens[at].text
        minute = len(text) <= 2 and (letters.get(before) == "h" or letters.get(after) == "s")
        if letters[at] == "m" and minute:
            changed[at] = DateToken("date", text.replace("m", "n"))
        elif letters[at] == "e":
            changed[at] = DateToken("date", "yyyy")
    return changed


def _rounded(moment: datetime, tokens: Sequence[DateToken]) -> datetime:
    """Return the moment to the second, unless fractions of it are shown: 0.999999 of a day is the next one."""
    if any(token.kind == "date" and "." in token.text for token in tokens):
        return moment
    return (moment + timedelta(milliseconds=500)).replace(microsecond=0) if moment.year < 9999 else moment


def _iso(moment: datetime, letters: set[str]) -> str:
    day = f"{moment:%Y-%m-%d}" if "d" in letters else f"{moment:%Y-%m}" if "y" in letters else f"{moment:%m}"
    if not letters & {"h", "n", "s"} or not (moment.hour or moment.minute or moment.second):
        return day
    return f"{day} {moment:%H:%M:%S}" if moment.second and "s" in letters else f"{day} {moment:%H:%M}"


def _shown(token: DateToken, moment: datetime, *, twelve: bool) -> str:
    if token.kind == "noon":
        return ("AM" if moment.hour < 12 else "PM")[: 1 if token.text == "a/p" else 2]
    if token.kind != "date":
        return "" if token.kind == "text" else token.text
    letter, count = token.text[0], len(token.text)
    hour = (moment.hour % 12 or 12) if twelve else moment.hour
    if letter == "s":
        seconds, _, places = token.text.partition(".")
        part = f".{moment.microsecond:06}"[: len(places) + 1] if places else ""
        return f"{moment.second:0{min(len(seconds), 2)}}{part}"
    if letter == "y":
        return f"{moment.year % 100:02}" if count <= 2 else f"{moment.year:04}"
    if letter in "md" and count > 2:
        name = _MONTHS[moment.month - 1] if letter == "m" else _DAYS[moment.weekday()]
        return name[:3] if count == 3 else name[:1] if count == 5 and letter == "m" else name
    number = {"m": moment.month, "d": moment.day, "h": hour, "n": moment.minute}.get(letter)
    return "" if number is None else f"{number:0{min(count, 2)}}"


def _elapsed(value: float, tokens: Sequence[DateToken]) -> str:
    """Return a duration: the unit in brackets counts on, [h]:mm shows 1.25 days as 30:00."""
    texts = [token.text for token in tokens if token.kind in ("date", "elapsed")]
    places = max((len(text.partition(".")[2]) for text in texts), default=0)
    smallest = next((unit for unit in "smh" if any(text[0] == unit for text in texts)), "s")
    size = {"s": 10.0**-places, "m": 60.0, "h": 3600.0}[smallest]
    # Rounded to what the smallest shown unit shows; Excel cuts minutes and hours.
    seconds = abs(value) * 86_400
    seconds = round(seconds / size) * size if smallest == "s" else int(seconds / size + 1e-6) * size
    counted = next(token.text[0] for token in tokens if token.kind == "elapsed")
    whole = int(seconds + 1e-9)
    shown = []
    for kind, text in tokens:
        if kind not in ("date", "elapsed"):
            shown.append("" if kind in ("noon", "text") else text)
            continue
        width = len(re.match(r"[a-z]+", text)[0])  # type: ignore[index]
        total = {"h": whole // 3600, "m": whole // 60, "s": whole}.get(text[0], 0)
        number = total if text[0] == counted else total % 60 if text[0] != "h" else total % 24
        part = f"{seconds % 1:.{places}f}"[1:] if "." in text else ""
        shown.append(f"{number:0{width}}{part}")
    return ("-" if value < 0 and whole else "") + "".join(shown)
