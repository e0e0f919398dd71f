"""Which questions were answered from which documents: each question counts once for a document, however often its
answer cites it. Greetings are no questions, nor is what staff only tried, and one that was asked again in its place
doesn't count.

How often is read from counts that are kept by day (chatsite/overview/counting.py) and brought up to date by whoever
shows them; which questions, from the runs.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from chatsite.models import Citation, Run, RunQuerySet
from chatsite.models.counts import DocumentCount
from chatsite.overview.counting import DAYS, first_day
from retrieval.models import Document

__all__ = ["DAYS", "UNUSED_DAYS", "cited", "count_expression", "counts_of", "never_used", "not_cited", "runs_citing"]

UNUSED_DAYS = 30  # after which a document that nothing has ever cited counts as never used


def counts_of(documents: Collection[int]) -> dict[int, int]:
    """Return how many questions of the last DAYS were answered from each of these documents, by id; those from which
    none was are left out."""
    rows = _counts().filter(document__in=documents).values_list("document")
    return dict(rows.annotate(many=Sum("questions")))


def count_expression() -> Coalesce:
    """Return the same as an expression over documents, to sort them by."""
    rows = _counts().filter(document=OuterRef("pk")).values("document")
    return Coalesce(Subquery(rows.annotate(many=Sum("questions")).values("many")), Value(0))


def _counts() -> QuerySet[DocumentCount]:
    return DocumentCount.objects.order_by()  # older ones are deleted


def runs_citing(document: int) -> RunQuerySet:
    """Return the questions of the last DAYS that were answered from this document, the newest first."""
    citing = Citation.objects.filter(document=document).order_by().values("run")
    runs = Run.objects.current().of_readers().filter(pk__in=citing, small_talk="", created_at__gte=first_day())
    return runs.order_by("-created_at", "pk")


def cited(documents: QuerySet[Document]) -> QuerySet[Document]:
    """Return those of `documents` from which a question of the last DAYS was answered."""
    return documents.filter(pk__in=_counts().values("document"))


def not_cited(documents: QuerySet[Document]) -> QuerySet[Document]:
    """Return those of `documents` with text from which no question of the last DAYS was answered."""
    return documents.filter(live_generation__gt=0).exclude(pk__in=_counts().values("document"))


def never_used(documents: QuerySet[Document], *, now: datetime) -> QuerySet[Document]:
    """Return those of `documents` with text, there for UNUSED_DAYS, that no answer has ever cited."""
    old = documents.filter(live_generation__gt=0, created_at__lte=now - timedelta(days=UNUSED_DAYS))
    return old.filter(~Exists(Citation.objects.filter(document=OuterRef("pk"))))
