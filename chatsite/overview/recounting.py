"""Whether the counts that figures are read from are still what a count of the runs gives, and counting all anew."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone

from chatsite.models.counts import SETTLED, ChangedMoment, CountedPeriod, QuestionCount
from chatsite.overview.counting import NUMBERS, Period, bring_up_to_date, counts_of, take_turn
from retrieval.models import Collection, Document


def differing() -> list[Period]:
    """Return the periods whose counts are kept and are not what is counted now, though no change of them is noted.
    There are none, unless something has written past this application."""
    settled = CountedPeriod.objects.filter(ends__lte=timezone.now() - SETTLED)
    found = [Period(row.begins, row.ends, settled=True) for row in settled]
    return [period for period in found if _differs(period)]


def count_anew() -> int:
    """Forget all counts and count everything again; return how many periods there are."""
    with transaction.atomic():
        take_turn()
        CountedPeriod.objects.all().delete()
    bring_up_to_date(all_of_it=True)
    return CountedPeriod.objects.count()


def _differs(period: Period) -> bool:
    with transaction.atomic():
        take_turn()
        row = CountedPeriod.objects.filter(begins=period.begins, ends=period.ends).first()
        changed = ChangedMoment.objects.filter(moment__gte=period.begins, moment__lt=period.ends)
        if row is None or changed.exists():
            return False
        ((_, counts),) = counts_of([period])
        kept = dict(row.document_counts.values_list("document", "questions"))
        known = set(Document.objects.filter(pk__in=kept).values_list("pk", flat=True))
        if {pk: many for pk, many in kept.items() if pk in known} != counts.documents:
            return True
        return _comparable(row.question_counts.all()) != _comparable(counts.question_rows(row))


def _comparable(rows: Iterable[QuestionCount]) -> set[tuple[Any, ...]]:
    """Return what these rows say, but for those of a group or a collection that has been deleted since."""
    groups = {None, *Group.objects.values_list("pk", flat=True)}
    collections = {None, *Collection.objects.values_list("pk", flat=True)}
    return {
        (row.group, row.collection, row.agent, row.model, *(getattr(row, name) for name in NUMBERS), *_spans(row))
        for row in rows
        if row.group in groups and row.collection in collections
    }


def _spans(row: QuestionCount) -> tuple[tuple[tuple[str, int], ...], ...]:
    return tuple(tuple(sorted(spans.items())) for spans in (row.first_text, row.total))
