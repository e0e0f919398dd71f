"""Who asks, and who looks: someone at the site's pages, a program with a key, a visitor of an embedded site.

A Reader is made once, at the door of a request. From there on it says what may be read, until when, and where a passage
opens. Each call asks the database anew what user and key, as they came in, may read: a right may end while an answer is
written. A stream asks once a second who its reader is `now`.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection as CollectionOf
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import ClassVar, Self
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Group
from django.core import signing
from django.db.models import Exists, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from chatsite import errors
from chatsite.conf import chat_models
from chatsite.models import ApiKey, Conversation, ConversationQuerySet, EmbedSite, WorkflowRun
from chatsite.serving.proxies import client_address, network_of
from retrieval.models import Collection, CollectionQuerySet, Document, DocumentQuerySet, User
from retrieval.readers import Readers, Together

BROWSER = "browser"  # in the session's values, which survive signing in; the session's key does not
AROUND_A_QUOTE = 600  # characters on each side of a quote that a visitor sees with it
_PASSAGE_SALT = "chatsite.embeds.passage"


@dataclass(frozen=True, slots=True)
class Reader:
    """Someone at the site's own pages. `browser` tells apart those who are not signed in; `address` is where the
    request comes from, empty where that is not known."""

    lists_documents: ClassVar[bool] = True  # and so knows them by their ids
    opens_around: ClassVar[int | None] = None  # characters on each side of a quote that can be opened; None: all

    user: User
    browser: str = ""
    session_key: str = field(default="", repr=False)  # of the HTTP session that its user is signed in by
    address: str = field(default="", kw_only=True)
    request: HttpRequest | None = field(default=None, compare=False, repr=False, kw_only=True)  # that they came with

    @property
    def has_account(self) -> bool:
        """Say whether it is known which user asks: an office behind one address is then no one reader."""
        return self.user.is_authenticated

    @property
    def counted_as(self) -> str:
        """Return by what fair shares are counted: the account, else the network address."""
        return f"account {self.user.pk}" if self.has_account else f"address {network_of(self.address)}"

    def admit(self, address: str) -> None:
        """Count a question from this address. Raises AnswerError (429) when there have been too many."""

    def may_ask(self) -> bool:
        """Say whether this reader may ask at all: who is signed in, or anyone where ANONYMOUS_CHAT is on."""
        return self.user.is_authenticated or settings.ANONYMOUS_CHAT

    def may_still_ask(self) -> bool:
        """Say, from the database, whether the right to ask has not ended since this reader came in, whatever has become
        of their HTTP session."""
        return replace(self, session_key="").now() is not None

    def now(self) -> Self | None:
        """Return this reader as the database has it now, in one query; None when the right to ask has ended, or the
        HTTP session that it came with: signed out, expired, or of another password."""
        if not self.user.is_authenticated:
            return self
        users = get_user_model()._default_manager.filter(pk=self.user.pk)
        user = (_with_session(users, self.session_key) if self.session_key else users).first()
        if user is None or not user.is_active or (self.session_key and not _has_same_password(user, self.user)):
            return None
        return replace(self, user=user)

    @property
    def rights(self) -> Readers:
        """Return whose rights are asked where something is searched or shown: its user's."""
        return self.user

    def documents(self) -> DocumentQuerySet:
        """Return the documents that this reader may read now, also those that have no text yet."""
        return Document.objects.visible_to(self.rights)

    def sees_ingestion(self) -> bool:
        """Say whether this reader is of the staff who look after documents."""
        has_perm = getattr(self.user, "has_perm", None)  # not every user model has permissions
        return bool(has_perm and has_perm("retrieval.view_document"))

    def collections(self) -> CollectionQuerySet:
        """Return the collections that this reader is offered now: none of the hidden ones."""
        return Collection.objects.visible_to(self.rights).listed()

    def models(self) -> list[str]:
        """Return the language models that this reader may choose from; empty where there is no choice."""
        has_perm = getattr(self.user, "has_perm", None)  # not every user model has permissions
        models = chat_models()
        return models if len(models) > 1 and has_perm and has_perm("chatsite.choose_model") else []

    def tools(self, names: CollectionOf[str]) -> set[str]:
        """Return those of the host's tools, by name, that may be asked for this reader: none for who has neither an
        account nor a browser that is known again."""
        return set(names) if self.has_account or self.browser else set()

    def person(self) -> User:
        """Return who asks, as tools and hooks are told, and in whose groups an agent may be asked."""
        return self.user

    def owns(self, conversation: Conversation) -> bool:
        """Say whether a conversation is this very person's: what was looked up in it was looked up for them."""
        if self.user.is_authenticated:
            return bool(conversation.user_id == self.user.pk)
        nobodys = conversation.user_id is None and conversation.embed_site_id is None
        return nobodys and bool(self.browser) and conversation.browser == self.browser

    def searched(self, asked: Sequence[str] | None) -> tuple[str, ...] | None:
        """Return the slugs of the collections to search, of those `asked` for; None for all that may be read.

        Raises AnswerError (404) for one beyond what this reader is limited to.
        """
        return None if asked is None else tuple(asked)

    def conversations(self) -> ConversationQuerySet:
        """Return the conversations that this reader may read and continue."""
        return Conversation.objects.of(self.user, browser=self.browser)

    def workflow_runs(self) -> QuerySet[WorkflowRun]:
        """Return the runs of workflows that this reader may ask about: those they started, as with conversations."""
        if not self.user.is_authenticated:
            return WorkflowRun.objects.none()
        tried = Conversation.objects.filter(trial=True).values("pk")
        return WorkflowRun.objects.filter(started_by=self.user.pk).exclude(question__conversation__in=tried)

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

    def tools(self, names: CollectionOf[str]) -> set[str]:
        """Return those that the key names."""
        return self.key.tool_names() & set(names)

    def now(self) -> Self | None:
        usable = ApiKey.objects.usable().filter(pk=self.key.pk, digest=self.key.digest, user=self.user.pk)
        key = usable.select_related("user").first()
        return replace(self, user=key.user, key=key) if key and key.user.is_active else None

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
        """Return those of its collections that its user may still search."""
        if self.key.all_collections:
            return _inside(None, asked)
        return _inside(tuple(self.collections().order_by("slug").values_list("slug", flat=True)), asked)

    def conversations(self) -> ConversationQuerySet:
        """Return those that this key began as its user, and no others of theirs."""
        return Conversation.objects.filter(api_key=self.key.pk, user=self.user.pk)

    def workflow_runs(self) -> QuerySet[WorkflowRun]:
        """Return those that this key started as its user, and no others of theirs."""
        return WorkflowRun.objects.filter(api_key=self.key.pk, started_by=self.user.pk)

    def new_conversation(self, title: str) -> Conversation:
        return Conversation(user_id=self.user.pk, api_key=self.key, title=title)


