"""Runs: a question to its end, what it cited, and what its reader thought of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from chatsite.models.conversations import Conversation
from chatsite.models.counts import note_changes
from chatsite.models.prompts import PromptVersion
from retrieval.models import Document


class RunQuerySet(models.QuerySet["Run"]):
    def update(self, **fields: Any) -> int:
        """Change these, and have the counts of their days follow where they are kept already."""
        if COUNTED.isdisjoint(fields):
            return super().update(**fields)
        return note_changes(self, lambda: super(RunQuerySet, self).update(**fields), when="created_at")

    def current(self) -> RunQuerySet:
        """Return those that no later question has taken the place of."""
        return self.filter(replaced_by=None)

    def of_readers(self) -> RunQuerySet:
        """Leave out what the staff only tried: few conversations, looked up once and not joined to each run."""
        tried = Conversation.objects.filter(trial=True).order_by().values("pk")
        return self.exclude(conversation__in=tried)

    def going_on(self) -> RunQuerySet:
        """Return those under way that nobody has asked to stop."""
        return self.filter(state=Run.State.RUNNING, stop_asked=False)

    def lost(self) -> RunQuerySet:
        """Return those whose process has died: it would have given a sign of life since, or reached the limits of a
        run."""
        now = timezone.now()
        longest = LONGEST + timedelta(seconds=settings.CHAT_TOTAL_SECONDS * max(1, len(settings.CHAT_MODELS)))
        stood_in_line = Q(checked_at__gte=now - longest)
        silent = Q(kept=True, checked_at__lt=now - SILENT) | (
            Q(kept=False, created_at__lt=now - longest) & ~stood_in_line
        )
        return self.filter(silent, state=Run.State.RUNNING)

    def close_lost(self) -> int:
        """Record runs whose process has died as interrupted; gives how many."""
        return self.lost().interrupt()

    def interrupt(self) -> int:
        """Record these as interrupted; gives how many. One for which its reader has confirmed what nobody has begun
        waits again, to go on with that."""
        now = timezone.now()
        confirmed = Q(paused__isnull=False, tool_calls__state="confirmed", tool_calls__expires_at__gt=now)
        again = list(self.filter(confirmed).order_by().values_list("pk", flat=True).distinct())
        held = self.filter(pk__in=again).update(state=Run.State.WAITING, checked_at=now) if again else 0
        return held + self.update(state=Run.State.FAILED, error="loop_stopped", ended_at=now, paused=None)


def _nobody_or_active(person: str) -> Q:
    """Return the condition that there is nobody at `person`, or someone active. Not every kind of user can be inactive:
    then it has no such field."""
    if not any(field.name == "is_active" for field in get_user_model()._meta.get_fields()):
        return Q()
    return Q(**{person: None}) | Q(**{f"{person}__is_active": True})


COUNTED = frozenset({
    "answered", "unsupported", "small_talk", "state", "model", "usage", "replaced_by", "conversation",
    "first_text_time_ms", "total_time_ms",
})  # fmt: skip
"""Fields of a run that its day's counts rest on."""

SILENT = timedelta(seconds=30)  # a kept run gives a sign of life each second; a write may wait 20 for a locked database
LONGEST = timedelta(minutes=5)  # more than a run takes beside its model


