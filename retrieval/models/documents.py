"""Documents: sources, each its own place in the queue, so that nothing is lost when a process dies; and what was
refused."""

from __future__ import annotations

import uuid
from bisect import bisect_right
from collections.abc import Sequence
from datetime import date

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from retrieval.configuration import runtime
from retrieval.fields import NotesField, ReasonField
from retrieval.model_documents.rights import few_ids, readable_ids, readable_rows
from retrieval.models.collections import Collection, readable_collections
from retrieval.notes import Note, reads_with_losses
from retrieval.readers import Readers


class DocumentQuerySet(models.QuerySet["Document"]):
    def visible_to(self, user: Readers) -> DocumentQuerySet:
        """Return the documents `user` may read; the one source for search, citations, the reader and the history."""
        return readable_rows(self.filter(readable_collections(user, "collection__")), user)

    def ids_visible_to(self, user: Readers, *, most: int) -> list[int]:
        """Return the ids of the documents that `visible_to` returns, or of `most` of them."""
        return readable_ids(self.filter(readable_collections(user, "collection__")), user, most=most)

    def few_visible_to(self, user: Readers, *, most: int) -> list[int] | None:
        """Return the ids of the documents that `visible_to` returns; None where they may be more than `most`."""
        return few_ids(self.filter(readable_collections(user, "collection__")), user, most=most)

    def listed(self) -> DocumentQuerySet:
        """Leave out those of hidden collections."""
        return self.filter(collection__hidden=False)

    def readable(self) -> DocumentQuerySet:
        """Return those with text to show: ingested at least once, also while a newer generation is being made."""
        return self.filter(live_generation__gt=0)

    def with_unread_pages(self) -> DocumentQuerySet:
        """Return those of which pages that are pictures were not read, as their notes say."""
        lossy = self.readable().filter(noted=Document.Noted.LOSSES)
        return lossy.alias(said=Cast("notes", models.TextField())).filter(said__contains='"picture_pages"')


def stored_name(document: Document, filename: str) -> str:
    """Return a generated name, so that nothing in an uploaded name reaches the file system but a known ending."""
    ending = filename.rpartition(".")[2].lower()
    return f"documents/{uuid.uuid4().hex}.{ending if ending.isalnum() and len(ending) <= 8 else 'bin'}"