@dataclass(frozen=True, slots=True)
class Visitor(Reader):
    """Someone on the pages of an embedded site, who asks with that site's public token."""

    lists_documents: ClassVar[bool] = False  # but for what its answers cite
    opens_around: ClassVar[int | None] = AROUND_A_QUOTE

    site: EmbedSite = field(kw_only=True)

    @property
    def has_account(self) -> bool:
        """Say no: the account is of the site, and all its visitors have it."""
        return False

    def admit(self, address: str) -> None:
        self.site.admit(network_of(address))

    def may_ask(self) -> bool:
        return True

    def now(self) -> Self | None:
        site = EmbedSite.find(self.site.token)
        return replace(self, user=site.user, site=site) if site else None

    def tools(self, names: CollectionOf[str]) -> set[str]:
        """Return those that the site names."""
        return self.site.tool_names() & set(names)

    def person(self) -> User:
        """Return nobody: the account is of the site, and what it may look up or ask is no visitor's."""
        return AnonymousUser()

    def owns(self, conversation: Conversation) -> bool:
        """Say whether it was begun on the site's pages, and so belongs to whoever knows its id."""
        return conversation.embed_site_id == self.site.pk

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

    def workflow_runs(self) -> QuerySet[WorkflowRun]:
        """Return none: the account that started them is of the site, and all its visitors have it."""
        return WorkflowRun.objects.none()

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


