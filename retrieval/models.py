"""What staff put in: collections of documents, cut into chunks.

SQL is the truth about text, title and permission; the index only ranks ids. A document row is also its own place in the
ingestion queue, so that nothing is lost when a process dies.
"""

from __future__ import annotations

import uuid
from bisect import bisect_right
from collections.abc import Sequence
from datetime import date

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Group
from django.db import models
from django.db.models import Q
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from retrieval.configuration import runtime
from retrieval.fields import NotesField, ReasonField
from retrieval.notes import Note, reads_with_losses

User = AbstractBaseUser | AnonymousUser


def _readable_collections(user: User, prefix: str = "") -> Q:
    """Return the condition under which `user` may read a collection, a hidden one only as its owner. `prefix` leads to
    the collection from the queried model.

    It joins nothing that holds a row more than once, so nothing is found twice.
    """
    listed = Q(**{f"{prefix}hidden": False})
    public = listed & Q(**{f"{prefix}public": True})
    if not (user.is_authenticated and user.is_active):
        return public
    own = Q(**{f"{prefix}owner": user.pk})
    if getattr(user, "is_superuser", False):
        return listed | own
    if not hasattr(user, "groups"):
        return public | own
    shared = Collection.groups.through.objects.filter(group__in=user.groups.all()).values("collection")
    return public | (listed & Q(**{f"{prefix}pk__in": shared})) | own


class CollectionQuerySet(models.QuerySet["Collection"]):
    def visible_to(self, user: User) -> CollectionQuerySet:
        """Return the collections `user` may search: public ones, those of the user's groups and the user's own; for a
        superuser all that others haven't hidden."""
        return self.filter(_readable_collections(user))

    def listed(self) -> CollectionQuerySet:
        """Leave out the hidden ones, which nobody is offered: for lists, choices and searches of everything."""
        return self.filter(hidden=False)


class Collection(models.Model):
    """Documents that are searched together and share who may read them."""

    name = models.CharField(_("name"), max_length=120, unique=True)
    slug = models.SlugField(
        _("slug"), max_length=120, unique=True, help_text=_("Its name in the API's “collections” field.")
    )
    description = models.TextField(_("description"), blank=True)
    public = models.BooleanField(
        _("public"), default=False, help_text=_("Every reader may search it; otherwise only the groups below.")
    )
    groups = models.ManyToManyField(
        Group, verbose_name=_("groups"), blank=True, help_text=_("Members of these groups may search it.")
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("owner"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="collections",
        help_text=_("May always search it. Its documents are deleted with this user."),
    )
    hidden = models.BooleanField(
        default=False,
        editable=False,
        help_text="Read by its owner alone, and in no list: files attached to one conversation.",
    )
    fingerprint = models.CharField(
        max_length=200, blank=True, editable=False, help_text="The index that searches ask; empty before the first."
    )
    languages = models.JSONField(default=list, editable=False, help_text="Of its documents, as ISO 639-1 codes.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CollectionQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = _("collection")
        verbose_name_plural = _("collections")
        constraints = [
            models.CheckConstraint(
                condition=Q(hidden=False) | Q(public=False, owner__isnull=False), name="hidden_collection_is_private"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class DocumentQuerySet(models.QuerySet["Document"]):
    def visible_to(self, user: User) -> DocumentQuerySet:
        """Return the documents `user` may read; the one source for search, citations, the reader and the history."""
        return self.filter(_readable_collections(user, "collection__"))

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


class Chunk(models.Model):
    """An indexed piece of a document. The chunks of one generation partition its text: joined in order of `position`
    they are the text, and each begins where the one before it ends. For a moment a document that is deleted leaves some
    behind: read them only through documents.
    """

    id = models.UUIDField(primary_key=True, help_text="UUIDv5 of document, generation and position.")
    # The database lets its document go first: the rows of ten thousand take seconds, and the outbox sees to them.
    document = models.ForeignKey(Document, on_delete=models.DO_NOTHING, db_constraint=False, related_name="chunks")
    generation = models.PositiveIntegerField()
    position = models.PositiveIntegerField(help_text="0-based order in the document.")
    start = models.PositiveIntegerField(help_text="First character, in code points of the document's text.")
    end = models.PositiveIntegerField(help_text="One past the last character.")
    headings = models.JSONField(
        default=list, blank=True, help_text="Those above its beginning, outermost first; they rank it."
    )
    text = models.TextField()
    unsearched = models.JSONField(
        default=list, blank=True, help_text="Spans (start, end) of its text that rank nothing, such as page headers."
    )
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

    @property
    def searched_text(self) -> str:
        """Return its text without what ranks nothing."""
        text = self.text
        for start, end in reversed(self.unsearched):
            text = text[:start] + text[end:]
        return text


class CollectionWord(models.Model):
    """How many chunks of a collection's documents hold a word, as `retrieval.text.words.vocabulary` tells words: so a
    search knows what no document says, and what may be meant by it. A word leaves with the last chunk that holds it."""

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="words")
    word = models.CharField(max_length=32)
    chunks = models.IntegerField()
    capitals = models.IntegerField(help_text="Of these chunks, those that write it with a capital: of names, most.")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["collection", "word"], name="collection_word_once"),
        ]

    def __str__(self) -> str:
        return self.word


class RecognisedPage(models.Model):
    """Where what was recognised on a page that is a picture stands on it. Like the chunks, those of a document that is
    deleted stay for a moment: read them only through documents."""

    document = models.ForeignKey(
        Document, on_delete=models.DO_NOTHING, db_constraint=False, related_name="recognised_pages"
    )
    generation = models.PositiveIntegerField()
    page = models.PositiveIntegerField(help_text="1-based.")
    lines = models.JSONField(
        help_text="[start, end, top, bottom, edges] each, as `retrieval.parsing.formats.extracted.RecognisedLine`."
    )

    class Meta:
        ordering = ["document", "generation", "page"]
        constraints = [
            models.UniqueConstraint(fields=["document", "generation", "page"], name="recognised_page_once"),
        ]

    def __str__(self) -> str:
        return f"{self.document_id}: page {self.page}"


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
