"""Find words in one document, exactly, wherever its chunks begin and end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from retrieval.models import Document

MOST = 1_000  # places that are counted; nobody looks through more
WORDS_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class FoundPlaces:
    """Where the words stand, in order, as start and end; `more` when there are further places that were not counted."""

    places: tuple[tuple[int, int], ...]
    more: bool = False


def find(document: Document, words: str, *, limit: int = MOST) -> FoundPlaces:
    """Return where `words` stand in the document's text: letter case aside, and any white space for any other."""
    parts = words.split()
    if not parts:
        return FoundPlaces(())
    pattern = re.compile(r"\s{1,20}".join(map(re.escape, parts)), re.IGNORECASE)
    longest = sum(map(len, parts)) + 20 * len(parts)
    places = tuple(islice(_places(document, pattern, longest), limit + 1))
    return FoundPlaces(places[:limit], more=len(places) > limit)


def _places(document: Document, pattern: re.Pattern[str], longest: int) -> Iterator[tuple[int, int]]:
    """Searches each chunk together with the end of what is before it; `longest` is what a match can have at most."""
    live = document.chunks.filter(generation=document.live_generation).order_by("position")
    text, offset, after = "", 0, 0  # `text` begins at `offset`; what begins before `after` was looked at
    for start, chunk in live.values_list("start", "text").iterator(chunk_size=500):
        kept = min(len(text), longest, start - after) if start > after else 0
        text, offset = text[len(text) - kept :] + chunk, start - kept
        for match in pattern.finditer(text, max(0, after - offset)):
            yield offset + match.start(), offset + match.end()
            after = offset + match.end()
