"""How long answers took, as counts that can be added up: the times of many days are those of each, together.

A span of time is the n-th where its milliseconds lie between STEP ** (n - 1/2) and STEP ** (n + 1/2). What is read from
the counts is therefore within 1 % of the exact time.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

STEP = 1.02


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds that answers took: half no longer than `median`, 19 of 20 no longer than `slow`."""

    median: float
    slow: float


def span_of(milliseconds: float) -> int:
    """Return the number of the span that a time lies in."""
    return round(math.log(max(1.0, milliseconds), STEP))


def times_of(counts: Iterable[Mapping[str, int]]) -> Times | None:
    """Return the times in these counts, each by the number of its span; None where there are none."""
    spans: Counter[int] = Counter()
    for each in counts:
        for span, many in each.items():
            spans[int(span)] += many
    whole = spans.total()
    return Times(_at(spans, whole // 2), _at(spans, whole * 19 // 20)) if whole else None


def _at(spans: Mapping[int, int], place: int) -> float:
    """Return the time at this place, from 0, of all that are counted in their order."""
    passed = 0
    for span in sorted(spans):
        passed += spans[span]
        if passed > place:
            return STEP**span
    raise IndexError(place)