class Run(models.Model):
    """One question to its end. The question is saved before anything can fail; it always ends in a recorded state."""

    class Mode(models.TextChoices):
        RETRIEVAL = "retrieval", _("Retrieval")
        SELECTED_TEXT = "selected_text", _("Selected text")

    class SmallTalk(models.TextChoices):
        GREETING = "greeting", _("Greeting")
        THANKS = "thanks", _("Thanks")
        GOODBYE = "goodbye", _("Goodbye")
        ABILITIES = "abilities", _("What can you do?")
        STATEMENT = "statement", _("Nothing asked")

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        WAITING = "waiting", _("Waiting for its reader")
        COMPLETED = "completed", _("Completed")
        FAILED = "failed", _("Failed")
        LIMITED = "limited", _("Limited")
        CANCELLED = "cancelled", _("Cancelled")

    id = models.UUIDField(_("id"), primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(
        Conversation, verbose_name=_("conversation"), on_delete=models.CASCADE, related_name="runs"
    )
    mode = models.CharField(_("mode"), max_length=16, choices=Mode)
    question = models.TextField(_("question"))
    selected_text = models.TextField(_("selected text"), blank=True)
    selections = models.JSONField(
        _("selections"),
        default=list,
        help_text=_("Each selected text, as source 1, 2, …: text, and document_id, start, end where known."),
    )
    scope = models.JSONField(
        _("scope"),
        default=dict,
        help_text=_(
            "What the search was narrowed to (collections, document_ids, languages, since, until), and the files "
            "attached to the conversation that were searched too (attached) or not read yet (unread), by id."
        ),
    )
    answer = models.TextField(_("answer"), blank=True, help_text=_("Also what had been written when it was cut short."))
    unsupported = models.TextField(
        _("unsupported"),
        blank=True,
        db_default="",
        help_text=_("What a model wrote without one citation: no answer of this site's."),
    )
    small_talk = models.CharField(
        _("small talk"),
        max_length=12,
        choices=SmallTalk,
        blank=True,
        db_default="",
        help_text=_("What it is instead of a question; its answer is a fixed one."),
    )
    answered = models.BooleanField(
        _("answered"), default=False, help_text=_("At least one claim carries a verified citation.")
    )
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.RUNNING)
    error = models.CharField(_("error"), max_length=40, blank=True, help_text=_("The error code the reader was given."))
    prompt = models.ForeignKey(
        PromptVersion,
        verbose_name=_("prompt"),
        null=True,
        on_delete=models.SET_NULL,
        db_index=False,  # nothing looks for runs by it
        related_name="+",
        help_text=_("With which it was answered; empty: with the site’s settings alone."),
    )
    agent = models.CharField(
        _("agent"),
        max_length=60,
        blank=True,
        db_default="",
        default="",
        help_text=_("The name of the agent that was asked; empty: the site itself."),
    )
    model = models.CharField(_("model"), max_length=120, blank=True)
    model_fault = models.CharField(
        _("model fault"),
        max_length=40,
        blank=True,
        db_default="",
        help_text=_("The code of the error of a language model that failed, also where another one answered for it."),
    )
    sources = models.JSONField(
        _("sources"), default=list, help_text=_("Where each numbered passage stands; its text stays with the document.")
    )
    steps = models.JSONField(
        _("steps"), default=list, help_text=_("What the agent did: each search, what it found, and how long.")
    )
    history_documents = models.JSONField(
        _("history documents"),
        default=list,
        help_text=_("What the answers before it in its conversation rest on, by id: a language model reads those."),
    )
    personal = models.BooleanField(
        _("personal"),
        default=False,
        db_default=False,
        help_text=_("A tool was asked for its reader, here or before it: its answer is told to nobody else."),
    )
    paused = models.JSONField(
        _("paused"), null=True, editable=False, help_text=_("What it goes on with, while its reader is asked.")
    )
    usage = models.JSONField(_("usage"), default=dict)
    kept = models.BooleanField(_("kept"), default=False, help_text=_("It goes on when its reader leaves."))
    checked_at = models.DateTimeField(_("checked at"), null=True, help_text=_("The last sign of life of a kept run."))
    followed_at = models.DateTimeField(
        _("followed at"), null=True, help_text=_("When a reader in another process last followed a kept run.")
    )
    stop_asked = models.BooleanField(_("stop asked"), default=False)
    replaced_by = models.ForeignKey(
        "self",
        verbose_name=_("replaced by"),
        null=True,
        on_delete=models.SET_NULL,
        db_index=False,  # SQLite would look for those without one by it: nearly all
        related_name="earlier",
        help_text=_("Asked again in its place."),
    )
    continues = models.ForeignKey(
        "self",
        verbose_name=_("continues"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text=_("Whose answer it begins with."),
    )
    retrieval_time_ms = models.FloatField(_("retrieval time ms"), default=0)
    model_time_ms = models.FloatField(_("model time ms"), default=0)
    first_text_time_ms = models.FloatField(
        _("first text time ms"), null=True, help_text=_("Until the first words; None where there were none.")
    )
    total_time_ms = models.FloatField(_("total time ms"), default=0)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "id"]
        verbose_name = _("question")
        verbose_name_plural = _("questions")
        permissions = [("choose_model", _("Can choose the language model of a question"))]
        indexes = [
            models.Index(fields=["conversation", "created_at"], name="run_of_conversation"),
            models.Index(fields=["checked_at"], condition=Q(state="running"), name="run_under_way"),
            models.Index(fields=["created_at", "id"], name="run_by_time"),  # as lists are ordered
            models.Index(fields=["answered", "conversation"], name="run_by_outcome"),  # counts a list of the admin
            models.Index(fields=["model_fault"], condition=~Q(model_fault=""), name="run_of_fault"),
            models.Index(fields=["replaced_by"], condition=~Q(replaced_by=None), name="run_replaced"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["running", "waiting"], ended_at=None)
                | (~Q(state__in=["running", "waiting"]) & Q(ended_at__isnull=False)),
                name="run_ends_once",
            ),
        ]

    @property
    def selected(self) -> list[dict[str, Any]]:
        """`selections`; of a run that was asked before they were kept one by one, its selected text as the only one."""
        if self.selections or not self.selected_text:
            return list(self.selections)
        whole: dict[str, Any] = {"text": self.selected_text}
        if self.sources and self.sources[0]["document_id"]:
            first, last = self.sources[0], self.sources[-1]
            whole |= {"document_id": first["document_id"], "start": first["start"], "end": last["end"]}
        return [whole]

    @property
    def written(self) -> str:
        """Return all that the model has written, supported or not."""
        return self.unsupported or self.answer

    def __str__(self) -> str:
        return Truncator(self.question).chars(100)


