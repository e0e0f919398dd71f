"""The pages readers see: the chat, and one run of it. Scripts ask through the API, forms through `ask`."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import closing
from time import monotonic
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import transaction
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe
from rest_framework.exceptions import ValidationError

from chatsite.answering import language_models
from chatsite.answering.answer import Streamed
from chatsite.api.errors import sentence
from chatsite.api.serializers import QuestionSerializer
from chatsite.api.tool_serializers import DecisionSerializer
from chatsite.asking.attachments import is_untitled, may_attach
from chatsite.asking.deciding import decide_call
from chatsite.asking.documents import choosable, find_documents
from chatsite.asking.request import ask as ask_question
from chatsite.assistants.agent import AskedAgent
from chatsite.assistants.finding import agent_or_site, find_agent
from chatsite.assistants.shown import ShownAgent
from chatsite.conf import EXTRACTIVE
from chatsite.conversations import transcript
from chatsite.conversations.paging import ConversationPart
from chatsite.conversations.views import conversation_groups
from chatsite.errors import AnswerError
from chatsite.models import Conversation, Run
from chatsite.reader import Reader, asking_reader, reader_of
from chatsite.tools.approval import expire
from chatsite.tools.offering import may_use_tools
from retrieval.models import DocumentQuerySet
from retrieval.namesakes import with_marks
from retrieval.sources.uploads import ENDINGS

ASKED = 200  # questions of a conversation, the latest, that are not suggested again
ANSWER_SECONDS = 25  # that a browser without JavaScript waits for a whole answer


def limits() -> dict[str, int]:
    """Return what the composer lets through, as the API does."""
    return {
        "query": settings.QUERY_MAX_CHARACTERS,
        "selection": settings.SELECTION_MAX_CHARACTERS,
        "selections": settings.SELECTIONS_MAX,
        "upload": settings.UPLOAD_MAX_BYTES,
    }


def composing(reader: Reader, conversation: Conversation | None, documents: DocumentQuerySet) -> dict[str, Any]:
    """Return what the composer offers: whether there is anything to ask, documents and a model to choose, files to
    attach."""
    some = len(documents.order_by()[:2])
    models = reader.models()
    return {
        "models": models,
        "model_of_conversation": _last_model(conversation) if conversation and models else "",
        "has_documents": some > 0,
        "can_choose": some > 1,
        "can_attach": may_attach(reader),
        "can_ask": some > 0 or may_attach(reader) or may_use_tools(reader),
        "attached": with_marks(conversation.files()) if conversation and conversation.attachments_id else (),
        "endings": ",".join(sorted(f".{ending}" for ending in ENDINGS)),
    }


def _last_model(conversation: Conversation) -> str:
    """Return the model that has written the latest answer in `conversation`."""
    written = conversation.runs.current().exclude(model__in=["", EXTRACTIVE])
    return written.order_by("-created_at").values_list("model", flat=True).first() or ""


@require_safe
@ensure_csrf_cookie
def agent(request: HttpRequest, name: str) -> HttpResponse:
    """Show the chat page of an agent, where a conversation with it begins."""
    try:
        asked = find_agent(reader_of(request), name)
    except AnswerError as error:
        raise Http404 from error
    chosen = _ids(request.GET.getlist("document"))
    return render_chat(request, None, agent=asked, question=request.GET.get("question", ""), chosen=chosen)


@require_safe
@ensure_csrf_cookie
def chat(request: HttpRequest, conversation_id: uuid.UUID | None = None) -> HttpResponse:
    """Show the chat page: empty, or with a conversation of this reader's."""
    conversation = None
    if conversation_id:
        conversation = get_object_or_404(reader_of(request).conversations().select_related("share"), pk=conversation_id)
    chosen = _ids(request.GET.getlist("document"))
    return render_chat(request, conversation, question=request.GET.get("question", ""), chosen=chosen)


def _ids(values: Sequence[str]) -> list[int]:
    """Return those of `values` that can be the id of a row."""
    return [int(value) for value in values if value.isdecimal() and len(value) < 19]


