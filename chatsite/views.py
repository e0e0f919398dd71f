"""The pages readers see: the chat, one run of it, and the reader. Asking itself goes through the API."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.db.models import Count, Q
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from chatsite import assistant, transcript
from chatsite.access import may_ask, own_conversations
from chatsite.models import Run
from chatsite.reader import document_window
from retrieval.models import Collection, Document

RECENT_CONVERSATIONS = 30


@require_safe
@ensure_csrf_cookie
def chat(request: HttpRequest, conversation_id: uuid.UUID | None = None) -> HttpResponse:
    """The chat page: empty, or with a conversation of this reader's."""
    own = own_conversations(request)
    conversation = get_object_or_404(own, pk=conversation_id) if conversation_id else None
    collections = Collection.objects.visible_to(request.user).annotate(
        document_count=Count("documents", filter=Q(documents__live_generation__gt=0))
    )
    runs = conversation.runs.prefetch_related("citations") if conversation else []
    page: dict[str, Any] = {
        "conversation": conversation,
        "runs": transcript.run_views(runs, user=request.user),
        "conversations": own.exclude(browser="", user=None)[:RECENT_CONVERSATIONS],
        "collections": list(collections),
        "has_documents": Document.objects.visible_to(request.user).readable().exists(),
        "may_ask": may_ask(request.user),
        "model_name": assistant.model_name(),
        "model_configured": assistant.model_configured(),
        "limits": {"query": settings.QUERY_MAX_CHARACTERS, "selection": settings.SELECTION_MAX_CHARACTERS},
    }
    return render(request, "chatsite/chat.html", page)


@require_safe
def run(request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
    """One question and its answer, as in the conversation: what a stream leaves behind."""
    runs = Run.objects.filter(pk=run_id, conversation__in=own_conversations(request)).prefetch_related("citations")
    views = transcript.run_views(runs, user=request.user)
    if not views:
        raise Http404
    return render(request, "chatsite/fragments/run.html", {"run": views[0]})


@require_safe
def document(request: HttpRequest, document_id: int) -> HttpResponseBase:
    """A document opened at characters `start` to `end`; with `X-Fragment: 1`, without the page around it."""
    found = _readable_document(request, document_id)
    if found is None:
        return _missing_document(request)
    window = document_window(found, start=_offset(request, "start"), end=_offset(request, "end"))
    page = {
        "document": found,
        "blocks": window.blocks,
        "previous_url": window.previous_url,
        "next_url": window.next_url,
        "download_url": reverse("chatsite:original", args=[found.pk]),
    }
    template = "chatsite/fragments/document.html" if request.headers.get("X-Fragment") else "chatsite/reader.html"
    return render(request, template, page)


@require_safe
def original(request: HttpRequest, document_id: int) -> HttpResponseBase:
    """The file as it was put in: always a download, never a page of this site."""
    found = _readable_document(request, document_id)
    if found is None:
        return _missing_document(request)
    response = FileResponse(found.file.open("rb"), as_attachment=True, filename=found.filename)
    response["Content-Type"] = "application/octet-stream"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


def _readable_document(request: HttpRequest, document_id: int) -> Document | None:
    if not may_ask(request.user):
        return None
    visible = Document.objects.visible_to(request.user).readable().select_related("collection")
    return visible.filter(pk=document_id).first()


def _missing_document(request: HttpRequest) -> HttpResponseBase:
    """Not there, or not this reader's: the same answer for both. Someone who is not signed in may sign in first."""
    if request.user.is_authenticated:
        raise Http404
    return redirect_to_login(request.get_full_path())


def _offset(request: HttpRequest, name: str) -> int | None:
    value = request.GET.get(name, "")
    return int(value) if value.isdecimal() and len(value) <= 10 else None
