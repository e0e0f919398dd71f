"""Passages that the steps of a workflow have found, numbered so that what it ends with can cite them."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping

from retrieval.searching.passages import Passage

_MARKER = re.compile(r"\[(\d{1,3})\]")


class Findings:
    """What may be cited, by number. Steps that run at once add to it."""

    def __init__(self) -> None:
        self.passages: dict[int, Passage] = {}
        self.not_run: set[str] = set()  # names of what a trial was to run and doesn't
        self._lock = threading.Lock()

    def add(self, passages: Iterable[Passage]) -> list[int]:
        """Return the numbers of these; one that is found twice keeps its number."""
        with self._lock:
            return [self._number(passage) for passage in passages]

    def _number(self, passage: Passage) -> int:
        place = (passage.document_id, passage.start, passage.end)
        for number, other in self.passages.items():
            if place == (other.document_id, other.start, other.end):
                return number
        number = len(self.passages) + 1
        self.passages[number] = passage
        return number

    def renumbered(self, text: str, passages: Mapping[int, Passage]) -> tuple[str, dict[int, int]]:
        """Return a text that cites `passages` by their numbers with the numbers here, and those by the former ones."""
        numbers = dict(zip(passages, self.add(passages.values()), strict=True))
        return _MARKER.sub(lambda found: f"[{numbers.get(int(found[1]), found[1])}]", text), numbers
