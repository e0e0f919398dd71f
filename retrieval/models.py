"""What staff put in: collections of documents, cut into chunks.

SQL is the truth about text, title and permission; the index only ranks ids. A document row is also its own place in the
ingestion queue, so that nothing is lost when a process dies.
"""

from __future__ import annotations

import uuid
from bisect import bisect_right

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Group
from django.db import models
from django.db.models import Q
from django.urls import reverse

User = AbstractBaseUser | AnonymousUser


def _readable_collections(user: User, prefix: str = "") -> Q:
    """The condition under which `user` may read a collection; `prefix` leads to it from the queried model. It joins
    nothing more than that, so nothing is found twice."""
    if getattr(user, "is_superuser", False) and user.is_active:
        return Q()
    public = Q(**{f"{prefix}public": True})
    if user.is_authenticated and user.is_active:
        shared = Collection.groups.through.objects.filter(group__user=user.pk)
        return public | Q(**{f"{prefix}pk__in": shared.values("collection")}) | Q(**{f"{prefix}owner": user.pk})
    return public


class CollectionQuerySet(models.QuerySet["Collection"]):
    def visible_to(self, user: User) -> CollectionQuerySet:
        """The collections `user` may search: public ones, those of the user's groups and the user's own; all for a
        superuser."""
        return self.filter(_readable_collections(user))


class Collection(models.Model):
    """Documents that are searched together and share who may read them."""

    name = models.CharField(max_length=120, unique=True)
    slug = models.SlugField(max_length=120, unique=True, help_text="Its name in the API's “collections” field.")
    description = models.TextField(blank=True)
    public = models.BooleanField(
        default=False, help_text="Every reader may search it; otherwise only the groups below."
    )
    groups = models.ManyToManyField(Group, blank=True, help_text="Members of these groups may search it.")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="collections",
        help_text="May always search it. Its documents are deleted with this user.",
    )
    fingerprint = models.CharField(
        max_length=200, blank=True, editable=False, help_text="The index that searches ask; empty before the first."
    )
    languages = models.JSONField(default=list, editable=False, help_text="Of its documents, as ISO 639-1 codes.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CollectionQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class DocumentQuerySet(models.QuerySet["Document"]):
    def visible_to(self, user: User) -> DocumentQuerySet:
        """The documents `user` may read; the one source for search, citations, the reader and the history."""
        return self.filter(_readable_collections(user, "collection__"))

    def readable(self) -> DocumentQuerySet:
        """Those with text to show: ingested at least once, also while a newer generation is being made."""
        return self.filter(live_generation__gt=0)


def stored_name(document: Document, filename: str) -> str:
    """A generated name, so that nothing in an uploaded name reaches the file system but a known ending."""
    ending = filename.rpartition(".")[2].lower()
    return f"documents/{uuid.uuid4().hex}.{ending if ending.isalnum() and len(ending) <= 8 else 'bin'}"


class Document(models.Model):
    """One source, its place in the ingestion queue, and where its pages begin."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        PROCESSING = "processing", "Processing"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"
        NEEDS_OCR = "needs_ocr", "Needs OCR"

    class Source(models.TextChoices):
        UPLOAD = "upload", "Upload"
        PASTE = "paste", "Pasted text"
        URL = "url", "Web address"
        FOLDER = "folder", "Folder"

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="documents")
    title = models.CharField(max_length=300)
    filename = models.CharField(max_length=255, help_text="The name it was uploaded under.")
    file = models.FileField(upload_to=stored_name, max_length=200)
    content_hash = models.CharField(max_length=64, blank=True, editable=False, help_text="sha256 of the file.")
    source = models.CharField(max_length=8, choices=Source, default=Source.UPLOAD, editable=False)
    location = models.CharField(
        max_length=2000,
        blank=True,
        editable=False,
        help_text="The web address, or the path in its folder.",
    )
    folder = models.CharField(
        max_length=500, blank=True, editable=False, help_text="The synced folder that its location lies in."
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
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="documents"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    state = models.CharField(max_length=12, choices=State, default=State.QUEUED, editable=False)
    error = models.TextField(blank=True, editable=False, help_text="Why it failed, for a person.")
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
    language = models.CharField(max_length=8, blank=True, editable=False, help_text="ISO 639-1, as detected.")
    dated = models.DateField(null=True, editable=False, help_text="The date it bears, else when it was added.")
    chunker = models.PositiveSmallIntegerField(default=0, editable=False, help_text="The version that cut its chunks.")
    page_starts = models.JSONField(
        default=list, editable=False, help_text="Character offset at which each page begins."
    )

    objects = DocumentQuerySet.as_manager()

    class Meta:
        ordering = ["title", "pk"]
        indexes = [
            models.Index(fields=["state", "lease_until"], name="document_queue"),
            models.Index(fields=["content_hash"], name="document_hash"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(live_generation__lte=models.F("generation")), name="live_generation_not_ahead"
            ),
            models.UniqueConstraint(
                fields=["collection", "content_hash"], condition=~Q(content_hash=""), name="document_content_once"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("chatsite:document", args=[self.pk])

    def page_at(self, offset: int) -> int | None:
        """The 1-based page that holds character `offset`; None for a format without pages."""
        return bisect_right(self.page_starts, offset) or 1 if self.page_count else None


class Chunk(models.Model):
    """An indexed piece of a document. The chunks of one generation partition its text: joined in order of `position`
    they are the text, and each begins where the one before it ends.
    """

    id = models.UUIDField(primary_key=True, help_text="UUIDv5 of document, generation and position.")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="chunks")
    generation = models.PositiveIntegerField()
    position = models.PositiveIntegerField(help_text="0-based order in the document.")
    start = models.PositiveIntegerField(help_text="First character, in code points of the document's text.")
    end = models.PositiveIntegerField(help_text="One past the last character.")
    heading = models.CharField(max_length=500, blank=True, help_text="Heading path; ranks, is not shown as text.")
    text = models.TextField()
    digest = models.CharField(
        max_length=32, blank=True, db_index=True, help_text="Of what ranks it: equal digests have equal vectors."
    )

    class Meta:
        ordering = ["document", "generation", "position"]
        constraints = [
            models.UniqueConstraint(fields=["document", "generation", "position"], name="chunk_once"),
            models.CheckConstraint(condition=Q(end__gt=models.F("start")), name="chunk_not_empty"),
        ]

    def __str__(self) -> str:
        return f"{self.document_id}:{self.position}"


class IndexRemoval(models.Model):
    """Points that must still leave the index: written in the transaction that deletes their rows, kept until done."""

    document_id = models.PositiveBigIntegerField()
    up_to_generation = models.PositiveIntegerField(help_text="Points of this generation and older are removed.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"document {self.document_id} up to generation {self.up_to_generation}"


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
    error = models.TextField(blank=True, help_text="Why it waits, for a person.")
    cancelled = models.BooleanField(default=False)
    requested_at = models.DateTimeField(auto_now_add=True)
    switched_at = models.DateTimeField(null=True)
    owner = models.CharField(max_length=300, blank=True, help_text="The process that works on it.")
    lease_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.done:,} of {self.total:,} chunks"
