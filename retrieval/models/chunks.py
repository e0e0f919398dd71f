"""What a document is cut into, and what is known of its words and pages."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from retrieval.models.collections import Collection
from retrieval.models.documents import Document


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


class Conflict(models.Model):
    """Two documents of a collection that say the same sentence with different figures, or that are nearly the same.
    Staff see it until one of them says that it is fine; of a document that is compared anew only those stay."""

    class Kind(models.TextChoices):
        FIGURES = "figures", _("Different figures")
        COPY = "copy", _("Nearly the same")

    kind = models.CharField(max_length=8, choices=Kind)
    one = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="+", help_text="Of the lower id.")
    one_start = models.PositiveIntegerField()
    one_end = models.PositiveIntegerField()
    one_quote = models.TextField()
    other = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="+")
    other_start = models.PositiveIntegerField()
    other_end = models.PositiveIntegerField()
    other_quote = models.TextField()
    likeness = models.FloatField(help_text="Of the two passages, or how much of the shorter document is in the other.")
    digest = models.CharField(max_length=64, unique=True, help_text="Of kind, documents and quotes.")
    fine = models.BooleanField(default=False, help_text="Somebody has looked at it, and it is as it should be.")
    found_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["kind", "-likeness", "pk"]

    def __str__(self) -> str:
        return f"{self.one_id} and {self.other_id}: {self.kind}"
