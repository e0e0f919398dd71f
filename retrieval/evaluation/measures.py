"""How good a ranking is, and how sure that figure is: pure arithmetic over one question's results, then over all."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from retrieval.text.words import is_unspaced

CUTOFFS = (1, 3, 5, 10)
RESAMPLES = 2_000
SEED = 20_260
UNSPACED_WORD = 5  # letters; in scripts that don't space words, so many count as one

Place = tuple[str, int, int]  # document, first character, one past the last


@dataclass(frozen=True)
class Estimate:
    """The mean over questions, or their median, with the bounds of its 95 % interval. Percent, but for lengths."""

    mean: float
    low: float
    high: float


def recall(ranking: Sequence[str], relevant: Mapping[str, int], *, cutoff: int) -> float:
    """Return the share of the relevant documents that the first `cutoff` hold, 0 to 1."""
    wanted = {document for document, grade in relevant.items() if grade > 0}
    return len(wanted & set(ranking[:cutoff])) / len(wanted)


def reciprocal_rank(ranking: Sequence[str], relevant: Mapping[str, int], *, cutoff: int = 10) -> float:
    """Return 1 over the rank of the first relevant document; 0 when it isn't among the first `cutoff`."""
    ranks = (rank for rank, document in enumerate(ranking[:cutoff], start=1) if relevant.get(document, 0) > 0)
    return 1 / next(ranks, math.inf)


def normalized_gain(ranking: Sequence[str], relevant: Mapping[str, int], *, cutoff: int = 10) -> float:
    """Return nDCG with linear gains, none below 0, as trec_eval and BEIR have it (Järvelin and Kekäläinen 2002)."""

    def gain(grades: Sequence[int]) -> float:
        return sum(grade / math.log2(rank + 1) for rank, grade in enumerate(grades[:cutoff], start=1))

    ideal = sorted((grade for grade in relevant.values() if grade > 0), reverse=True)
    return gain([max(relevant.get(document, 0), 0) for document in ranking[:cutoff]]) / gain(ideal)


def span_overlap(found: Sequence[Place], wanted: Sequence[Place]) -> tuple[float, float]:
    """Return recall and precision in characters: how much of `wanted` was found, and how much of `found` was wanted.
    Characters that two places share count once."""
    sought, got = _characters(wanted), _characters(found)
    shared = sum(
        max(0, min(end, other_end) - max(start, other_start))
        for document, start, end in sought
        for other, other_start, other_end in got
        if document == other
    )
    return shared / (_length(sought) or 1), shared / (_length(got) or 1)


def gain_of_places(found: Sequence[Place], wanted: Sequence[Place], *, cutoff: int = 10) -> float:
    """Return nDCG where the gain of a place is the share of `wanted`, in characters, that it holds and none before it
    does; at best the first holds all."""
    shares = [0.0, *(span_overlap(found[:rank], wanted)[0] for rank in range(1, min(len(found), cutoff) + 1))]
    return sum((share - before) / math.log2(rank + 1) for rank, (before, share) in enumerate(pairwise(shares), start=1))


def _characters(places: Sequence[Place]) -> list[Place]:
    """Return the same characters in places that don't overlap."""
    joined: list[Place] = []
    for document, start, end in sorted(places):
        if joined and joined[-1][0] == document and start <= joined[-1][2]:
            joined[-1] = (document, joined[-1][1], max(joined[-1][2], end))
        else:
            joined.append((document, start, end))
    return joined


def _length(places: Sequence[Place]) -> int:
    return sum(end - start for _, start, end in places)


def word_count(text: str) -> int:
    """Return how many words the text has, or would have if its script spaced them."""
    return sum(-(-len(run) // UNSPACED_WORD) if is_unspaced(run) else 1 for run in text.split())


def middle(values: Sequence[float], *, median: bool = False) -> float:
    """Return the mean of the values, or their median."""
    return float(statistics.median(values)) if median else statistics.fmean(values)


def estimate(values: Sequence[float], *, median: bool = False) -> Estimate:
    """Return the mean, or the median, and its percentile bootstrap interval (Efron 1979), the same at every call."""
    found = sorted(_resampled(values, median=median))
    low, high = (found[round(share * (RESAMPLES - 1))] for share in (0.025, 0.975))
    return Estimate(middle(values, median=median), low, high)


def p_value(one: Sequence[float], other: Sequence[float]) -> float:
    """Return how often a difference as large as that of the means would come by chance.

    This is a paired, two-sided bootstrap over the questions (Smucker, Allan and Carterette 2007): the differences are
    shifted to a mean of 0 and drawn again.
    """
    differences = [b - a for a, b in zip(one, other, strict=True)]
    observed = statistics.fmean(differences)
    if not any(differences):
        return 1.0
    as_large = sum(abs(mean - observed) >= abs(observed) for mean in _resampled(differences))
    return (as_large + 1) / (RESAMPLES + 1)


def _resampled(values: Sequence[float], *, median: bool = False) -> list[float]:
    import numpy as np

    numbers, generator = np.asarray(values, float), np.random.default_rng(SEED)
    draws = (numbers[generator.integers(len(numbers), size=len(numbers))] for _ in range(RESAMPLES))
    return [float(np.median(draw) if median else draw.mean()) for draw in draws]
