"""Saved questions: what the site is to be able to answer, and how, for whoever changes it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chatsite.models.gaps import Gap
from chatsite.models.runs import Run
from retrieval.models import Collection, Document, User

LONGEST = 4_000  # characters: as many as a question may have


class SavedQuestionQuerySet(models.QuerySet["SavedQuestion"]):
    def quoted_to(self, user: User) -> SavedQuestionQuerySet:
        """Return those whose words `user` may read: of a document of theirs, or what somebody typed."""
        readable = Document.objects.visible_to(user).order_by().values("pk")
        return self.filter(Q(quote="") | Q(document__in=readable) | Q(document=None, end=None))


class SavedQuestion(models.Model):
    """A question with what is expected of its answer."""

    class Expected(models.TextChoices):
        ANSWERED = "answered", _("answers, from whichever document")
        DOCUMENT = "document", _("cites this document")
        QUOTE = "quote", _("cites these words")
        REFUSED = "refused", _("says that it is not in the documents")

    question = models.TextField(_("question"), max_length=LONGEST)
    expected = models.CharField(
        _("a good answer"), max_length=12, choices=Expected, default=Expected.ANSWERED, db_index=True
    )
    document = models.ForeignKey(
        Document, verbose_name=_("document"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text=_("That a good answer cites."),
    )  # fmt: skip
    quote = models.TextField(
        _("words"), blank=True, max_length=LONGEST, help_text=_("That a good answer cites, or says.")
    )
    start = models.PositiveIntegerField(_("start"), null=True, editable=False)
    end = models.PositiveIntegerField(_("end"), null=True, editable=False)
    collection = models.ForeignKey(
        Collection, verbose_name=_("collection"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text=_("In which it is asked; empty: in all that whoever asks may read."),
    )  # fmt: skip
    run = models.ForeignKey(
        Run, verbose_name=_("asked as"), null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    gap = models.ForeignKey(
        Gap, verbose_name=_("unanswered question"), null=True, editable=False, on_delete=models.SET_NULL,
        related_name="+",
    )  # fmt: skip
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("saved by"), null=True, editable=False, on_delete=models.SET_NULL,
        related_name="+",
    )  # fmt: skip
    created_at = models.DateTimeField(_("saved at"), auto_now_add=True)

    objects = SavedQuestionQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        verbose_name = _("saved question")
        verbose_name_plural = _("saved questions")

    def __str__(self) -> str:
        return Truncator(self.question).chars(100)

    def clean(self) -> None:
        """Raise ValidationError where what is expected is not named."""
        faults: dict[str, Any] = {}
        if self.expected == self.Expected.DOCUMENT and not self.document_id:
            faults["document"] = gettext("Choose the document that a good answer cites.")
        if self.expected == self.Expected.QUOTE and not self.quote.strip():
            faults["quote"] = gettext("Write the words that a good answer cites.")
        if faults:
            raise ValidationError(faults)