class CitationQuerySet(models.QuerySet["Citation"]):
    def bulk_create(self, objs: Iterable[Citation], *args: Any, **options: Any) -> list[Citation]:
        """Save these, each with the collection that its document is in now."""
        rows = list(objs)
        unknown = {row.document_id for row in rows if row.document_id and row.in_collection is None}
        known = dict(Document.objects.filter(pk__in=unknown).values_list("pk", "collection")) if unknown else {}
        for row in rows:
            row.in_collection = row.in_collection or known.get(row.document_id or 0)
        return super().bulk_create(rows, *args, **options)


class Citation(models.Model):
    """A place an answer points to. Its quote was a substring of that document when the answer was given."""

    run = models.ForeignKey(Run, verbose_name=_("run"), on_delete=models.CASCADE, related_name="citations")
    marker = models.PositiveSmallIntegerField(_("marker"), help_text=_("The number in the answer."))
    document = models.ForeignKey(
        Document,
        verbose_name=_("document"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="citations",
        help_text=_("None: deleted since."),
    )
    in_collection = models.BigIntegerField(
        _("in collection"),
        null=True,
        editable=False,
        help_text=_("Id of the collection its document was in then; it may be in another one now, or be deleted."),
    )
    in_selection = models.BooleanField(
        _("in selection"), default=False, help_text=_("It cites the text the reader selected.")
    )
    quote = models.TextField(_("quote"))
    page = models.PositiveIntegerField(_("page"), null=True)
    start = models.PositiveIntegerField(
        _("start"), help_text=_("Characters, in the document, or in a selection of no known document.")
    )
    end = models.PositiveIntegerField(_("end"))
    content_hash = models.CharField(
        _("content hash"), max_length=64, blank=True, help_text=_("Of the document's file when it was cited.")
    )

    objects = CitationQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        verbose_name = _("citation")
        verbose_name_plural = _("citations")

    def save(self, *args: Any, **options: Any) -> None:
        if self.in_collection is None and self.document is not None:
            self.in_collection = self.document.collection_id
        super().save(*args, **options)

    def __str__(self) -> str:
        return f"[{self.marker}]"  # not the quote: the admin lists what goes with a run to whoever may delete it


class Feedback(models.Model):
    """What the reader of an answer thought of it; one a run, the newest."""

    class Reason(models.TextChoices):
        WRONG = "wrong", _("It is wrong")
        INCOMPLETE = "incomplete", _("Something is missing")
        SOURCE = "source", _("The citation does not support it")
        OTHER = "other", _("Something else")

    run = models.OneToOneField(Run, verbose_name=_("run"), on_delete=models.CASCADE, related_name="feedback")
    helpful = models.BooleanField(_("helpful"))
    reason = models.CharField(_("reason"), max_length=12, choices=Reason, blank=True)
    comment = models.CharField(_("comment"), max_length=1000, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        ordering = ["-updated_at", "pk"]
        verbose_name = verbose_name_plural = _("feedback")
        indexes = [models.Index(fields=["-updated_at", "id"], name="feedback_by_time")]  # as the admin lists it

    def __str__(self) -> str:
        return "helpful" if self.helpful else f"not helpful {self.reason}".strip()
