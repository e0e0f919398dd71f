"""The best hits in a new order, by a closer look at their texts. Off unless `RERANK` names it: docs/retrieval.md."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from retrieval.embedding.cross_encoder import CrossEncoder
from retrieval.embedding.embedder import Embedder, TokenEmbedder
from retrieval.index import Hit
from retrieval.index.ranking import fuse

if TYPE_CHECKING:
    from retrieval.embedding.embedder import Vectors

METHODS = ("", "maxsim", "reader")
DEPTH = 15  # hits that are read again, of which each costs about 7 ms
READER_WEIGHT = 0.1  # of the reader's logit, beside a fused score of 0 to 2


def rerank(
    query: str, hits: Sequence[Hit], *, text_of: Callable[[Hit], str], embedder: Embedder, depth: int = DEPTH
) -> list[Hit]:
    """Return the first `depth` of `hits` ordered by their fused score and MaxSim together, equally weighted, and the
    others behind them as they were.

    With an embedder that gives no vectors of tokens, nothing changes. MaxSim is late interaction as in ColBERT (Khattab
    and Zaharia 2020, arXiv 2004.12832), with the vectors that MiniLM has of each token before it takes their mean.
    """
    looked_at, rest = hits[:depth], hits[depth:]
    if not isinstance(embedder, TokenEmbedder) or not looked_at:
        return list(hits)
    asked, *read = embedder.embed_tokens([query, *map(text_of, looked_at)])
    closeness = {hit: max_similarity(asked, vectors) for hit, vectors in zip(looked_at, read, strict=True)}
    scores = fuse({hit: hit.score for hit in looked_at}, closeness, weights=(1.0, 1.0))
    ordered = sorted(looked_at, key=lambda hit: (-scores[hit], hit.document_id, hit.position))
    return [*(replace(hit, score=scores[hit]) for hit in ordered), *rest]


def max_similarity(query: Vectors, text: Vectors) -> float:
    """Return the mean over the query's tokens of the cosine to the token of the text that is closest to it."""
    return float((query @ text.T).max(axis=1).mean()) if query.size and text.size else 0.0


def reread(
    question: str,
    hits: Sequence[Hit],
    *,
    text_of: Callable[[Hit], str],
    title_of: Callable[[Hit], str],
    encoder: CrossEncoder,
    depth: int = DEPTH,
    goes_on: Callable[[], bool],
) -> tuple[int, list[Hit]]:
    """Return how many of the first `depth` hits were read while it `goes_on`; and all of them, those that were read
    ordered by their fused score and what the reader says of them, the others behind them as they were."""
    read: list[Hit] = []
    for hit in hits[:depth]:
        if not goes_on():
            break
        logit = encoder.logit(question, text_of(hit), title=title_of(hit))
        read.append(replace(hit, score=hit.score + READER_WEIGHT * logit))
    read.sort(key=lambda hit: (-hit.score, hit.document_id, hit.position))
    return len(read), [*read, *hits[len(read) :]]
