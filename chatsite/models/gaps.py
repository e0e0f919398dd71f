"""Gaps: what is asked again and again, and no document answers."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from chatsite.models.runs import Run
from retrieval.models import Document


class Gap(models.Model):
    """Questions that ask much the same and were not answered, or badly. It is called after the first of them."""

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        DISMISSED = "dismissed", _("Not for us")

    question = models.TextField(_("question"))
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.OPEN)
    vector = models.BinaryField(_("vector"), blank=True, help_text=_("Of its question: float32. Empty: none made it."))
    space = models.CharField(_("space"), max_length=200, blank=True, help_text=_("Which embedding made the vector."))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    document = models.ForeignKey(
        Document,
        verbose_name=_("document"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text=_("That was written to answer it."),
    )
    publisher = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("publisher"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text=_("Who wrote it, and as whom its questions are asked again."),
    )
    asked_at = models.DateTimeField(_("asked again at"), null=True, help_text=_("When its questions were asked again."))
    asked_again = models.PositiveSmallIntegerField(
        _("asked again"), default=0, db_default=0, help_text=_("How many of its questions were.")
    )
    answered_again = models.PositiveSmallIntegerField(
        _("answered again"), default=0, db_default=0, help_text=_("How many of these were answered.")
    )

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name = _("unanswered question")
        verbose_name_plural = _("unanswered questions")

    def __str__(self) -> str:
        return self.question


class GapQuestion(models.Model):
    """That a run's question belongs to a gap."""

    gap = models.ForeignKey(Gap, verbose_name=_("gap"), on_delete=models.CASCADE, related_name="questions")
    run = models.OneToOneField(Run, verbose_name=_("run"), on_delete=models.CASCADE, related_name="in_gap")

    class Meta:
        ordering = ["-run__created_at"]
        verbose_name = _("question in a gap")
        verbose_name_plural = _("questions in gaps")

    def __str__(self) -> str:
        return str(self.run_id)
