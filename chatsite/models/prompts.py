"""Prompts: what the assistant is told beside the rules of the site, and how its model is set, in numbered versions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

COPIED = ("instructions", "model", "temperature", "max_tokens", "reasoning")  # what a version says
STILL = timedelta(minutes=2)  # that an evaluation may be beside the time of a model, until it is taken for dead


class PromptVersionQuerySet(models.QuerySet["PromptVersion"]):
    def published(self, agent: str = "") -> PromptVersionQuerySet:
        """Return those that were published for the agent of this name, or for the site itself, the one in use first."""
        return self.filter(agent=agent, number__isnull=False).order_by("-number")

    def in_use(self, agent: str = "") -> PromptVersion:
        """Return the version that answers: in every process at once, for it is asked for with each question. Where none
        was published, one that says nothing, so that the settings decide."""
        return self.published(agent).first() or PromptVersion(agent=agent)

    def draft(self, agent: str = "") -> PromptVersion | None:
        """Return the one that is being written; None where there is none."""
        return self.filter(agent=agent, number=None).first()

    def get_by_natural_key(self, number: int | None) -> PromptVersion:
        """Return the version that a fixture names: a published one, or the draft."""
        return self.get(number=number)


class PromptVersion(models.Model):
    """A prompt with the settings of its model, of an agent or of the site itself. The draft has no number; a published
    one has the next and stays as it is. What a version leaves empty, the settings say."""

    class Reasoning(models.TextChoices):
        NONE = "none", _("none")
        MINIMAL = "minimal", _("minimal")
        LOW = "low", _("low")
        MEDIUM = "medium", _("medium")
        HIGH = "high", _("high")
        XHIGH = "xhigh", _("very high")

    agent = models.CharField(
        _("agent"), max_length=60, blank=True, default="", db_default="", editable=False,
        help_text=_("The name of the agent that it is for; empty: the site’s own."),
    )  # fmt: skip
    number = models.PositiveIntegerField(_("number"), null=True, editable=False)
    is_draft = models.BooleanField(_("draft"), default=True, editable=False)
    instructions = models.TextField(
        _("instructions"),
        blank=True,
        max_length=20_000,
        help_text=_("How to answer: whom, in which tone, how long. Empty: as the site does without a prompt."),
    )
    model = models.CharField(
        _("model"), max_length=120, blank=True, help_text=_("Which of the configured ones is asked first.")
    )
    temperature = models.FloatField(
        _("temperature"), null=True, blank=True, validators=[MinValueValidator(0), MaxValueValidator(2)],
        help_text=_("From 0 to 2; the higher, the freer the wording."),
    )  # fmt: skip
    max_tokens = models.PositiveIntegerField(
        _("answer length"), null=True, blank=True, validators=[MinValueValidator(16), MaxValueValidator(100_000)],
        help_text=_("Tokens that an answer may have; four of them are about three words."),
    )  # fmt: skip
    reasoning = models.CharField(
        _("reasoning"), max_length=8, blank=True, choices=Reasoning, help_text=_("For models that think first.")
    )
    note = models.CharField(_("note"), max_length=200, blank=True, help_text=_("What has changed, and why."))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("written by"), null=True, editable=False, on_delete=models.SET_NULL,
        related_name="+",
    )  # fmt: skip
    updated_at = models.DateTimeField(_("changed at"), auto_now=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("published by"), null=True, editable=False,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    published_at = models.DateTimeField(_("published at"), null=True, editable=False)

    objects = PromptVersionQuerySet.as_manager()

    class Meta:
        ordering = ["-is_draft", "-number", "-pk"]
        verbose_name = _("prompt")
        verbose_name_plural = _("prompts")
        permissions = [("publish_promptversion", _("Can publish a prompt"))]
        constraints = [
            models.UniqueConstraint(fields=["agent"], condition=Q(is_draft=True), name="one_draft_of_an_agent"),
            models.UniqueConstraint(fields=["agent", "number"], name="one_prompt_of_a_number"),
            models.CheckConstraint(
                condition=Q(is_draft=True, number=None) | Q(is_draft=False, number__isnull=False),
                name="published_prompt_has_a_number",
            ),
        ]

    def natural_key(self) -> tuple[int | None]:
        return (self.number,)

    def __str__(self) -> str:
        if self.number:
            said = gettext("Version %d") % self.number
        else:
            said = gettext("The site’s own settings") if self._state.adding else gettext("Draft")
        return f"{self.agent}: {said}" if self.agent else said

    @property
    def said(self) -> dict[str, Any]:
        """Return what it says, by the name of the field."""
        return {name: getattr(self, name) for name in COPIED}

    def publish(self, *, by: AbstractBaseUser, note: str = "") -> None:
        """Give the draft the next number, from which on it answers. Raises ValueError for one that is published."""
        with transaction.atomic():
            latest = PromptVersion.objects.select_for_update().published(self.agent).first()
            number = (latest.number or 0) + 1 if latest else 1
            fields = {"number": number, "is_draft": False, "published_by_id": by.pk, "published_at": timezone.now()}
            drafts = PromptVersion.objects.filter(pk=self.pk, is_draft=True)
            if not drafts.update(**fields, note=note or self.note):
                raise ValueError(f"prompt {self.pk} is no draft")
        self.refresh_from_db()

    def as_draft(self, *, by: AbstractBaseUser) -> PromptVersion:
        """Have its agent's draft say what this version says; return it. There is one then, if there was none."""
        draft, _made = PromptVersion.objects.update_or_create(
            agent=self.agent, is_draft=True, defaults={**self.said, "note": "", "created_by_id": by.pk}
        )
        return draft


class PromptEvaluation(models.Model):
    """The saved questions asked with a draft and with what was published then: how each was answered before and
    after."""

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        COMPLETED = "completed", _("Completed")
        CANCELLED = "cancelled", _("Stopped")
        FAILED = "failed", _("Failed")

    prompt = models.ForeignKey(
        PromptVersion, verbose_name=_("prompt"), on_delete=models.CASCADE, related_name="evaluations"
    )
    against = models.ForeignKey(
        PromptVersion, verbose_name=_("before"), null=True, on_delete=models.SET_NULL, related_name="+",
        help_text=_("What was published then; empty: nothing was."),
    )  # fmt: skip
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("started by"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.RUNNING)
    total = models.PositiveIntegerField(_("questions"), default=0)
    results = models.JSONField(
        _("results"), default=list, help_text=_("Of each question asked so far: how it was answered before and after.")
    )
    created_at = models.DateTimeField(_("started at"), auto_now_add=True)
    checked_at = models.DateTimeField(_("last sign of life"), default=timezone.now)
    ended_at = models.DateTimeField(_("ended at"), null=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name = _("evaluation of a prompt")
        verbose_name_plural = _("evaluations of prompts")
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="running"), name="one_evaluation_at_a_time")
        ]

    def __str__(self) -> str:
        return gettext("Evaluation of %s") % self.prompt

    @classmethod
    def close_lost(cls) -> int:
        """Record those whose process has died as failed; return how many."""
        longest = STILL + timedelta(seconds=settings.CHAT_TOTAL_SECONDS * max(1, len(settings.CHAT_MODELS)))
        now = timezone.now()
        lost = cls.objects.filter(state=cls.State.RUNNING, checked_at__lt=now - longest)
        return lost.update(state=cls.State.FAILED, ended_at=now)

    @property
    def is_outdated(self) -> bool:
        """Say whether the draft was changed after it was evaluated."""
        return self.prompt.is_draft and self.prompt.updated_at > self.created_at
