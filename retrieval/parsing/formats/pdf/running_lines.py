"""Lines that repeat at the edges of a PDF's pages."""

from __future__ import annotations

import re
from collections.abc import Sequence

_EDGE_LINES = 2  # at the top and at the bottom, that may repeat on every page
_NUMBER = re.compile(r"\d{1,9}")


def without_running_lines(pages: Sequence[list[str]]) -> list[list[str]]:
    """Return the pages without the lines that repeat at their edges, which would stand amid sentences that cross a
    page. The first of such lines is kept where it stands, if it says something."""
    edges = [_edges(lines) for lines in pages]
    said: set[str] = set()
    kept = []
    for number, lines in enumerate(pages):
        dropped = set()
        for index, (side, shape, numbers) in edges[number].items():
            if _is_running(edges, number, side, shape, numbers):
                if shape in said or not any(map(str.isalpha, shape)):
                    dropped.add(index)
                said.add(shape)
        kept.append([line for index, line in enumerate(lines) if index not in dropped])
    return kept


def _edges(lines: Sequence[str]) -> dict[int, tuple[str, str, list[int]]]:
    """Return the lines at the top and at the bottom by index: the side, the words without numbers, the numbers."""
    filled = [index for index, line in enumerate(lines) if line.strip()]
    sides = dict.fromkeys(filled[:_EDGE_LINES], "top") | dict.fromkeys(filled[-_EDGE_LINES:], "bottom")
    if len(filled) <= 2 * _EDGE_LINES:  # a page with that little on it has no edges
        sides = {}
    return {
        index: (side, " ".join(_NUMBER.sub("#", lines[index]).split()), [*map(int, _NUMBER.findall(lines[index]))])
        for index, side in sides.items()
    }


def _is_running(
    edges: Sequence[dict[int, tuple[str, str, list[int]]]], number: int, side: str, shape: str, numbers: list[int]
) -> bool:
    """Return whether two of the four pages around have this line too, with the same numbers or with numbers that count
    on as pages do."""
    alike = 0
    for distance in (-2, -1, 1, 2):
        if 0 <= number + distance < len(edges):
            alike += any(
                (other_side, other_shape) == (side, shape)
                and all(theirs - ours in (0, distance) for ours, theirs in zip(numbers, others, strict=True))
                for other_side, other_shape, others in edges[number + distance].values()
            )
    return alike >= 2
