"""Puts questions that nothing answered together with those that ask much the same.

A question joins the gap whose own question is likest to it, where they are like enough, else it begins one: so a gap
never changes its meaning, and each question is looked at once. Likeness is the cosine of the site's own vectors; where
no model makes any, the share of stems that two questions have in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from chatsite.models import Gap, GapQuestion, Run, RunQuerySet
from retrieval.configuration import runtime
from retrieval.errors import RetrievalError
from retrieval.text.terms import content_terms

if TYPE_CHECKING:
    from retrieval.embedding.embedder import Embedder, Vectors

LIKE = 0.72  # of a cosine on MiniLM's scale: the same question in other words
LIKE_BY_WORDS = 0.5  # of the stems that two questions hold, in common
AT_ONCE = 500  # questions that are looked at in one call
AT_A_LOOK = 100  # the same, while somebody waits for the page
IDLE_SECONDS = 60.0  # between two looks in the background
REMEMBERED = timedelta(days=90)  # how long a question waits to be looked at, and a gap for another question


def unanswered(*, since: datetime) -> RunQuerySet:
    """Return the runs since then whose question nothing answered, or whose answer a reader called wrong."""
    badly = Q(feedback__helpful=False)
    nothing = Q(answered=False, state=Run.State.COMPLETED)
    runs = (
        Run.objects.current()
        .of_readers()
        .filter(nothing | badly, mode=Run.Mode.RETRIEVAL, small_talk="", created_at__gte=since)
    )
    return runs.exclude(question="").order_by("created_at", "pk")


def group_new(*, most: int = AT_ONCE) -> int:
    """Put up to `most` questions that are in no gap yet into one each; return how many. Two at once do no harm."""
    since = timezone.now() - REMEMBERED
    runs = list(unanswered(since=since).filter(in_gap=None).only("pk", "question")[:most])
    if not runs:
        return 0
    embedder = _embedder()
    gaps = _Gaps(embedder, since=since)
    wordings = list(dict.fromkeys(run.question for run in runs))
    with transaction.atomic():
        found = {
            text: gaps.of(text, vector) for text, vector in zip(wordings, _vectors(wordings, embedder), strict=True)
        }
        rows = [GapQuestion(run=run, gap=found[run.question]) for run in runs]
        GapQuestion.objects.bulk_create(rows, ignore_conflicts=True)
        Gap.objects.filter(questions=None).delete()  # of questions that somebody else has put away meanwhile
    return len(runs)


def group_while_idle() -> bool:
    """Put new questions into their gaps before somebody looks; return whether there may be more. Once there is none, it
    waits a minute before it looks again."""
    global _none_at
    if _none_at is not None and monotonic() - _none_at < IDLE_SECONDS:
        return False
    _none_at = None if group_new() else monotonic()
    return _none_at is None


_none_at: float | None = None  # when this process last found none


@dataclass(slots=True)
class _Known:
    gap: Gap
    vector: Vectors | None
    words: frozenset[str]


class _Gaps:
    """The gaps of the last REMEMBERED, and those that are begun."""

    def __init__(self, embedder: Embedder | None, *, since: datetime) -> None:
        self._embedder = embedder
        of_gap = GapQuestion.objects.filter(gap=OuterRef("pk"), run__created_at__gte=since).order_by()
        self._known = [self._of(gap) for gap in Gap.objects.filter(Exists(of_gap))]  # a join would read each run since

    def _of(self, gap: Gap) -> _Known:
        import numpy as np  # here: the admin loads this module when the site starts

        ours = self._embedder is not None and gap.space == self._embedder.name
        vector = np.frombuffer(gap.vector, dtype=np.float32) if ours and gap.vector else None
        return _Known(gap, vector, content_terms(gap.question))

    def of(self, question: str, vector: Vectors | None) -> Gap:
        """Return the gap that the question belongs to, a new one where none is like enough."""
        words = content_terms(question)
        likest = max(self._known, key=lambda known: self._likeness(known, words, vector), default=None)
        if likest and self._likeness(likest, words, vector) >= 1:
            return likest.gap
        space = self._embedder.name if self._embedder and vector is not None else ""
        gap = Gap.objects.create(question=question, space=space, vector=b"" if vector is None else vector.tobytes())
        self._known.append(_Known(gap, vector, words))
        return gap

    def _likeness(self, known: _Known, words: frozenset[str], vector: Vectors | None) -> float:
        """Return how like they are, as a part of what is like enough."""
        if known.vector is not None and vector is not None and self._embedder:
            factor, added = self._embedder.scale
            return (float(known.vector @ vector) * factor + added) / LIKE
        either = len(known.words | words)
        return len(known.words & words) / either / LIKE_BY_WORDS if either else 0.0


def _embedder() -> Embedder | None:
    try:
        return runtime().embedder
    except RetrievalError:
        return None


def _vectors(questions: Sequence[str], embedder: Embedder | None) -> Sequence[Vectors | None]:
    if embedder is None:
        return [None] * len(questions)
    try:
        return [embedder.embed_query(question) for question in questions]
    except RetrievalError:  # an address that doesn't answer now: words will do
        return [None] * len(questions)
