"""Counts of questions by day, so that pages of the admin need not count a million runs each time they are looked at.

What they count stays the truth: chatsite/overview/counting.py makes them from it, and makes them again for a period in
which something has changed since. They name groups, collections and documents by id, without a foreign key: nobody who
deletes one is to be asked about its counts, and those of one that is gone are never looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import models, transaction
from django.utils import timezone

SETTLED = timedelta(minutes=10)  # after a period's end: only then are its counts kept
FRESH = SETTLED / 2  # a question that is no older is in no period whose counts are kept, whatever the clocks say


class CountedPeriod(models.Model):
    """A day or, of the last day, an hour whose questions are counted. Times as the site has its days."""

    begins = models.DateTimeField(unique=True)
    ends = models.DateTimeField(help_text="The first moment that is no longer in it.")

    class Meta:
        ordering = ["begins"]

    def __str__(self) -> str:
        return f"{self.begins} – {self.ends}"


class QuestionCount(models.Model):
    """The questions of a period that one agent was asked and one model answered: of all readers, or of those in
    `group`; with whatever answer, or with one that cites `collection`."""

    period = models.ForeignKey(CountedPeriod, on_delete=models.CASCADE, related_name="question_counts")
    group = models.BigIntegerField(null=True)
    collection = models.BigIntegerField(null=True)
    agent = models.CharField(max_length=60)  # empty: the site itself
    model = models.CharField(max_length=120)
    questions = models.PositiveIntegerField()
    answered = models.PositiveIntegerField()
    unsupported = models.PositiveIntegerField()
    refused = models.PositiveIntegerField()
    failed = models.PositiveIntegerField()
    helpful = models.PositiveIntegerField()
    not_helpful = models.PositiveIntegerField()
    input_tokens = models.PositiveBigIntegerField()
    output_tokens = models.PositiveBigIntegerField()
    cached_tokens = models.PositiveBigIntegerField()
    reasoning_tokens = models.PositiveBigIntegerField()
    first_text = models.JSONField(help_text="How many answers began within each span of time; see overview/times.py.")
    total = models.JSONField(help_text="The same of their ends.")

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["group", "collection"], name="question_counts_by_both")]

    def __str__(self) -> str:
        return f"{self.period_id}: {self.questions}"


class DocumentCount(models.Model):
    """How many questions of a period were answered from a document."""

    period = models.ForeignKey(CountedPeriod, on_delete=models.CASCADE, related_name="document_counts")
    document = models.BigIntegerField()
    questions = models.PositiveIntegerField()

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["document", "questions"], name="document_counts_by_document")]

    def __str__(self) -> str:
        return f"{self.document}: {self.questions}"


class ChangedMomentQuerySet(models.QuerySet["ChangedMoment"]):
    def note(self, moments: Iterable[datetime | None]) -> None:
        """Have the periods of these moments counted again: to be called in the transaction of the change."""
        recent = timezone.now() - FRESH
        older = {moment for moment in moments if moment is not None and moment < recent}
        self.bulk_create([ChangedMoment(moment=moment) for moment in sorted(older)], batch_size=500)


class ChangedMoment(models.Model):
    """A question of that moment has changed since its period was counted. Rows are added and never changed, so that who
    notes a change waits for nobody; whoever counts deletes those it has seen."""

    moment = models.DateTimeField()

    objects = ChangedMomentQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return str(self.moment)


def note_changes(rows: models.QuerySet[Any], change: Callable[[], int], *, when: str) -> int:
    """Change `rows` and note the moments, at the field `when`, of what has changed, both or neither. Return how many
    rows were changed. One that nobody can have counted yet costs one look."""
    older = rows.order_by().filter(**{f"{when}__lt": timezone.now() - FRESH}).values_list(when, flat=True)
    keys = list(rows.order_by().values_list("pk", flat=True)) if older.exists() else []
    if not keys:
        return change()
    with transaction.atomic():
        ChangedMoment.objects.note(older)
        changed = change()
        ChangedMoment.objects.note(rows.model._default_manager.filter(pk__in=keys).values_list(when, flat=True))
        return changed


class CountingTurn(models.Model):
    """One row, which whoever counts changes first: so no two count at the same time."""

    taken_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return str(self.taken_at)
