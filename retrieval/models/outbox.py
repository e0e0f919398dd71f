"""What still has to be done, kept until it is: removals, rows that have changed, a new index."""

from __future__ import annotations

from django.db import models

from retrieval.fields import ReasonField


class IndexRemoval(models.Model):
    """The outbox: points that must still leave the index, and, of a document that is gone, its chunks and its file.
    Written in the transaction that makes them superfluous, kept until all is done."""

    document_id = models.PositiveBigIntegerField()
    collection_id = models.PositiveBigIntegerField(
        null=True, help_text="Whose words a document that is gone counts in."
    )
    up_to_generation = models.PositiveIntegerField(help_text="Points of this generation and older are removed.")
    file = models.CharField(max_length=200, blank=True, help_text="Of a document that is gone: its name in storage.")
    live_hash = models.CharField(max_length=64, blank=True, help_text="Its pages are kept as pictures under this.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"document {self.document_id} up to generation {self.up_to_generation}"


class ModelChange(models.Model):
    """The outbox of the site's own models: a row that has changed, or is gone, and whose document has to follow.
    Written in the transaction that changes the row; one with an error waits for the next change, or `sync_models`."""

    label = models.CharField(max_length=200, help_text="The model, as in news.article.")
    key = models.CharField(max_length=255, help_text="The row's primary key.")
    error = models.TextField(blank=True, db_default="", help_text="Why it can't be a document, for a person.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["label", "key"], name="change_of_row")]

    def __str__(self) -> str:
        return f"{self.label} {self.key}"


class Reindex(models.Model):
    """A request to bring an index to what SQL holds, and how far that is. A repair does it to the index that searches
    ask; a switch fills another one beside it, which then becomes the one that searches ask.

    It lives in SQL, so that the process that owns the embedded index does the work, and goes on after it was killed.
    """

    class Kind(models.TextChoices):
        REPAIR = "repair", "Repair"
        SWITCH = "switch", "Switch to the configured embedding model"

    kind = models.CharField(max_length=8, choices=Kind, unique=True)
    fingerprint = models.CharField(max_length=200, blank=True, help_text="Of the index it fills; empty until known.")
    former = models.CharField(max_length=200, blank=True, help_text="The index that is dropped after the switch.")
    done = models.PositiveIntegerField(default=0, help_text="Chunks that are in the index.")
    total = models.PositiveIntegerField(default=0, help_text="Chunks that have to be.")
    error = ReasonField(help_text="Why it waits, for a person.")
    cancelled = models.BooleanField(default=False)
    requested_at = models.DateTimeField(auto_now_add=True)
    switched_at = models.DateTimeField(null=True)
    owner = models.CharField(max_length=300, blank=True, help_text="The process that works on it.")
    lease_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.done:,} of {self.total:,} chunks"
