"""Sources that collections are kept in step with: what is known of each, and what its last runs did."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from retrieval.fields import ReasonField, SourceSettingsField
from retrieval.models.collections import Collection
from retrieval.models.documents import Document


class SyncedSource(models.Model):
    """A site, a feed, a repository or a storage whose documents a collection holds. The row is its place in the queue:
    it is due at `next_due`, and belongs to whoever wrote `token` until the lease ends."""

    class Every(models.TextChoices):
        HAND = "hand", _("By hand")
        HOUR = "hour", _("Every hour")
        DAY = "day", _("Every day")
        WEEK = "week", _("Every week")

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="synced_sources")
    name = models.CharField(_("name"), max_length=120)
    kind = models.CharField(max_length=40, help_text="Of a `DocumentSource`.")
    settings = SourceSettingsField(
        default=dict, help_text="What its form was given; what is secret of it is never shown, and in no fixture."
    )
    every = models.CharField(_("schedule"), max_length=4, choices=Every, default=Every.DAY)
    at = models.TimeField(_("at"), null=True, blank=True, help_text=_("In the site’s time zone."))
    weekday = models.PositiveSmallIntegerField(_("weekday"), null=True, blank=True)
    active = models.BooleanField(default=True, help_text="False: paused.")
    next_due = models.DateTimeField(null=True, help_text="None: not before somebody asks for it.")
    mark = models.CharField(max_length=500, blank=True, default="", help_text="Of all that it held, where it has one.")
    token = models.CharField(max_length=32, blank=True, default="", help_text="Of the run under way; empty: none is.")
    holder = models.CharField(max_length=8, blank=True, default="", help_text="Who runs it: site or command.")
    lease_until = models.DateTimeField(null=True)
    held = models.PositiveIntegerField(default=0, help_text="Documents that are gone, and wait for a person's word.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "pk"]
        indexes = [models.Index(fields=["active", "next_due"], name="synced_source_due")]
        constraints = [models.UniqueConstraint(fields=["collection", "name"], name="synced_source_name_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def folder(self) -> str:
        """Return what its documents have as `folder`."""
        return f"source:{self.pk}"


class SyncedEntry(models.Model):
    """What is known of one thing that a source has: a page, a file. Without a document it is as good as new."""

    source = models.ForeignKey(SyncedSource, on_delete=models.CASCADE, related_name="entries")
    key = models.CharField(max_length=2000, help_text="As the source names it.")
    version = models.CharField(max_length=500, blank=True, help_text="As the source told it last.")
    title = models.CharField(
        max_length=300, blank=True, help_text="As the source gave it last; staff may give another."
    )
    memory = models.JSONField(default=dict, help_text="What the source wants to know of it the next time.")
    document = models.ForeignKey(Document, null=True, on_delete=models.SET_NULL, related_name="+")
    missing = models.BooleanField(default=False, help_text="Gone, and its document waits for a person's word.")
    checked_at = models.DateTimeField(null=True, help_text="When it was last read, or found unchanged by asking.")

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["source", "key"], name="synced_entry_once")]

    def __str__(self) -> str:
        return self.key


class SyncRun(models.Model):
    """One look at a source, and its counts."""

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        DONE = "done", _("In step")
        INCOMPLETE = "incomplete", _("Not seen whole")
        HELD = "held", _("Waits for your word")
        INTERRUPTED = "interrupted", _("Interrupted")
        FAILED = "failed", _("Failed")

    source = models.ForeignKey(SyncedSource, on_delete=models.CASCADE, related_name="runs")
    state = models.CharField(max_length=12, choices=State, default=State.RUNNING)
    error = ReasonField(help_text="Why it ended as it did, for a person.")
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)
    listed = models.PositiveIntegerField(default=0, help_text="Entries that the source named.")
    added = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    gone = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.source_id}: {self.get_state_display()}"


class SyncEvent(models.Model):
    """What a run did with one entry, and why."""

    class What(models.TextChoices):
        ADDED = "added", _("Added")
        CHANGED = "changed", _("Changed")
        GONE = "gone", _("Gone")
        REFUSED = "refused", _("Refused")

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="events")
    what = models.CharField(max_length=8, choices=What)
    key = models.CharField(max_length=2000)
    reason = ReasonField(help_text="Why, for a person.")
    document = models.ForeignKey(Document, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.what} {self.key}"
