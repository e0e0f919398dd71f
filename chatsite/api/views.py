"""The API's views: validate, ask the assistant, turn the answer into HTTP."""

from __future__ import annotations

from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

import agents
from chatsite import assistant, errors
from chatsite.access import new_conversation, own_conversations
from chatsite.answering import open_run
from chatsite.api.serializers import AnswerSerializer, ErrorSerializer, HealthSerializer, QuestionSerializer
from chatsite.models import ApiKey, Conversation
from chatsite.questions import Question, Selection
from chatsite.sse import event_stream
from retrieval import configuration, spaces
from retrieval.errors import IndexUnavailable
from retrieval.models import Document

EVENT_STREAM = "text/event-stream"


class AlwaysJSON(DefaultContentNegotiation):
    """Answers are JSON whatever `Accept` says; `text/event-stream` in it asks for the stream, whose errors are JSON."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class ChatQuery(APIView):
    content_negotiation_class = AlwaysJSON

    @extend_schema(
        request=QuestionSerializer,
        responses={
            (200, "application/json"): AnswerSerializer,
            (200, EVENT_STREAM): OpenApiResponse(
                OpenApiTypes.STR,
                description="Events `run`, `text`, `tool_call`, `tool_result`, `sources`, `citation`, and at the end "
                "`done` (the whole JSON answer) or `error`.",
            ),
            **dict.fromkeys([400, 401, 403, 404, 413, 415, 502, 503, 504], ErrorSerializer),
        },
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Ask a question; answered from the documents this reader may see, or from selected text alone."""
        serializer = QuestionSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data
        answering = open_run(_question(request, asked))
        if asked["stream"] or EVENT_STREAM in request.headers.get("Accept", ""):
            return event_stream(request._request, answering)
        return Response(answering.answer())


def _question(request: Request, asked: dict[str, Any]) -> Question:
    key = request.auth if isinstance(request.auth, ApiKey) else None
    return Question(
        text=asked["query"].strip(),
        user=request.user,
        conversation=_conversation(request._request, asked, key),
        mode=asked["mode"],
        selected_text=asked.get("selected_text", ""),
        selection=Selection(**asked["selection"]) if "selection" in asked else None,
        top_k=asked["top_k"],
        collections=_collections(asked, key),
        document_ids=tuple(asked["document_ids"]) if "document_ids" in asked else None,
    )


def _conversation(request: HttpRequest, asked: dict[str, Any], key: ApiKey | None) -> Conversation:
    """The conversation to continue, or a new one that is saved with the question."""
    if session_id := asked.get("session_id"):
        conversation = own_conversations(request, api_key=key).filter(pk=session_id).first()
        if conversation is None:
            raise errors.not_found("session_id", f"There is no conversation {session_id}.")
        return conversation
    return new_conversation(request, question=asked["query"], api_key=key)


def _collections(asked: dict[str, Any], key: ApiKey | None) -> tuple[str, ...] | None:
    """What to search: what was asked for, inside what the key is limited to."""
    wanted = tuple(asked["collections"]) if "collections" in asked else None
    allowed = key.slugs() if key else None
    if allowed is None or wanted is None:
        return wanted if allowed is None else allowed
    if beyond := [slug for slug in wanted if slug not in allowed]:
        raise errors.not_found("collections", f"No such collection: {', '.join(beyond)}.")
    return wanted


class Health(APIView):
    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []

    @extend_schema(responses={200: HealthSerializer, 503: HealthSerializer})
    def get(self, request: Request) -> Response:
        """What this process runs on, and whether it can answer."""
        described = configuration.describe()
        available = _store_available()
        counts = Document.objects.order_by().values_list("state").annotate(count=Count("pk"))
        body = {
            "status": "ok" if available else "degraded",
            "chat_model": assistant.model_name(),
            "embedding": described.embedding,
            "store": described.store,
            "documents": dict(counts),
            "loop": agents.loop_state(),
        }
        return Response(body, status=200 if available else 503)


def _store_available() -> bool:
    """Whether the index answers; the first question of a process opens it."""
    try:
        spaces.live_space().index.count()
    except IndexUnavailable:
        return False
    return True
