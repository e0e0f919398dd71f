"""From two rankings to one: pure arithmetic over raw scores, so that both indexes rank alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, stdev
from typing import Any, Protocol, TypeVar
from uuid import UUID

from retrieval.index import Hit

Key = TypeVar("Key")


class Scored(Protocol):
    """A point as both vendors return it."""

    @property
    def id(self) -> Any: ...  # UUID or its text

    @property
    def score(self) -> float: ...

    @property
    def payload(self) -> dict[str, Any] | None: ...


def rank(
    lexical: Sequence[Scored],
    dense: Sequence[Scored],
    *,
    limit: int,
    similarities: Callable[[list[Any]], Mapping[Any, float]],
    trust: float = 1.0,
) -> list[Hit]:
    """Fuse both rankings, the dense one weighted by `trust`, and keep the best `limit`; `similarities` gives the cosine
    of those that only words found."""
    cosines = {point.id: point.score for point in dense}
    fused = fuse({point.id: point.score for point in lexical}, cosines, weights=(1.0, trust))
    payloads = {point.id: point.payload or {} for point in (*lexical, *dense)}

    def order(key: object) -> tuple[float, int, int]:
        return -fused[key], payloads[key]["document_id"], payloads[key]["position"]

    best = sorted(fused, key=order)[:limit]
    cosines |= similarities([key for key in best if key not in cosines])
    return [
        Hit(
            id=UUID(str(key)),
            document_id=payloads[key]["document_id"],
            generation=payloads[key]["generation"],
            position=payloads[key]["position"],
            score=fused[key],
            similarity=cosines.get(key),
        )
        for key in best
    ]


def fuse(*rankings: Mapping[Key, float], weights: Sequence[float] = (1.0, 1.0)) -> dict[Key, float]:
    """Distribution-based score fusion: the sum of each key's normalised scores, those of each ranking times its weight.
    In each ranking mean - 3 sigma becomes 0 and mean + 3 sigma becomes 1.
    https://qdrant.tech/documentation/concepts/hybrid-queries/
    """
    fused: dict[Key, float] = defaultdict(float)
    for scores, weight in zip(rankings, weights, strict=True):
        for key, score in _normalized(scores).items():
            fused[key] += weight * score
    return dict(fused)


def _normalized(scores: Mapping[Key, float]) -> dict[Key, float]:
    spread = 6 * stdev(scores.values()) if len(scores) > 1 else 0.0
    if spread == 0:
        return dict.fromkeys(scores, 0.5)
    lowest = fmean(scores.values()) - spread / 2
    return {key: (score - lowest) / spread for key, score in scores.items()}
