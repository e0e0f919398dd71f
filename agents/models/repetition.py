"""Notice that a model repeats itself, as small ones do without end."""

from __future__ import annotations

import re
from collections import Counter, deque

EVERY = 100  # characters between two looks: a look is a handful of searches in what was said last
TAIL = 12_000  # characters that are looked at
PROBE = 24  # the last characters, whose earlier places tell how long what repeats may be
CANDIDATES = 6
# How often the same must stand in a row, and how long that must be in all. Words: a refrain, "ha ha ha", like cells of
# a table stay below it. No words: rules of tables, rows of zeros, drawings.
WORDS_TIMES, WORDS_CHARACTERS = 10, 1_000
SIGNS_TIMES, SIGNS_CHARACTERS = 40, 2_500
# In code and in data, where rows are alike by nature.
DATA_TIMES, DATA_CHARACTERS = 40, 5_000
# Lines that differ in their numbers only, as of a list that counts on for ever: only where they say something else too.
# A list of rooms, or the rows of a table as text, stay below it.
COUNTED_TIMES, COUNTED_CHARACTERS, COUNTED_LETTERS = 60, 8_000, 20
# The same line, not in a row: among the last so many, so often, with so many letters.
LINES, LINE_TIMES, LINE_LETTERS = 60, 30, 30

NUMBER = re.compile(r"\d+")
LETTER = re.compile(r"[^\W\d_]")


class RepetitionGuard:
    """Takes a text as it comes; the cost of each character is constant. `data` is all of it JSON or the like."""

    def __init__(self, *, data: bool = False) -> None:
        self._data = data
        self._ticks = ""  # at the end, which may be the beginning of a fence
        self._tail = ""
        self._new: list[str] = []
        self._counted = ""  # the tail with its numbers alike
        self._since = 0
        self._line = ""
        self._in_code = False
        self._lines: deque[str] = deque(maxlen=LINES)

    def feed(self, text: str) -> bool:
        """Return whether the text repeats itself by now."""
        self._new.append(text)
        self._since += len(text)
        if self._since < EVERY:
            return False
        new = "".join(self._new)
        self._new, self._since = [], 0
        self._tail = (self._tail + new)[-TAIL:]
        alike = NUMBER.sub("#", new)
        # A number may have come in two parts.
        self._counted = (self._counted + alike.removeprefix("#" if self._counted.endswith("#") else ""))[-TAIL:]
        fences = self._ticks + new
        self._in_code ^= fences.count("```") % 2 == 1
        ticks = len(fences) - len(fences.rstrip("`"))
        self._ticks = "`" * (ticks % 3)
        if self._data or self._in_code:
            self._lines.clear()
            return _repeats(self._tail, DATA_TIMES, DATA_CHARACTERS)
        return self._repeats_lines(new) or _repeats(self._tail) or _counts_on(self._counted)

    def _repeats_lines(self, new: str) -> bool:
        *whole, self._line = (self._line + new).split("\n")
        self._line = self._line[-TAIL:]
        self._lines.extend(line.strip() for line in whole if line.strip())
        if not whole or len(self._lines) < LINE_TIMES:
            return False
        line, times = Counter(self._lines).most_common(1)[0]
        return times >= LINE_TIMES and not line.startswith("|") and len(LETTER.findall(line)) >= LINE_LETTERS


def _repeats(text: str, words_times: int = WORDS_TIMES, words_characters: int = WORDS_CHARACTERS) -> bool:
    for unit, times in _units(text, min(words_characters, SIGNS_CHARACTERS)):
        length = len(unit) * times
        if LETTER.search(unit):
            if times >= words_times and length >= words_characters:
                return True
        elif times >= SIGNS_TIMES and length >= SIGNS_CHARACTERS:
            return True
    return False


def _counts_on(text: str) -> bool:
    return any(
        times >= COUNTED_TIMES
        and len(unit) * times >= COUNTED_CHARACTERS
        and "#" in unit
        and "|" not in unit
        and len(LETTER.findall(unit)) >= COUNTED_LETTERS
        for unit, times in _units(text, COUNTED_CHARACTERS)
    )


def _units(text: str, characters: int) -> list[tuple[str, int]]:
    """Return what the text may end with several times in a row, and how often it does."""
    if len(text) < characters:
        return []
    probe, at = text[-PROBE:], len(text) - PROBE
    units: list[tuple[str, int]] = []
    for _ in range(CANDIDATES):
        at = text.rfind(probe, 0, at + PROBE - 1)
        if at < 0:
            break
        unit = text[at + PROBE :]
        times = 1
        while text.endswith(unit, 0, len(text) - times * len(unit)):
            times += 1
        units.append((unit, times))
    return units