@dataclass(frozen=True, slots=True)
class TrialReader(Reader):
    """One of the staff who tries something. They read what they may, with a `group` only what its members may as well,
    and `as_person` only what that one may as well; what they ask is no reader's question."""

    group: Group | None = field(default=None, kw_only=True)
    as_person: AbstractBaseUser | None = field(default=None, kw_only=True)

    @property
    def rights(self) -> Readers:
        return Together((self.user, self.as_person)) if self.as_person else self.user

    def now(self) -> Self | None:
        """Return them with the rights of now, both of them; None once the person is gone."""
        now = Reader.now(self)
        if now is None or now.as_person is None:
            return now
        person = get_user_model()._default_manager.filter(pk=now.as_person.pk).first()
        return replace(now, as_person=person) if person else None

    def tools(self, names: CollectionOf[str]) -> set[str]:
        """Return none: what is only tried looks nothing up, and does nothing."""
        return set()

    def documents(self) -> DocumentQuerySet:
        visible = Reader.documents(self)
        return visible.filter(collection__in=of_group(self.group).values("pk")) if self.group else visible

    def collections(self) -> CollectionQuerySet:
        offered = Reader.collections(self)
        return offered.filter(pk__in=of_group(self.group).values("pk")) if self.group else offered

    def searched(self, asked: Sequence[str] | None) -> tuple[str, ...] | None:
        if self.group is None:
            return Reader.searched(self, asked)
        return _inside(tuple(self.collections().order_by("slug").values_list("slug", flat=True)), asked)

    def conversations(self) -> ConversationQuerySet:
        return Conversation.objects.filter(user=self.user.pk, trial=True)

    def new_conversation(self, title: str) -> Conversation:
        return Conversation(user_id=self.user.pk, title=title, trial=True)


def of_group(group: Group) -> CollectionQuerySet:
    """Return the collections that every member of `group` may search."""
    return Collection.objects.filter(Q(public=True) | Q(groups=group)).listed()


def _inside(allowed: tuple[str, ...] | None, asked: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the slugs `asked` for, or all `allowed` ones. Raises AnswerError (404) for one that is not allowed."""
    if asked is None:
        return allowed
    if allowed is not None and (beyond := [slug for slug in asked if slug not in allowed]):
        raise errors.not_found("collections", _("No such collection: %s.") % ", ".join(beyond))
    return tuple(asked)


def reader_of(request: HttpRequest) -> Reader:
    """Return who looks at a page, by the session."""
    signed_in = request.session.session_key if SESSION_KEY in request.session else None
    browser, address = request.session.get(BROWSER, ""), client_address(request)
    return Reader(request.user, browser=browser, session_key=signed_in or "", address=address, request=request)


def _with_session(users: QuerySet[AbstractBaseUser], key: str) -> QuerySet[AbstractBaseUser]:
    """Return `users` as long as the session of this key lives. Where sessions are rows, that costs no further query."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    if not hasattr(store, "get_model_class"):
        return users if store(key).load() else users.none()
    living = store.get_model_class().objects.filter(session_key=key, expire_date__gt=timezone.now())
    return users.filter(Exists(living))


def _has_same_password(user: User, then: User) -> bool:
    """Return whether a session of `user` as they were `then` is theirs still. Not every kind of user can tell."""
    told = [getattr(one, "get_session_auth_hash", str)() for one in (user, then)]
    return constant_time_compare(*told)


def asking_reader(request: HttpRequest) -> Reader:
    """Return who asks, by the session. A browser with a page of ours is remembered from its first question on;
    a program keeps no cookies."""
    if not request.user.is_authenticated and settings.CSRF_COOKIE_NAME in request.COOKIES:
        request.session.setdefault(BROWSER, uuid.uuid4().hex)
    return reader_of(request)


def visitor_of(site: EmbedSite, *, address: str = "", request: HttpRequest | None = None) -> Visitor:
    """Return whoever is on the pages of `site`, at `address`."""
    return Visitor(site.user, site=site, address=address, request=request)
