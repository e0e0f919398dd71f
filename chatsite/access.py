"""Who may ask, and whose conversations are whose."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from chatsite.models import ApiKey, Conversation, ConversationQuerySet, EmbedSite

_BROWSER = "browser"  # in the session's data, which survives signing in; its key does not


def may_ask(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Someone who is signed in, or anyone where ANONYMOUS_CHAT is on."""
    return user.is_authenticated or settings.ANONYMOUS_CHAT


Credential = ApiKey | EmbedSite
"""What a program, or a page of another site, asks with instead of a session."""


def own_conversations(request: HttpRequest, *, credential: Credential | None = None) -> ConversationQuerySet:
    """The conversations this request may read and continue; a program's key opens those it began, no others, and an
    embedded site's token those begun on its pages: whoever knows the unguessable id of one.
    """
    if isinstance(credential, EmbedSite):
        return Conversation.objects.filter(embed_site=credential)
    if credential:
        return Conversation.objects.filter(api_key=credential)
    return Conversation.objects.of(request.user, browser=request.session.get(_BROWSER, ""))


def new_conversation(request: HttpRequest, *, question: str, credential: Credential | None = None) -> Conversation:
    """An unsaved conversation of the one who asks: a user, a browser, or a program, which keeps no cookies."""
    title = title_of(question)
    if isinstance(credential, EmbedSite):
        return Conversation(embed_site=credential, title=title)
    if request.user.is_authenticated:
        return Conversation(user=request.user, api_key=credential, title=title)
    if settings.CSRF_COOKIE_NAME in request.COOKIES:  # a page of ours was opened there
        request.session.setdefault(_BROWSER, uuid.uuid4().hex)
    return Conversation(browser=request.session.get(_BROWSER, ""), title=title)


def title_of(question: str) -> str:
    """What a conversation that begins with it is called."""
    return " ".join(question.split())[:80]


@receiver(user_logged_in)
def adopt_conversations(request: HttpRequest, user: AbstractBaseUser, **signal: Any) -> None:
    """What a reader asked before signing in stays theirs."""
    if browser := request.session.pop(_BROWSER, ""):
        Conversation.objects.filter(user=None, browser=browser).update(user=user, browser="")


def locked_out(request: HttpRequest, response: HttpResponse | None, credentials: dict[str, Any] | None) -> HttpResponse:
    """What someone sees who has failed to sign in too often (AXES_LOCKOUT_CALLABLE)."""
    seconds = int(settings.AXES_COOLOFF_TIME.total_seconds())
    page = render(request, "429.html", {"minutes": seconds // 60}, status=429)
    page["Retry-After"] = str(seconds)
    return page
