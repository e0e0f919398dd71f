"""Agents that staff make: what each answers from, how and for whom. What each is told are versions of its prompt."""

from __future__ import annotations

import re

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from chatsite.models.workflows import Workflow
from retrieval.models import Collection

STARTERS_MOST = 8
STARTER_MOST = 200  # characters
_LANGUAGE = re.compile(r"[a-z]{2}\Z")


def validate_languages(value: str) -> None:
    """Check that each word is a code of ISO 639-1."""
    for code in value.split():
        if not _LANGUAGE.match(code):
            fault = _("“%s” is no code of a language; write them like en, with blanks between them.")
            raise ValidationError(fault % code[:60])


def validate_starters(value: str) -> None:
    """Check that there is one question a line, few and short."""
    questions = [line for line in value.splitlines() if line.strip()]
    if len(questions) > STARTERS_MOST:
        raise ValidationError(_("At most %d questions, one a line.") % STARTERS_MOST)
    if any(len(line.strip()) > STARTER_MOST for line in questions):
        raise ValidationError(_("A question has at most %d characters.") % STARTER_MOST)


class ChatAgent(models.Model):
    """An agent of the chat: an address of its own, with what it answers from and how. It never reads more than its
    reader may."""

    name = models.SlugField(
        _("name"), max_length=60, unique=True, help_text=_("In its address and for programs; it stays as it is.")
    )
    title = models.CharField(_("title"), max_length=60)
    description = models.CharField(
        _("description"), max_length=300, blank=True, help_text=_("What it can be asked, for readers and programs.")
    )
    tone = models.CharField(
        _("tone"), max_length=200, blank=True, help_text=_("In a few words, like: warm, and brief. A model is told.")
    )
    languages = models.CharField(
        _("languages"), max_length=100, blank=True, validators=[validate_languages],
        help_text=_("That it answers in, like: en de. In another one it is answered in the first of them."),
    )  # fmt: skip
    collections = models.ManyToManyField(
        Collection,
        verbose_name=_("collections"),
        blank=True,
        limit_choices_to={"hidden": False},
        help_text=_("That it answers from, as far as its reader may read them."),
    )
    all_collections = models.BooleanField(
        _("every collection"), default=False, help_text=_("It answers from all that its reader may read.")
    )
    tools = models.TextField(
        _("tools"), blank=True, help_text=_("Names of the tools that it may use, one a line; empty: all there are.")
    )
    no_tools = models.BooleanField(_("without tools"), default=False, help_text=_("It may use none of them."))
    starters = models.TextField(
        _("first questions"), blank=True, validators=[validate_starters],
        help_text=_("That are suggested where a conversation begins, one a line."),
    )  # fmt: skip
    groups = models.ManyToManyField(
        Group, verbose_name=_("groups"), blank=True, help_text=_("Only their members may ask it.")
    )
    for_everyone = models.BooleanField(_("everyone"), default=False, help_text=_("Every reader may ask it."))
    workflow = models.ForeignKey(
        Workflow, verbose_name=_("workflow"), null=True, blank=True, on_delete=models.PROTECT, related_name="agents",
        help_text=_("That answers: it is given the question, and what it ends with is the answer."),
    )  # fmt: skip
    active = models.BooleanField(_("active"), default=True, help_text=_("Untick to take it away from everyone."))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        ordering = ["title", "pk"]
        verbose_name = _("agent")
        verbose_name_plural = _("agents")

    def __str__(self) -> str:
        return self.title
