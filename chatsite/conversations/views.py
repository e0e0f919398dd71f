"""What readers do with their conversations: find, rename, pin, delete, export and share them. Plain forms, which work
without JavaScript; someone else's conversation is 404 in each.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from textwrap import indent
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.handlers.asgi import ASGIRequest
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import slugify
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from agents import iterate
from chatsite.answering.kept import delete_conversation
from chatsite.conversations import transcript
from chatsite.conversations.paging import BATCH, ConversationPart, batches
from chatsite.conversations.run_views import RunView
from chatsite.models import Conversation, ConversationQuerySet, Run, Share
from chatsite.reader import Reader, reader_of

LISTED = 60
TITLE_MOST = 120
SHARE_DAYS = ("1", "7", "30")


# ---- the list --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Group:
    """Conversations that were last used on one day; `key` is "pinned", "today" or empty."""

    label: str
    conversations: Sequence[Conversation]
    key: str = ""


def conversation_groups(own: ConversationQuerySet, *, find: str = "") -> list[Group]:
    """Return the newest, pinned ones first, then by day; with `find`, those whose title or questions hold it."""
    find = find.replace("\x00", "").strip()
    if find:
        asked = Run.objects.filter(question__icontains=find, conversation__in=own).values("conversation")
        own = own.filter(Q(title__icontains=find) | Q(pk__in=asked))
    found = list(own.order_by("-pinned", "-updated_at", "id")[:LISTED])
    pinned = [conversation for conversation in found if conversation.pinned]
    days: dict[date, list[Conversation]] = {
        (today := _date(timezone.now())): []
    }  # today is there for what is asked next
    for conversation in found[len(pinned) :]:
        days.setdefault(_date(conversation.updated_at), []).append(conversation)
    groups = [Group(_day(day), day_s, key="today" if day == today else "") for day, day_s in days.items()]
    return [Group(_("Pinned"), pinned, key="pinned"), *groups] if pinned else groups


def _date(moment: datetime) -> date:
    """Return the day of a moment where the reader is, also in a project whose times are naive (USE_TZ)."""
    return (timezone.localtime(moment) if timezone.is_aware(moment) else moment).date()


def _day(day: date) -> str:
    ago = (_date(timezone.now()) - day).days
    if ago <= 0:
        return _("Today")
    if ago == 1:
        return _("Yesterday")
    return date_format(day, "l" if ago < 7 else "DATE_FORMAT")


# ---- one of them -----------------------------------------------------------------------------------------------------
def _own(request: HttpRequest, conversation_id: uuid.UUID) -> Conversation:
    return get_object_or_404(reader_of(request).conversations(), pk=conversation_id)


def _back(conversation: Conversation, *, menu: bool = False) -> HttpResponseRedirect:
    url = reverse("chatsite:conversation", args=[conversation.pk])
    response = redirect(f"{url}?menu=1" if menu else url)
    response.status_code = 303
    return response


@require_POST
def rename(request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponse:
    conversation = _own(request, conversation_id)
    title = " ".join(request.POST.get("title", "").replace("\x00", "").split())[:TITLE_MOST]
    if title:
        Conversation.objects.filter(pk=conversation.pk).update(title=title)  # it was not used: its day stays
    return _back(conversation)


@require_POST
def pin(request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponse:
    conversation = _own(request, conversation_id)
    Conversation.objects.filter(pk=conversation.pk).update(pinned=request.POST.get("pinned") == "1")
    return _back(conversation)


@require_POST
def delete(request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponse:
    """With its answers, the links to it and the files attached to it; what is still being answered is stopped."""
    delete_conversation(_own(request, conversation_id))
    response = redirect("chatsite:chat")
    response.status_code = 303
    return response


# ---- taken along -----------------------------------------------------------------------------------------------------
def _views(conversation: Conversation, reader: Reader) -> Iterator[RunView]:
    """Yield its current runs, however many: each as it may be read when it is its turn."""
    for runs in batches(conversation.runs.current()):
        yield from transcript.run_views(runs, reader=reader, suggests=False)


@require_safe
def export_markdown(request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponseBase:
    conversation, reader = _own(request, conversation_id), reader_of(request)

    def pieces() -> Iterator[str]:
        page = {"conversation": conversation, "attached": conversation.files()}
        yield render_to_string("chatsite/export.md", page)
        for view in _views(conversation, reader):
            yield render_to_string("chatsite/export_run.md", {"run": view})

    return _download(request, pieces(), conversation, "md", "text/markdown; charset=utf-8")


@require_safe
def export_json(request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponseBase:
    conversation, reader = _own(request, conversation_id), reader_of(request)

    def pieces() -> Iterator[str]:
        about = {
            "title": conversation.title,
            "created_at": conversation.created_at.isoformat(),
            "attachments": [{"title": file.title, "filename": file.filename} for file in conversation.files()],
        }
        yield f'{_json(about).removesuffix("}").rstrip()},\n  "runs": ['
        for number, view in enumerate(_views(conversation, reader)):
            yield f"{',' if number else ''}\n{indent(_json(_exported(view)), '    ')}"
        yield "\n  ]\n}"

    return _download(request, pieces(), conversation, "json", "application/json")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _exported(view: RunView) -> dict[str, Any]:
    """Return it as far as its reader may still read what it cites."""
    return {
        "question": view.question,
        "mode": view.mode,
        "selected_text": view.selected_text,
        "answer": view.answer,
        "answered": view.answered,
        "withheld": view.is_withheld,
        "small_talk": view.small_talk,
        "unsupported": view.unsupported,
        "state": view.state,
        "model": view.model,
        "citations": [
            {
                "marker": c.marker,
                "title": c.title,
                "beside": c.beside,
                "page": c.page,
                "page_label": c.page_label,
                "section": c.section,
                "quote": c.quote,
                "url": c.url,
            }
            for c in view.citations
        ],
    }


def _download(
    request: HttpRequest, pieces: Iterator[str], conversation: Conversation, ending: str, content_type: str
) -> HttpResponseBase:
    """Return `pieces` as a file: those of a long conversation one by one, as they are made."""
    spoken = _in_language(pieces)
    response: HttpResponseBase
    if conversation.runs.current().count() <= BATCH:
        response = HttpResponse("".join(spoken), content_type=content_type)
    else:
        is_async = isinstance(request, ASGIRequest)
        body = iterate(spoken, cancel=lambda: None) if is_async else spoken
        response = StreamingHttpResponse(body, content_type=content_type)
    name = slugify(conversation.title) or "conversation"
    response["Content-Disposition"] = f'attachment; filename="{name}.{ending}"'
    return response


def _in_language(pieces: Iterator[str]) -> Iterator[str]:
    """Make `pieces` in the language of the request, on whichever thread they are asked for."""
    language = get_language()

    def made() -> str | None:
        with override(language):
            return next(pieces, None)

    return iter(made, None)


# ---- shared ----------------------------------------------------------------------------------------------------------
@require_POST
def share(request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponse:
    """Make a link, in place of an earlier one; `days` says when it expires."""
    conversation = _own(request, conversation_id)
    days = request.POST.get("days", "")
    expires_at = timezone.now() + timedelta(days=int(days)) if days in SHARE_DAYS else None
    Share.objects.filter(conversation=conversation).delete()
    Share.objects.create(conversation=conversation, expires_at=expires_at)
    return _back(conversation, menu=True)


@require_POST
def unshare(request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponse:
    conversation = _own(request, conversation_id)
    Share.objects.filter(conversation=conversation).delete()
    return _back(conversation, menu=True)


@require_safe
def shared(request: HttpRequest, token: str) -> HttpResponse:
    """Show a conversation by its link, as far as whoever opens it may read what its answers rest on."""
    if not reader_of(request).may_ask():
        return redirect_to_login(request.get_full_path())
    found = Share.find(token)
    if found is None:
        raise Http404
    runs = found.conversation.runs.current().exclude(state=Run.State.RUNNING)
    part = ConversationPart.of(runs, before=request.GET.get("before", ""))
    page = {
        "conversation": found.conversation,
        "title": found.conversation.title if part.runs else _("A shared conversation"),  # else it is that of a file
        "runs": [view.shared() for view in transcript.run_views(part.runs, reader=reader_of(request), suggests=False)],
        "earlier_url": f"?before={part.before}" if part.before else "",
        "latest_url": "" if part.is_latest else request.path,
    }
    return render(request, "chatsite/shared.html", page)
