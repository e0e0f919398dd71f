"""Who asks, and who looks: someone at the site's pages, a program with a key, a visitor of an embedded site.

A Reader is made once, at the door of a request. From there on it says what may be read, until when, and where a passage
opens. Each call asks the database anew what user and key, as they came in, may read: a right may end while an answer is
written.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import signing
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from chatsite import errors
from chatsite.conf import chat_models
from chatsite.models import ApiKey, Conversation, ConversationQuerySet, EmbedSite
from retrieval.models import Collection, CollectionQuerySet, Document, DocumentQuerySet, User

BROWSER = "browser"  # in the session's values, which survive signing in; the session's key does not
AROUND_A_QUOTE = 600  # characters on each side of a quote that a visitor sees with it
_PASSAGE_SALT = "chatsite.embeds.passage"


@dataclass(frozen=True, slots=True)
class Reader:
    """Someone at the site's own pages. `browser` tells apart those who are not signed in."""

    lists_documents: ClassVar[bool] = True  # and so knows them by their ids
    opens_around: ClassVar[int | None] = None  # characters on each side of a quote that can be opened; None: all

    user: User
    browser: str = ""

    def admit(self, address: str) -> None:
        """Count a question from this address. Raises AnswerError (429) when there have been too many."""

    def may_ask(self) -> bool:
        """Say whether this reader may ask at all: who is signed in, or anyone where ANONYMOUS_CHAT is on."""
        return self.user.is_authenticated or settings.ANONYMOUS_CHAT

    def may_still_ask(self) -> bool:
        """Say, from the database, whether the right to ask has not ended since this reader came in."""
        if not self.user.is_authenticated:
            return True
        user = get_user_model()._default_manager.filter(pk=self.user.pk).first()
        return user is not None and user.is_active

    def documents(self) -> DocumentQuerySet:
        """Return the documents that this reader may read now, also those that have no text yet."""
        return Document.objects.visible_to(self.user)

    def sees_ingestion(self) -> bool:
        """Say whether this reader is of the staff who look after documents."""
        has_perm = getattr(self.user, "has_perm", None)  # not every user model has permissions
        return bool(has_perm and has_perm("retrieval.view_document"))

    def collections(self) -> CollectionQuerySet:
        """Return the collections that this reader is offered now: none of the hidden ones."""
        return Collection.objects.visible_to(self.user).listed()

    def models(self) -> list[str]:
        """Return the language models that this reader may choose from; empty where there is no choice."""
        has_perm = getattr(self.user, "has_perm", None)  # not every user model has permissions
        models = chat_models()
        return models if len(models) > 1 and has_perm and has_perm("chatsite.choose_model") else []

    def searched(self, asked: Sequence[str] | None) -> tuple[str, ...] | None:
        """Return the slugs of the collections to search, of those `asked` for; None for all that may be read.

        Raises AnswerError (404) for one beyond what this reader is limited to.
        """
        return None if asked is None else tuple(asked)

    def conversations(self) -> ConversationQuerySet:
        """Return the conversations that this reader may read and continue."""
        return Conversation.objects.of(self.user, browser=self.browser)

    def new_conversation(self, title: str) -> Conversation:
        """Make a conversation of this reader's, not saved yet."""
        if self.user.is_authenticated:
            return Conversation(user_id=self.user.pk, title=title)
        return Conversation(browser=self.browser, title=title)

    def link(self, document_id: int, *, start: int, end: int, run: uuid.UUID | None = None) -> str:
        """Return the address that opens a document with characters `start` to `end` (exclusive) marked, among the other
        places that `run` cites."""
        place = {"start": start, "end": end} | ({"run": run} if run else {})
        return f"{reverse('chatsite:document', args=[document_id])}?{urlencode(place)}#quote"


