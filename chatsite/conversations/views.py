"""What readers do with their conversations: find, rename, pin, delete, export and share them. Plain forms, which work
without JavaScript; someone else's conversation is 404 in each.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chatsite.answering import kept as live
from chatsite.conversations import transcript
from chatsite.conversations.run_views import RunView
from chatsite.models import Conversation, ConversationQuerySet, Run, Share
from chatsite.reader import reader_of

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
    conversation = _own(request, conversation_id)
    for run in conversation.runs.filter(state=Run.State.RUNNING):
        live.stop(run)
    conversation.delete()
    response = redirect("chatsite:chat")
    response.status_code = 303
    return response


# ---- taken along -----------------------------------------------------------------------------------------------------
def _views(conversation: Conversation, request: HttpRequest) -> list[RunView]:
    runs = conversation.runs.current().prefetch_related("citations")
    return transcript.run_views(runs, reader=reader_of(request))


@require_safe
def export_markdown(request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponse:
    conversation = _own(request, conversation_id)
    page = {"conversation": conversation, "runs": _views(conversation, request), "attached": conversation.files()}
    return _download(render_to_string("chatsite/export.md", page), conversation, "md", "text/markdown; charset=utf-8")


@require_safe
def export_json(request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponse:
    conversation = _own(request, conversation_id)
    body = {
        "title": conversation.title,
        "created_at": conversation.created_at.isoformat(),
        "attachments": [{"title": file.title, "filename": file.filename} for file in conversation.files()],
        "runs": [_exported(view) for view in _views(conversation, request)],
    }
    return _download(json.dumps(body, ensure_ascii=False, indent=2), conversation, "json", "application/json")


def _exported(view: RunView) -> dict[str, Any]:
    """Return it as far as its reader may still read what it cites."""
    return {
        "question": view.question,
        "mode": view.mode,
        "selected_text": view.selected_text,
        "answer": view.answer,
        "answered": view.answered,
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


def _download(content: str, conversation: Conversation, ending: str, content_type: str) -> HttpResponse:
    response = HttpResponse(content, content_type=content_type)
    name = slugify(conversation.title) or "conversation"
    response["Content-Disposition"] = f'attachment; filename="{name}.{ending}"'
    return response


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
    runs = found.conversation.runs.current().exclude(state=Run.State.RUNNING).prefetch_related("citations")
    views = list(_only_readable(transcript.run_views(runs, reader=reader_of(request))))
    return render(request, "chatsite/shared.html", {"conversation": found.conversation, "runs": views})


def _only_readable(views: Iterable[RunView]) -> Iterable[RunView]:
    """Withhold an answer that rests on what this reader may not read, and those after it: the model had it before its
    eyes when it wrote them."""
    withheld = False
    for view in views:
        withheld = withheld or not view.all_readable
        yield view.withheld() if withheld else view.shared()