class Document(models.Model):
    """One source, its place in the ingestion queue, and where its pages begin."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        PROCESSING = "processing", _("Processing")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")
        NEEDS_OCR = "needs_ocr", _("Needs OCR")

    class Source(models.TextChoices):
        UPLOAD = "upload", _("Upload")
        PASTE = "paste", _("Pasted text")
        URL = "url", _("Web address")
        FOLDER = "folder", _("Folder")
        MODEL = "model", _("Row of the site")
        SYNCED = "synced", _("Source in step")

    class Noted(models.IntegerChoices):
        """What its notes amount to, for lists of many documents."""

        NOTHING = 0, _("Nothing to note")
        NOTES = 1, _("Notes, but nothing lost")
        LOSSES = 2, _("Lost something")

        @classmethod
        def of(cls, notes: Sequence[Note]) -> Document.Noted:
            """Return what `notes` amount to."""
            return cls.LOSSES if reads_with_losses(notes) else cls.NOTES if notes else cls.NOTHING

    collection = models.ForeignKey(
        Collection,
        verbose_name=_("collection"),
        on_delete=models.CASCADE,
        related_name="documents",
        limit_choices_to={"hidden": False},
    )
    title = models.CharField(_("title"), max_length=300)
    title_given = models.BooleanField(
        default=False, editable=False, help_text="A person gave it; else it is what the file calls itself."
    )
    filename = models.CharField(_("filename"), max_length=255, help_text=_("The name it was uploaded under."))
    file = models.FileField(upload_to=stored_name, max_length=200)
    content_hash = models.CharField(max_length=64, blank=True, editable=False, help_text="sha256 of the file.")
    source = models.CharField(_("source"), max_length=8, choices=Source, default=Source.UPLOAD, editable=False)
    location = models.CharField(
        max_length=2000,
        blank=True,
        editable=False,
        help_text="The web address, the path in its folder, the primary key of its row, or its key in its source.",
    )
    folder = models.CharField(
        max_length=500,
        blank=True,
        editable=False,
        help_text="The synced folder that its location lies in, the model of its row (news.article), or its source.",
    )
    address = models.CharField(
        max_length=2000, blank=True, db_default="", editable=False, help_text="Of its own page, where a citation opens."
    )
    etag = models.CharField(
        max_length=300, blank=True, editable=False, help_text="As its web server named the version."
    )
    last_modified = models.CharField(
        max_length=100, blank=True, editable=False, help_text="As its web server dated it."
    )
    checked_at = models.DateTimeField(null=True, editable=False, help_text="When its location was last looked at.")
    size = models.PositiveBigIntegerField(default=0, editable=False, help_text="Of the file, in bytes.")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("owner"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="documents",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    state = models.CharField(_("state"), max_length=12, choices=State, default=State.QUEUED, editable=False)
    error = ReasonField(editable=False, help_text="Why it failed, for a person.")
    progress = models.PositiveSmallIntegerField(
        default=0, editable=False, help_text="Percent of the current ingestion."
    )
    generation = models.PositiveIntegerField(default=1, editable=False, help_text="The generation that is asked for.")
    live_generation = models.PositiveIntegerField(
        default=0, editable=False, help_text="The generation that searches see; 0 before the first."
    )
    live_hash = models.CharField(
        max_length=64, blank=True, editable=False, help_text="sha256 of the file whose text searches see."
    )
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)

    characters = models.PositiveIntegerField(default=0, editable=False)
    chunk_count = models.PositiveIntegerField(default=0, editable=False)
    page_count = models.PositiveIntegerField(null=True, editable=False, help_text="Only for formats that have pages.")
    language = models.CharField(
        _("language"), max_length=8, blank=True, editable=False, help_text=_("ISO 639-1, as detected.")
    )
    dated = models.DateField(null=True, editable=False, help_text="The date it bears, else when it was added.")
    chunker = models.PositiveSmallIntegerField(default=0, editable=False, help_text="The version that cut its chunks.")
    notes = NotesField(editable=False, help_text="What reading it left out, changed or guessed.")
    noted = models.PositiveSmallIntegerField(
        choices=Noted, default=Noted.NOTHING, editable=False, help_text="What its notes amount to."
    )
    compared = models.PositiveIntegerField(
        default=0, editable=False, help_text="The generation that was compared with the others of its collection."
    )
    page_starts = models.JSONField(
        default=list, editable=False, help_text="Character offset at which each page begins."
    )
    page_labels = models.JSONField(
        default=list, editable=False, help_text="What is printed as each page's number; empty where pages count from 1."
    )

    objects = DocumentQuerySet.as_manager()

    class Meta:
        ordering = ["title", "pk"]
        verbose_name = _("document")
        verbose_name_plural = _("documents")
        indexes = [
            models.Index(fields=["state", "lease_until"], name="document_queue"),
            models.Index(fields=["content_hash"], name="document_hash"),
            models.Index(fields=["noted"], name="document_noted"),
            models.Index(fields=["collection", "state"], name="document_state"),
            models.Index(fields=["collection", "-updated_at"], name="document_newest"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(live_generation__lte=models.F("generation")), name="live_generation_not_ahead"
            ),
            models.UniqueConstraint(
                fields=["collection", "content_hash"],
                condition=~Q(content_hash="") & ~Q(source__in=["model", "synced"]),
                name="document_content_once",
            ),
            models.UniqueConstraint(
                fields=["folder", "location"], condition=Q(source__in=["model", "synced"]), name="document_of_row_once"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """Return the address of its page on the site; empty where the site shows none."""
        return runtime().settings.document_url(self.pk)

    def page_at(self, offset: int) -> int | None:
        """Return the 1-based page that holds character `offset`; None for a format without pages."""
        return bisect_right(self.page_starts, offset) or 1 if self.page_count else None

    def page_label(self, page: int | None) -> str:
        """Return what is printed as the number of the 1-based `page`: "iii"; empty for a document without pages."""
        if page is None:
            return ""
        return self.page_labels[page - 1] if page <= len(self.page_labels) else str(page)

    @property
    def own_date(self) -> date | None:
        """Return the date that the document bears; None where it bears none but that of its addition."""
        return self.dated if self.dated != self.created_at.date() else None

    @property
    def has_losses(self) -> bool:
        """Return whether its text lacks something that a reader of the file sees."""
        return reads_with_losses(self.notes)

    @property
    def ordered_notes(self) -> list[Note]:
        """Return its notes, those of what it lost first."""
        return sorted(self.notes, key=lambda note: not note.loses)


class RefusedFile(models.Model):
    """A file that was to become a document and did not: its name and why, nothing of its content. Staff see it on the
    collection's page until one of them dismisses it, or the file comes in after all."""

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="refused_files")
    filename = models.CharField(max_length=500, help_text="Its name, a path in an archive, or a web address.")
    size = models.PositiveBigIntegerField(null=True, help_text="In bytes; None where nobody knows.")
    reason = ReasonField(help_text="Why, for a person.")
    document = models.ForeignKey(
        Document, null=True, on_delete=models.SET_NULL, related_name="+", help_text="The one that holds the same."
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", help_text="Who sent it."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.filename
