"""From two rankings to one: pure arithmetic over raw scores, so that both indexes rank alike."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from retrieval.index import Hit

Key = TypeVar("Key")

_FEW = 3  # points; from so few, nothing is learned about how scores spread. With 19, German questions lose by it
_BACKGROUND = 20  # points that a ranking by words is compared to, where so few hold any


class Ranked(NamedTuple):
    """A point that ranks among the best: what is stored with it, and its vector where that was asked for."""

    id: UUID
    payload: Mapping[str, Any]
    vector: Sequence[float] | None


def rank(
    words: Mapping[Key, float],
    cosines: Mapping[Key, float],
    *,
    vector: Sequence[float] | None,
    limit: int,
    trust: float = 1.0,
    read: Callable[[Sequence[Key], bool], Mapping[Key, Ranked]],
) -> list[Hit]:
    """Fuse both rankings, the one by vectors weighed by `trust`, and return the best `limit`.

    Keys are ids as the index has them. `read` returns the points with these keys, with their vectors when its second
    argument says so. Points that only words found are compared to `vector` here, unless it is None.
    """
    parts = (
        _normalized(words, among=min(len(cosines), _BACKGROUND)),
        {key: trust * score for key, score in _normalized(cosines).items()},
    )
    fused = {key: parts[0].get(key, 0.0) + parts[1].get(key, 0.0) for key in words.keys() | cosines.keys()}
    if not fused or limit < 1:
        return []
    last = sorted(fused.values(), reverse=True)[:limit][-1]
    best = [key for key, score in fused.items() if score >= last]  # more than `limit` when scores are equal
    others = read([key for key in best if key not in cosines and vector is not None], True)
    points = {**read([key for key in best if key in cosines or vector is None], False), **others}
    similarities = {**cosines, **_cosines(vector, {key: point.vector for key, point in others.items()})}

    hits = [
        Hit(
            id=point.id,
            document_id=point.payload["document_id"],
            generation=point.payload["generation"],
            position=point.payload["position"],
            score=fused[key],
            similarity=similarities.get(key),
            parts=(parts[0].get(key, 0.0), parts[1].get(key, 0.0)),
        )
        for key, point in points.items()
    ]
    return sorted(hits, key=lambda hit: (-hit.score, hit.document_id, hit.position))[:limit]


def fuse(*rankings: Mapping[Key, float], weights: Sequence[float]) -> dict[Key, float]:
    """Return each key's fused score (distribution-based score fusion): the sum of its normalised scores, each times its
    ranking's weight.

    In each ranking mean - 3 sigma becomes 0 and mean + 3 sigma becomes 1.
    https://qdrant.tech/documentation/concepts/hybrid-queries/
    """
    fused: dict[Key, float] = defaultdict(float)
    for scores, weight in zip(rankings, weights, strict=True):
        for key, score in _normalized(scores).items():
            fused[key] += weight * score
    return dict(fused)


def _normalized(scores: Mapping[Key, float], *, among: int = 0) -> dict[Key, float]:
    """Return the normalised scores. A few are compared `among` so many points: those that aren't in the ranking score 0
    in it, so that a word which hardly any chunk holds tells those apart from all others."""
    others = max(among - len(scores), 0) if len(scores) <= _FEW else 0
    if len({*scores.values(), *[0.0] * bool(others)}) < 2:
        return dict.fromkeys(scores, 0.5)
    count = len(scores) + others
    mean = math.fsum(scores.values()) / count  # `statistics.stdev` takes ten times as long
    squares = math.fsum((score - mean) ** 2 for score in scores.values()) + others * mean**2
    spread = 6 * math.sqrt(squares / (count - 1))
    lowest = mean - spread / 2
    return {key: (score - lowest) / spread for key, score in scores.items()}


def _cosines(query: Sequence[float] | None, vectors: Mapping[Key, Sequence[float] | None]) -> dict[Key, float]:
    """Return the cosine to `vector` of each point that has a vector; 0 for one of zeros."""
    present = {key: vector for key, vector in vectors.items() if vector is not None}
    if query is None or not present:
        return {}
    import numpy as np

    one, others = np.asarray(query, np.float64), np.asarray([*present.values()], np.float64)
    lengths = np.linalg.norm(others, axis=1) * np.linalg.norm(one)
    cosines = others @ one / np.where(lengths == 0, 1, lengths)
    return dict(zip(present, cosines.tolist(), strict=True))
