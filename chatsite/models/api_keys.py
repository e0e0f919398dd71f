"""Keys: with one a program asks as a user."""

from __future__ import annotations

import hashlib
import secrets

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from retrieval.models import Collection


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self) -> ApiKeyQuerySet:
        """Return those that are neither revoked nor expired; their users may be inactive."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()), revoked=False)


class ApiKey(models.Model):
    """Lets a program ask as `user`. Only a digest of the key is kept; the key itself is shown once, when it is made."""

    PREFIX = "dc_"

    name = models.CharField(_("name"), max_length=80, help_text=_("What it is for."))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        on_delete=models.CASCADE,
        related_name="+",
        help_text=_("It may read what they may."),
    )
    all_collections = models.BooleanField(
        _("every collection"), default=False, help_text=_("It may search all that its user may search.")
    )
    collections = models.ManyToManyField(
        Collection,
        verbose_name=_("collections"),
        blank=True,
        limit_choices_to={"hidden": False},
        help_text=_("Otherwise it may search these only."),
    )
    may_change_documents = models.BooleanField(
        _("may change documents"),
        default=False,
        help_text=_("It may add, delete and re-index documents as far as its user may; otherwise it reads and asks."),
    )
    tools = models.CharField(
        _("tools"),
        max_length=500,
        blank=True,
        db_default="",
        help_text=_("Names of the tools that may be asked for its user, divided by commas. Empty: none."),
    )
    digest = models.CharField(_("digest"), max_length=64, unique=True, editable=False)
    hint = models.CharField(_("hint"), max_length=12, editable=False, help_text=_("How it begins."))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True, help_text=_("Empty: never."))
    revoked = models.BooleanField(_("revoked"), default=False)
    last_used_at = models.DateTimeField(_("last used at"), null=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"

    def make_secret(self) -> str:
        """Return a new key for this row, which is to be saved; nothing can show it again."""
        secret = self.PREFIX + secrets.token_urlsafe(32)
        self.digest, self.hint = self.digest_of(secret), secret[:8]
        return secret

    def slugs(self) -> tuple[str, ...] | None:
        """Return the collections it is limited to; None when it is not."""
        return None if self.all_collections else tuple(self.collections.values_list("slug", flat=True))

    def tool_names(self) -> set[str]:
        """Return the names of the tools that may be asked."""
        return {name.strip() for name in self.tools.split(",") if name.strip()}

    @staticmethod
    def digest_of(secret: str) -> str:
        """Return a plain hash, which is enough: the key is 256 random bits, which nobody can guess."""
        return hashlib.sha256(secret.encode(errors="replace")).hexdigest()

    @classmethod
    def find(cls, secret: str) -> ApiKey | None:
        """Return the key that `secret` is, if it may be used now."""
        key = cls.objects.usable().filter(digest=cls.digest_of(secret)).select_related("user").first()
        return key if key and key.user.is_active else None  # not every kind of user has it in the database
