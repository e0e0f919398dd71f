"""Headings, and the path of them above a place: a list, for a heading may hold any sign itself (`File > Export`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

PATH_MOST = 500  # characters of all headings of a path together: they rank a chunk with its text of some 1,000


@dataclass(frozen=True)
class Heading:
    """A heading in a text: where it begins, how deep it is (1 is the top) and what it says."""

    start: int
    level: int
    title: str


def heading_paths(headings: Iterable[Heading]) -> list[tuple[str, ...]]:
    """Return the paths in force, outermost heading first: `paths[n]` after the first n headings."""
    paths: list[tuple[str, ...]] = [()]
    open_headings: list[Heading] = []
    for heading in headings:
        open_headings = [above for above in open_headings if above.level < heading.level] + [heading]
        paths.append(_within_bounds([above.title for above in open_headings]))
    return paths


def section_name(path: Sequence[str]) -> str:
    """Return a path as people read it: "Setup > Windows". Nothing takes it apart again."""
    return " > ".join(path)


def _within_bounds(titles: Sequence[str]) -> tuple[str, ...]:
    """Return the titles as far as they have PATH_MOST characters, the last one of them cut."""
    path: list[str] = []
    left = PATH_MOST
    for title in titles:
        if title[:left]:
            path.append(title[:left])
            left -= len(title[:left])
    return tuple(path)
