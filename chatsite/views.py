"""The pages readers see: the chat and one run of it. Asking itself goes through the API."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from chatsite import assistant, transcript
from chatsite.access import may_ask, own_conversations
from chatsite.models import Run
from retrieval.models import Collection, Document

RECENT_CONVERSATIONS = 30


def limits() -> dict[str, int]:
    """What the composer lets through, as the API does."""
    return {
        "query": settings.QUERY_MAX_CHARACTERS,
        "selection": settings.SELECTION_MAX_CHARACTERS,
        "selections": settings.SELECTIONS_MAX,
    }


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
        "limits": limits(),
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
