"""Copy the points of every live chunk from one index to another one of the same space. Nothing is embedded again.

Words come from SQL, vectors from the index they are in. What the other index holds whole is left out, so a move that
was killed goes on where it was.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from retrieval.errors import RetrievalError
from retrieval.index import Hit, Index, Point, Scope
from retrieval.ingestion import points, spaces
from retrieval.models import Chunk, Document

_POINTS_AT_ONCE = 200
_SAMPLES = 20
_QUERY_WORDS = 12
_HITS = 10
_SCORE_TOLERANCE, _SIMILARITY_TOLERANCE = 0.1, 0.01  # rare words weigh by what else an index still holds


class MoveFailed(RetrievalError):
    """The other index can't be relied on; the one moved from is as it was."""


@dataclass(frozen=True)
class Moved:
    """The outcome of a move: what the other index holds now, how many chunks this call copied, and how many searches of
    both were compared."""

    documents: int
    chunks: int
    copied: int
    compared: int


def move(*, source: Index, target: Index, has_vectors: bool, report: Callable[[int, int], None]) -> Moved:
    """Copy all points from one index to another, remove those that SQL doesn't know, and compare. `report` is called
    with the chunks done and to do.

    Raises MoveFailed or IndexUnavailable; doing it again goes on.
    """
    wanted = spaces.live_counts()
    held = target.holdings()
    lacking = [key for key, total in sorted(wanted.items()) if held.get(key, 0) != total]
    done, total = 0, sum(wanted[key] for key in lacking)
    report(done, total)
    for document_id, generation in lacking:
        for chunks in _batches(document_id, generation):
            target.upsert(_points(chunks, source=source, has_vectors=has_vectors))
            done += len(chunks)
            report(done, total)
    _remove_strangers(target, live=dict(wanted.keys()))
    _check_counts(target)
    compared = _compare(source, target, has_vectors=has_vectors)
    return Moved(documents=len(wanted), chunks=sum(wanted.values()), copied=done, compared=compared)


def _batches(document_id: int, generation: int) -> Iterator[list[Chunk]]:
    chunks = Chunk.objects.filter(document=document_id, generation=generation).select_related("document")
    rows = chunks.order_by("position").iterator(chunk_size=_POINTS_AT_ONCE)
    while batch := list(islice(rows, _POINTS_AT_ONCE)):
        yield batch


def _points(chunks: Sequence[Chunk], *, source: Index, has_vectors: bool) -> list[Point]:
    import numpy as np

    vectors = source.vectors([chunk.pk for chunk in chunks]) if has_vectors else {}
    if missing := [chunk for chunk in chunks if has_vectors and chunk.pk not in vectors]:
        raise MoveFailed(
            f"The index lacks {len(missing)} chunks of “{missing[0].document}”: run “manage.py reconcile” where it is "
            "served from, then move again."
        )
    return [
        points.point(
            chunk,
            chunk.document,
            text=points.ranking_text(chunk.document.title, headings=chunk.headings, text=chunk.searched_text),
            vector=np.asarray(vectors[chunk.pk], np.float32) if has_vectors else None,
        )
        for chunk in chunks
    ]


def _remove_strangers(target: Index, *, live: Mapping[int, int]) -> None:
    """Remove points of documents that are gone, and of generations older than the live one of each document."""
    for document_id, generation in target.holdings():
        if document_id not in live:
            target.remove(document_id)
        elif generation < live[document_id]:
            target.remove(document_id, up_to_generation=generation)


def _check_counts(target: Index) -> None:
    """Compare the counts with SQL as it is now, so that a document that changed while it was copied is no loss. Raises
    MoveFailed."""
    held = target.holdings()
    for (document_id, generation), total in spaces.live_counts().items():
        if held.get((document_id, generation), 0) != total:
            title = Document.objects.get(pk=document_id).title
            raise MoveFailed(
                f"“{title}” has {total} chunks, of which {held.get((document_id, generation), 0)} arrived: it changed "
                "meanwhile, or points were lost. Move again."
            )


def _compare(source: Index, target: Index, *, has_vectors: bool) -> int:
    """Ask both indexes for the same chunks. Return how many questions they agreed on, which is all that were asked."""
    chosen = list(Chunk.objects.order_by("pk").values_list("pk", flat=True)[: _SAMPLES * 50])
    random.Random(0).shuffle(chosen)  # noqa: S311 - the same sample each time
    for chunk in Chunk.objects.filter(pk__in=chosen[:_SAMPLES]).select_related("document").order_by("pk"):
        vector = source.vectors([chunk.pk]).get(chunk.pk) if has_vectors else None
        text, scope = " ".join(chunk.text.split()[:_QUERY_WORDS]), Scope([chunk.document.collection_id])
        languages = [chunk.document.language]
        ours, theirs = (
            index.search(text, vector=vector, scope=scope, limit=_HITS, languages=languages)
            for index in (source, target)
        )
        if not _agree(ours, theirs):
            raise MoveFailed(f"Both indexes answer “{text}” differently: move again, or run “manage.py reconcile”.")
    return min(_SAMPLES, len(chosen))


def _agree(ours: Sequence[Hit], theirs: Sequence[Hit]) -> bool:
    """Return whether what ranks first here is found there, with scores as close as two indexes of the same chunks
    have."""
    if not ours or not theirs:
        return not ours and not theirs
    best = ours[0]
    same = next((hit for hit in theirs if hit.id == best.id), None)
    if same is None:  # only by equal scores can another one be in its place
        return abs(theirs[0].score - best.score) <= _SCORE_TOLERANCE
    return abs((same.similarity or 0) - (best.similarity or 0)) <= _SIMILARITY_TOLERANCE
