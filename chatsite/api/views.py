"""The API's views: validate, ask the assistant, turn the answer into HTTP."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from django.db.models import Count
from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

import agents
from chatsite import assistant, errors, live
from chatsite.access import own_conversations
from chatsite.answering import open_run
from chatsite.api.serializers import (
    AnswerSerializer,
    ErrorSerializer,
    FeedbackSerializer,
    HealthSerializer,
    QuestionSerializer,
)
from chatsite.asking import question_of
from chatsite.models import ApiKey, Feedback, Run
from chatsite.records import Event
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
            **dict.fromkeys([400, 401, 403, 404, 413, 415, 429, 502, 503, 504], ErrorSerializer),
        },
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Ask a question; answered from the documents this reader may see, or from selected text alone."""
        serializer = QuestionSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data
        answering = open_run(question_of(request._request, asked, user=request.user, api_key=_key(request)))
        streamed = asked["stream"] or EVENT_STREAM in request.headers.get("Accept", "")
        if not asked["keep"]:
            return event_stream(request._request, answering) if streamed else Response(answering.answer())
        follower = live.keep(answering, user=request.user)
        return event_stream(request._request, follower) if streamed else _last_of(follower.stream())


def _last_of(events: Iterator[Event]) -> Response:
    """The end of a kept run as one response. Raises AnswerError."""
    *_, last = events
    if last.name == "done":
        return Response(last.body)
    error = errors.of_code(last.body["error"])
    error.details |= last.body["details"]
    raise error


class RunEvents(APIView):
    content_negotiation_class = AlwaysJSON

    @extend_schema(
        responses={
            (200, EVENT_STREAM): OpenApiResponse(OpenApiTypes.STR, description="The events of `POST chat/query`."),
            **dict.fromkeys([401, 404, 503], ErrorSerializer),
        },
    )
    def get(self, request: Request, run_id: uuid.UUID) -> HttpResponseBase:
        """Follow a question: all that has happened since it was asked, then what happens, to its end."""
        run = _own_run(request, run_id)
        return event_stream(request._request, live.Follower(run, user=request.user))


class RunStop(APIView):
    content_negotiation_class = AlwaysJSON

    @extend_schema(request=None, responses={204: None, **dict.fromkeys([401, 403, 404], ErrorSerializer)})
    def post(self, request: Request, run_id: uuid.UUID) -> Response:
        """Stop an answer; what was written is kept. Without effect once it has ended."""
        live.stop(_own_run(request, run_id))
        return Response(status=204)


class RunFeedback(APIView):
    content_negotiation_class = AlwaysJSON

    @extend_schema(
        request=FeedbackSerializer, responses={204: None, **dict.fromkeys([400, 401, 403, 404], ErrorSerializer)}
    )
    def put(self, request: Request, run_id: uuid.UUID) -> Response:
        """Say whether an answer was helpful; what was said before is replaced."""
        run = _own_run(request, run_id)
        serializer = FeedbackSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = {"reason": "", "comment": ""} | serializer.validated_data
        Feedback.objects.update_or_create(run=run, defaults=given)
        return Response(status=204)


def _own_run(request: Request, run_id: uuid.UUID) -> Run:
    """Raises AnswerError (404), for a run of someone else as for one that is not there."""
    own = own_conversations(request._request, api_key=_key(request))
    run = Run.objects.filter(pk=run_id, conversation__in=own).first()
    if run is None:
        raise errors.not_found("run_id", "There is no such run.")
    return run


def _key(request: Request) -> ApiKey | None:
    return request.auth if isinstance(request.auth, ApiKey) else None


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
