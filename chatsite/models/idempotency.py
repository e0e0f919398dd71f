"""Requests that were sent with an `Idempotency-Key`: sent again, they are answered by what they made the first time."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.utils import timezone

from chatsite.models.runs import Run


class IdempotentRequestQuerySet(models.QuerySet["IdempotentRequest"]):
    def remembered(self) -> IdempotentRequestQuerySet:
        """Return those of the last day."""
        return self.filter(created_at__gt=timezone.now() - REMEMBERED)

    def forget(self) -> None:
        """Delete the others."""
        self.filter(created_at__lte=timezone.now() - REMEMBERED).delete()


REMEMBERED = timedelta(hours=24)


class IdempotentRequest(models.Model):
    """What one request has made, a run or documents, under the key that its reader gave it. The constraint lets two at
    once make one. A run that is deleted takes it along: the key is free again."""

    owner = models.CharField(max_length=80, help_text="Whose key it is: an API key, a user, a browser.")
    digest = models.CharField(max_length=64, help_text="Of the key.")
    fingerprint = models.CharField(max_length=64, help_text="Of what was sent.")
    run = models.ForeignKey(Run, null=True, on_delete=models.CASCADE, related_name="+")
    made = models.JSONField(default=dict, help_text="What became of documents, as it was answered.")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    objects = IdempotentRequestQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["owner", "digest"], name="idempotency_key_once")]

    def __str__(self) -> str:
        return f"request of {self.owner}"
