"""Hits that say the same as a better one, in another document: pure arithmetic over their texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from retrieval.index import Hit
from retrieval.text.words import words

ALIKE = 0.8  # Jaccard similarity of three-word shingles (Broder 1997): a date or a name differs, not the matter
_SHINGLE = 3


def without_repeats(hits: Sequence[Hit], *, text_of: Callable[[Hit], str]) -> tuple[list[Hit], dict[Hit, list[int]]]:
    """Return the hits without those that repeat a better one, and, for each hit that was repeated, the other documents
    that hold it.

    What a document repeats of itself stays: it stands in another place there.
    """
    kept: list[tuple[Hit, frozenset[tuple[str, ...]]]] = []
    elsewhere: dict[Hit, list[int]] = {}
    for hit in hits:
        shingles = _shingles(text_of(hit))
        same = (other for other, theirs in kept if hit.document_id != other.document_id and _alike(shingles, theirs))
        first = next(same, None)
        if first is None:
            kept.append((hit, shingles))
        elif hit.document_id not in (found := elsewhere.setdefault(first, [])):
            found.append(hit.document_id)
    return [hit for hit, _ in kept], elsewhere


def are_alike(one: str, other: str) -> bool:
    """Say whether two texts are the same but for a date or a name."""
    return _alike(_shingles(one), _shingles(other))


def _shingles(text: str) -> frozenset[tuple[str, ...]]:
    listed = words(text)
    size = min(_SHINGLE, len(listed))
    return frozenset(zip(*(listed[offset:] for offset in range(size)), strict=False))


def _alike(one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]) -> bool:
    size, other_size = len(one), len(other)
    if size < ALIKE * other_size or other_size < ALIKE * size or not size:
        return False
    shared = len(one & other)
    return shared >= ALIKE * (size + other_size - shared)