@dataclass(frozen=True, slots=True)
class Program(Reader):
    """A program that asks with an API key, as the key's user, in the collections that the key is limited to."""

    key: ApiKey = field(kw_only=True)

    def may_still_ask(self) -> bool:
        return ApiKey.objects.usable().filter(pk=self.key.pk).exists() and Reader.may_still_ask(self)

    def documents(self) -> DocumentQuerySet:
        """Return those of its collections, and the files attached to the conversations it began."""
        visible, slugs = Reader.documents(self), self.key.slugs()
        if slugs is None:
            return visible
        attached = Conversation.objects.filter(api_key=self.key.pk).values("attachments")
        return visible.filter(Q(collection__slug__in=slugs) | Q(collection__in=attached))

    def collections(self) -> CollectionQuerySet:
        slugs = self.key.slugs()
        offered = Reader.collections(self)
        return offered if slugs is None else offered.filter(slug__in=slugs)

    def searched(self, asked: Sequence[str] | None) -> tuple[str, ...] | None:
        return _inside(self.key.slugs(), asked)

    def conversations(self) -> ConversationQuerySet:
        """Return those that this key began, and no others of its user's."""
        return Conversation.objects.filter(api_key=self.key.pk)

    def new_conversation(self, title: str) -> Conversation:
        return Conversation(user_id=self.user.pk, api_key=self.key, title=title)


@dataclass(frozen=True, slots=True)
class Visitor(Reader):
    """Someone on the pages of an embedded site, who asks with that site's public token."""

    lists_documents: ClassVar[bool] = False  # but for what its answers cite
    opens_around: ClassVar[int | None] = AROUND_A_QUOTE

    site: EmbedSite = field(kw_only=True)

    def admit(self, address: str) -> None:
        self.site.admit(address)

    def may_ask(self) -> bool:
        return True

    def may_still_ask(self) -> bool:
        return EmbedSite.find(self.site.token) is not None

    def models(self) -> list[str]:
        """Return none: what the site's owner may choose is no visitor's choice."""
        return []

    def documents(self) -> DocumentQuerySet:
        """Return the documents that the site may cite."""
        return Reader.documents(self).listed().filter(collection__in=self.site.collections.values("pk"))

    def collections(self) -> CollectionQuerySet:
        return Reader.collections(self).filter(pk__in=self.site.collections.values("pk"))

    def searched(self, asked: Sequence[str] | None) -> tuple[str, ...] | None:
        return _inside(tuple(self.collections().order_by("slug").values_list("slug", flat=True)), asked)

    def conversations(self) -> ConversationQuerySet:
        """Return those begun on the site's pages; one is opened by whoever knows its unguessable id."""
        return Conversation.objects.filter(embed_site=self.site)

    def new_conversation(self, title: str) -> Conversation:
        return Conversation(embed_site=self.site, title=title)

    def link(self, document_id: int, *, start: int, end: int, run: uuid.UUID | None = None) -> str:
        """Return a signed address: it opens the marked characters with AROUND_A_QUOTE on each side, and no others."""
        opened = [self.site.pk, document_id, max(0, start - AROUND_A_QUOTE), end + AROUND_A_QUOTE]
        signed = signing.dumps(opened, salt=_PASSAGE_SALT)
        url = reverse("chatsite:embed-passage", args=[self.site.token, signed])
        return f"{url}?{urlencode({'start': start, 'end': end})}#quote"

    def opened(self, signed: str) -> tuple[int, int, int] | None:
        """Return document, start and end of what `link` has signed for this site; None for anything else."""
        try:
            pk, document_id, start, end = signing.loads(signed, salt=_PASSAGE_SALT)
        except signing.BadSignature:
            return None
        return (document_id, start, end) if pk == self.site.pk else None


def _inside(allowed: tuple[str, ...] | None, asked: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the slugs `asked` for, or all `allowed` ones. Raises AnswerError (404) for one that is not allowed."""
    if asked is None:
        return allowed
    if allowed is not None and (beyond := [slug for slug in asked if slug not in allowed]):
        raise errors.not_found("collections", _("No such collection: %s.") % ", ".join(beyond))
    return tuple(asked)


def reader_of(request: HttpRequest) -> Reader:
    """Return who looks at a page, by the session."""
    return Reader(request.user, browser=request.session.get(BROWSER, ""))


def asking_reader(request: HttpRequest) -> Reader:
    """Return who asks, by the session. A browser with a page of ours is remembered from its first question on;
    a program keeps no cookies."""
    if not request.user.is_authenticated and settings.CSRF_COOKIE_NAME in request.COOKIES:
        request.session.setdefault(BROWSER, uuid.uuid4().hex)
    return reader_of(request)


def visitor_of(site: EmbedSite) -> Visitor:
    """Return whoever is on the pages of `site`."""
    return Visitor(site.user, site=site)
