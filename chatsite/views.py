"""The pages readers see: the chat, one run of it, and the reader. Scripts ask through the API, forms through `ask`."""

from __future__ import annotations

import uuid
from contextlib import closing
from time import monotonic
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import Count, Q
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe
from rest_framework.exceptions import ValidationError

from chatsite import assistant, live, suggestions, transcript
from chatsite.access import may_ask, own_conversations
from chatsite.answering import open_run
from chatsite.api.errors import sentence
from chatsite.api.serializers import QuestionSerializer
from chatsite.asking import question_of
from chatsite.conversations import conversation_groups
from chatsite.errors import AnswerError
from chatsite.models import Conversation, Run
from chatsite.reader import document_window
from retrieval.models import Collection, Document

ANSWER_SECONDS = 25  # that a browser without JavaScript waits for a whole answer


@require_safe
@ensure_csrf_cookie
def chat(request: HttpRequest, conversation_id: uuid.UUID | None = None) -> HttpResponse:
    """The chat page: empty, or with a conversation of this reader's."""
    conversation = None
    if conversation_id:
        conversation = get_object_or_404(own_conversations(request).select_related("share"), pk=conversation_id)
    return render_chat(request, conversation, question=request.GET.get("question", ""))


def render_chat(
    request: HttpRequest,
    conversation: Conversation | None,
    *,
    question: str = "",
    selected_text: str = "",
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    """The chat page, with what is (or was) typed in its composer, and what was wrong with it."""
    own = own_conversations(request)
    collections = Collection.objects.visible_to(request.user).annotate(
        document_count=Count("documents", filter=Q(documents__live_generation__gt=0))
    )
    runs = _runs(conversation) if conversation else []
    has_documents = Document.objects.visible_to(request.user).readable().exists()
    views = transcript.run_views(runs, user=request.user)
    page: dict[str, Any] = {
        "conversation": conversation,
        "runs": views,
        "under_way": any(view.state == Run.State.RUNNING for view in views),
        "groups": conversation_groups(own.exclude(browser="", user=None), find=request.GET.get("find", "")),
        "find": request.GET.get("find", ""),
        "menu_open": "menu" in request.GET,
        "share_url": _share_url(request, conversation),
        "no_id": uuid.UUID(int=0),
        "typed": {"question": question, "selected_text": selected_text, "problem": problem},
        "starters": suggestions.starters(request.user) if not conversation and may_ask(request.user) else [],
        "collections": list(collections),
        "has_documents": has_documents,
        "may_ask": may_ask(request.user),
        "model_name": assistant.model_name(),
        "model_configured": assistant.model_configured(),
        "limits": {"query": settings.QUERY_MAX_CHARACTERS, "selection": settings.SELECTION_MAX_CHARACTERS},
    }
    return render(request, "chat.html", page, status=status)


def _runs(conversation: Conversation) -> list[Run]:
    runs = list(conversation.runs.select_related("feedback").prefetch_related("citations"))
    if any(run.state == Run.State.RUNNING for run in runs) and conversation.runs.all().close_lost():
        return _runs(conversation)
    return runs


def _share_url(request: HttpRequest, conversation: Conversation | None) -> str:
    share = getattr(conversation, "share", None)
    return request.build_absolute_uri(reverse("shared", args=[share.token])) if share else ""


@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """A question from the page's form, for browsers without JavaScript: answered, then shown in its conversation."""
    typed = {name: request.POST.get(name, "") for name in ("query", "selected_text", "session_id")}
    given: dict[str, Any] = {name: value for name, value in typed.items() if value.strip()}
    if slugs := request.POST.getlist("collections"):
        given["collections"] = slugs
    serializer = QuestionSerializer(data=given | {"keep": True})
    try:
        if not may_ask(request.user):
            return redirect_to_login(reverse("chat"))
        serializer.is_valid(raise_exception=True)
        answering = open_run(question_of(request, serializer.validated_data, user=request.user))
    except ValidationError as error:
        return _ask_again(request, typed, sentence(error.detail), status=400)
    except AnswerError as error:
        return _ask_again(request, typed, error.message, status=error.status)
    follower = live.keep(answering, user=request.user)
    until = monotonic() + ANSWER_SECONDS
    with closing(follower.stream()) as events:
        for _event in events:
            if monotonic() > until:  # the page shows how far it is, and asks again by itself
                break
    response = redirect("conversation", answering.run.conversation_id)
    response.status_code = 303
    return response


def _ask_again(request: HttpRequest, typed: dict[str, str], problem: str, *, status: int) -> HttpResponse:
    """The page with what was typed, and why it was not taken."""
    try:
        own = own_conversations(request)
        conversation = own.filter(pk=typed["session_id"]).first() if typed["session_id"] else None
    except DjangoValidationError:  # no id at all
        conversation = None
    return render_chat(
        request,
        conversation,
        question=typed["query"],
        selected_text=typed["selected_text"],
        problem=problem,
        status=status,
    )


@require_safe
def run(request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
    """One question and its answer, as in the conversation: what a stream leaves behind."""
    found = Run.objects.filter(Q(pk=run_id) | Q(replaced_by=run_id), conversation__in=own_conversations(request))
    Run.objects.filter(pk=run_id).close_lost()
    runs = sorted(found.select_related("feedback").prefetch_related("citations"), key=lambda run: run.pk == run_id)
    if not runs or runs[-1].pk != run_id:
        raise Http404
    asked = Run.objects.filter(conversation=runs[-1].conversation_id).values_list("question", flat=True)
    views = transcript.run_views(runs, user=request.user, asked=asked)
    return render(request, "fragments/run.html", {"run": views[-1]})


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
        "download_url": reverse("original", args=[found.pk]),
    }
    template = "fragments/document.html" if request.headers.get("X-Fragment") else "reader.html"
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