def render_chat(
    request: HttpRequest,
    conversation: Conversation | None,
    *,
    agent: AskedAgent | None = None,
    question: str = "",
    selected_text: str = "",
    model: str = "",
    chosen: Sequence[int] = (),
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    """Render the chat page of an agent, or of the site, with what is (or was) typed in its composer, the ids of the
    documents that its question is for, and what was wrong with it."""
    reader = reader_of(request)
    shown_agent = ShownAgent.of(reader, agent, conversation)
    own = reader.conversations()
    collections = shown_agent.collections().counting(reader.documents())
    part = part_of(conversation, before=request.GET.get("before", ""))
    found = find_documents(reader, document_ids=chosen).documents if chosen else ()
    if len(found) < len(set(chosen)):
        problem = problem or _("A document that was chosen can't be asked: it was deleted, or you may not read it.")
    views = transcript.run_views(part.runs, reader=reader, suggests=part.is_latest)
    here = reverse("chatsite:conversation", args=[conversation.pk]) if conversation else ""
    page: dict[str, Any] = {
        "conversation": conversation,
        "untitled": conversation is not None and not part.runs and is_untitled(conversation),
        "runs": views,
        "earlier_url": f"{here}?before={part.before}" if part.before else "",
        "latest_url": "" if part.is_latest else here,
        "under_way": any(view.state == Run.State.RUNNING for view in views),
        "groups": conversation_groups(own.exclude(browser="", user=None), find=request.GET.get("find", "")),
        "find": request.GET.get("find", ""),
        "menu_open": "menu" in request.GET,
        "share_url": _share_url(request, conversation),
        "no_id": uuid.UUID(int=0),
        "typed": {"question": question, "selected_text": selected_text, "model": model, "problem": problem},
        "starters": shown_agent.starters() if not conversation and reader.may_ask() else [],
        "agent": shown_agent.agent,
        "agents": shown_agent.others() if not conversation else [],
        "shelf": (shelf := list(collections)),
        "collections": shelf,
        "chosen": with_marks(found, among=choosable(reader)),
        "may_ask": reader.may_ask(),
        "model_name": language_models.model_name(),
        "model_configured": language_models.model_configured(),
        "limits": limits(),
        **composing(reader, conversation, choosable(reader)),
        **shown_agent.composing(),
    }
    return render(request, "chatsite/chat.html", page, status=status)


def part_of(conversation: Conversation | None, *, before: str = "") -> ConversationPart:
    """Return the part of a conversation that a page shows; runs whose process died are recorded as interrupted
    first."""
    if conversation is None:
        return ConversationPart([])
    part = ConversationPart.of(conversation.runs.all(), before=before)
    states = {run.state for run in part.runs}
    changed = Run.State.RUNNING in states and conversation.runs.all().close_lost()
    if (Run.State.WAITING in states and expire(conversation.runs.all())) or changed:
        return part_of(conversation, before=before)
    return part


def _share_url(request: HttpRequest, conversation: Conversation | None) -> str:
    share = getattr(conversation, "share", None)
    return request.build_absolute_uri(reverse("chatsite:shared", args=[share.token])) if share else ""


@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """Answer a question from the page's form, for browsers without JavaScript, then show its conversation."""
    typed = {name: request.POST.get(name, "") for name in ("query", "selected_text", "session_id", "model", "agent")}
    given: dict[str, Any] = {name: value for name, value in typed.items() if value.strip()}
    chosen = _ids(request.POST.getlist("document_ids"))
    if chosen:
        given["document_ids"] = chosen
    elif slugs := request.POST.getlist("collections"):
        given["collections"] = slugs
    serializer = QuestionSerializer(data=given | {"keep": True})
    try:
        if not reader_of(request).may_ask():
            return redirect_to_login(reverse("chatsite:chat"))
        serializer.is_valid(raise_exception=True)
        answer = ask_question(asking_reader(request), serializer.validated_data)
    except ValidationError as error:
        return _ask_again(request, typed, chosen, sentence(error.detail), status=400)
    except AnswerError as error:
        refused = _ask_again(request, typed, chosen, error.message, status=error.status)
        if error.retry_after:
            refused["Retry-After"] = str(error.retry_after)
        return refused
    _follow(answer)
    response = redirect("chatsite:conversation", answer.run.conversation_id)
    response.status_code = 303
    return response


def _ask_again(
    request: HttpRequest, typed: dict[str, str], chosen: Sequence[int], problem: str, *, status: int
) -> HttpResponse:
    """Show the page again with what was typed, and why it was not taken."""
    try:
        own = reader_of(request).conversations()
        conversation = own.filter(pk=typed["session_id"]).first() if typed["session_id"] else None
    except DjangoValidationError:  # no id at all
        conversation = None
    return render_chat(
        request,
        conversation,
        agent=agent_or_site(reader_of(request), typed["agent"]),
        question=typed["query"],
        selected_text=typed["selected_text"],
        model=typed["model"],
        chosen=chosen,
        problem=problem,
        status=status,
    )


@transaction.non_atomic_requests  # a decision is committed before the thread that acts on it begins
@require_POST
def decide(request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
    """Take what a reader decides of a tool from the card's form, for browsers without JavaScript, then show the
    conversation."""
    reader = reader_of(request)
    runs = Run.objects.select_related("conversation")  # it may be deleted meanwhile
    run = get_object_or_404(runs, pk=run_id, conversation__in=reader.conversations())
    serializer = DecisionSerializer(
        data={"call_id": request.POST.get("call_id"), "approved": "confirm" in request.POST}
    )
    try:
        serializer.is_valid(raise_exception=True)
        decided = serializer.validated_data
        answer = decide_call(reader, decided["call_id"], run_id=run_id, approved=decided["approved"])
    except ValidationError as error:
        return render_chat(request, run.conversation, problem=sentence(error.detail), status=400)
    except AnswerError as error:
        return render_chat(request, run.conversation, problem=error.message, status=error.status)
    _follow(answer)
    response = redirect("chatsite:conversation", run.conversation_id)
    response.status_code = 303
    return response


def _follow(answer: Streamed) -> None:
    """Wait for the end of an answer that goes on by itself, for ANSWER_SECONDS at most."""
    until = monotonic() + ANSWER_SECONDS
    with closing(answer.stream()) as events:
        for _event in events:
            if monotonic() > until:  # the page shows how far it is, and asks again by itself
                break


@require_safe
def run(request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
    """Show one question and its answer, as in the conversation: what a stream leaves behind."""
    reader = reader_of(request)
    found = Run.objects.filter(Q(pk=run_id) | Q(replaced_by=run_id), conversation__in=reader.conversations())
    Run.objects.filter(pk=run_id).close_lost()
    expire(Run.objects.filter(pk=run_id))
    runs = sorted(found.select_related("feedback").prefetch_related("citations"), key=lambda run: run.pk == run_id)
    if not runs or runs[-1].pk != run_id:
        raise Http404
    latest = Run.objects.filter(conversation=runs[-1].conversation_id).order_by("-created_at")
    asked = list(latest.values_list("question", flat=True)[:ASKED])
    views = transcript.run_views(runs, reader=reader, asked=asked)
    return render(request, "chatsite/fragments/run.html", {"run": views[-1]})
