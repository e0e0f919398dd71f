"""The chat on pages of other origins: what a public token may ask, from where and how often."""

from __future__ import annotations

import secrets
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from chatsite import errors
from retrieval.models import Collection, User

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

_limit = [MinValueValidator(1), MaxValueValidator(1_000_000)]


def validate_origins(value: str) -> None:
    """Check that there is one origin a line, as browsers write it: scheme, host and port, nothing behind."""
    for line in value.split():
        parts = urlsplit(line)
        if parts.scheme not in {"http", "https"} or not parts.hostname or line != f"{parts.scheme}://{parts.netloc}":
            fault = _("“%s” is not an origin; write it like https://www.example.org, without a path.")
            raise ValidationError(fault % line)
        if "*" in line or "@" in line or any(sign in line for sign in ";,'\""):
            fault = _("“%s” has a character that no origin has; name each origin in full.")
            raise ValidationError(fault % line)


def new_token() -> str:
    return EmbedSite.PREFIX + secrets.token_urlsafe(24)


class EmbedSite(models.Model):
    """A site of another origin whose pages show the chat. Its token stands in those pages for all to read: it opens
    nothing but asking, from these origins, in these collections, this often.
    """

    PREFIX = "pub_"

    name = models.CharField(_("name"), max_length=80, help_text=_("Whose pages these are."))
    token = models.CharField(_("token"), max_length=64, unique=True, editable=False, default=new_token)
    origins = models.TextField(
        _("origins"),
        validators=[validate_origins],
        help_text=_("Where its pages are, one origin a line, for example https://www.example.org."),
    )
    collections = models.ManyToManyField(
        Collection,
        verbose_name=_("collections"),
        limit_choices_to={"hidden": False},
        help_text=_("What is searched: public ones, or the reader's below."),
    )
    reader = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("reader"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text=_("Collections that are not public are searched as this user, whose right to them visitors get."),
    )
    tools = models.CharField(
        _("tools"),
        max_length=500,
        blank=True,
        db_default="",
        help_text=_("Names of the tools that may be asked, for nobody in particular, divided by commas. Empty: none."),
    )
    title = models.CharField(_("title"), max_length=60, blank=True, help_text=_("Above the chat and on its button."))
    accent = models.CharField(
        _("accent"),
        max_length=7,
        blank=True,
        validators=[RegexValidator(r"^#[0-9a-fA-F]{6}\Z", _("Write it like #0b6a58."))],
    )
    visitor_per_minute = models.PositiveIntegerField(
        _("visitor per minute"), default=6, validators=_limit, help_text=_("Questions of one address in a minute.")
    )
    per_minute = models.PositiveIntegerField(
        _("per minute"), default=60, validators=_limit, help_text=_("Questions of all in a minute.")
    )
    per_day = models.PositiveIntegerField(
        _("per day"), default=2_000, validators=_limit, help_text=_("Questions of all in a day.")
    )
    active = models.BooleanField(_("active"), default=True, help_text=_("Untick to withdraw the token at once."))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        ordering = ["name", "pk"]
        verbose_name = _("embedded site")
        verbose_name_plural = _("embedded sites")

    def __str__(self) -> str:
        return self.name

    @classmethod
    def find(cls, token: str) -> EmbedSite | None:
        """Return the site that `token` is of, if it may ask now."""
        site = cls.objects.filter(token=token, active=True).select_related("reader").first()
        return site if site and (site.reader is None or site.reader.is_active) else None

    @property
    def origin_list(self) -> list[str]:
        return [line.lower() for line in self.origins.split()]

    def tool_names(self) -> set[str]:
        """Return the names of the tools that may be asked."""
        return {name.strip() for name in self.tools.split(",") if name.strip()}

    @property
    def user(self) -> User:
        """Return who its visitors ask as."""
        return self.reader or AnonymousUser()

    def admit(self, address: str) -> None:
        """Count a question from this address.

        Raises:
            AnswerError (429): one too many, with the seconds until the next may be asked.
        """
        digest = salted_hmac("chatsite.embeds.address", address, algorithm="sha256").hexdigest()
        now = timezone.now()
        asked = self.questions.filter(asked_at__gt=now - DAY)
        limits = [
            (asked.filter(address=digest), MINUTE, self.visitor_per_minute, _("questions a minute")),
            (asked, MINUTE, self.per_minute, _("questions a minute from all its visitors")),
            (asked, DAY, self.per_day, _("questions a day from all its visitors")),
        ]
        with transaction.atomic():
            EmbedSite.objects.select_for_update().get(pk=self.pk)  # those who ask at once are counted one by one
            for questions, span, limit, what in limits:
                latest = list(questions.filter(asked_at__gt=now - span).order_by("-asked_at")[limit - 1 : limit])
                if latest:
                    raise errors.too_many(limit, str(what), seconds=(latest[0].asked_at + span - now).total_seconds())
            self.questions.create(address=digest, asked_at=now)
        self.questions.filter(asked_at__lte=now - DAY).delete()


class EmbedQuestion(models.Model):
    """That a question was asked, for a day: enough to count, nothing to read. An address is kept as a keyed digest."""

    site = models.ForeignKey(EmbedSite, on_delete=models.CASCADE, related_name="questions")
    address = models.CharField(max_length=64)
    asked_at = models.DateTimeField()

    class Meta:
        ordering = ["asked_at", "pk"]
        indexes = [
            models.Index(fields=["site", "asked_at"], name="embed_question_of_site"),
            models.Index(fields=["site", "address", "asked_at"], name="embed_question_of_address"),
        ]

    def __str__(self) -> str:
        return f"{self.site} at {self.asked_at:%c}"
