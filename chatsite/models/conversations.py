"""Conversations: whose they are, and the links by which they are shared."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chatsite.models.api_keys import ApiKey
from chatsite.models.counts import note_changes
from chatsite.models.embed_sites import EmbedSite
from retrieval.models import Collection, Document, DocumentQuerySet

COUNTED = frozenset({"user", "trial"})  # fields that the counts of questions rest on
UNREAD = (Document.State.QUEUED, Document.State.PROCESSING)


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def update(self, **fields: Any) -> int:
        """Change these; where their questions count for somebody else then, have the counts of their days follow."""
        if COUNTED.isdisjoint(fields):
            return super().update(**fields)
        return note_changes(self, lambda: super(ConversationQuerySet, self).update(**fields), when="runs__created_at")

    def of(self, user: AbstractBaseUser | AnonymousUser, *, browser: str = "") -> ConversationQuerySet:
        """Return the conversations that belong to `user`, or, for someone who is not signed in, to this `browser` or to
        no browser at all: those are a program's, which holds their unguessable id. What was only tried is none."""
        if user.is_authenticated:
            return self.filter(user=user.pk, trial=False)
        return self.filter(Q(browser="") | Q(browser=browser), user=None, embed_site=None)


class Conversation(models.Model):
    """Questions and answers that follow up on each other; its id is the API's `session_id`."""

    id = models.UUIDField(_("id"), primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="conversations",
    )
    api_key = models.ForeignKey(
        ApiKey,
        verbose_name=_("api key"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text=_("What began it"),
    )
    embed_site = models.ForeignKey(
        EmbedSite,
        verbose_name=_("embed site"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text=_("Whose pages it is on"),
    )
    agent = models.CharField(
        _("agent"),
        max_length=60,
        blank=True,
        default="",
        db_default="",
        help_text=_("The name of the agent that it stays with; empty: the site itself."),
    )
    browser = models.CharField(
        _("browser"), max_length=64, blank=True, help_text=_("Of a reader who is not signed in; a program has none.")
    )
    title = models.CharField(
        _("title"), max_length=120, help_text=_("The beginning of its first question, or what it was renamed to.")
    )
    attachments = models.OneToOneField(
        Collection,
        verbose_name=_("attachments"),
        null=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="conversation",
        help_text=_("The hidden collection that holds the files attached to it, deleted with it."),
    )
    trial = models.BooleanField(
        _("trial"),
        default=False,
        db_default=False,
        help_text=_("Asked by the staff to try something: no reader’s question."),
    )
    pinned = models.BooleanField(_("pinned"), default=False, help_text=_("It stays at the top of the list."))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        ordering = ["-updated_at", "id"]
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        indexes = [
            models.Index(fields=["-updated_at", "id"], name="conversation_by_time"),  # as the admin lists them
            models.Index(fields=["id"], condition=Q(trial=True), name="conversation_tried"),  # left out of each list
        ]

    def __str__(self) -> str:
        return self.title

    def files(self) -> DocumentQuerySet:
        """Return the files attached to it, in the order they came."""
        return Document.objects.filter(collection=self.attachments_id).order_by("created_at", "pk")

    def unread_files(self) -> DocumentQuerySet:
        """Return those that are still being read for the first time."""
        return self.files().filter(state__in=UNREAD, live_generation=0)


def title_of(question: str) -> str:
    """Return what a conversation that begins with `question` is called."""
    return " ".join(question.split())[:80]


def _token() -> str:
    return secrets.token_urlsafe(24)


class Share(models.Model):
    """A link to a conversation. Whoever opens it sees the answers that rest on documents they may read themselves."""

    conversation = models.OneToOneField(Conversation, on_delete=models.CASCADE, related_name="share")
    token = models.CharField(max_length=64, unique=True, default=_token, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: when it is revoked.")

    class Meta:
        ordering = ["-created_at", "pk"]

    def __str__(self) -> str:
        return f"share of {self.conversation_id}"

    @classmethod
    def find(cls, token: str) -> Share | None:
        """Return the share that `token` opens now; it closes when whoever shared is deactivated."""
        unexpired = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
        found = cls.objects.filter(unexpired, token=token).select_related("conversation__user").first()
        owner = found.conversation.user if found else None
        return found if owner is None or owner.is_active else None
