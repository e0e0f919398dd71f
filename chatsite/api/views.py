"""The API's views: validate, ask, turn the answer into HTTP."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.db.models import Count
from django.http import HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.authentication import SessionAuthentication
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

import agents
from chatsite import errors
from chatsite.answering import language_models
from chatsite.answering.kept import Follower, stop
from chatsite.answering.model_state import model_state
from chatsite.answering.sse import event_stream
from chatsite.api.authentication import BearerKey, EmbedToken, api_reader
from chatsite.api.errors import error_response
from chatsite.api.parsers import BoundedJSONParser
from chatsite.api.permissions import MayAsk
from chatsite.api.serializers import (
    AnswerSerializer,
    ErrorSerializer,
    FeedbackSerializer,
    HealthSerializer,
    QuestionSerializer,
)
from chatsite.asking.request import ask
from chatsite.conf import OPENAPI
from chatsite.conversations.live_html import as_asked
from chatsite.models import EmbedSite, Feedback, Run
from chatsite.proxies import client_address
from retrieval import configuration
from retrieval.errors import IndexUnavailable
from retrieval.ingestion import spaces
from retrieval.models import Document

EVENT_STREAM = "text/event-stream"


class AlwaysJSON(DefaultContentNegotiation):
    """Answers are JSON whatever `Accept` says; `text/event-stream` in it asks for the stream, whose errors are JSON."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class ChatView(APIView):
    """A view of the chat's API, the same in every project: nothing of it hangs on the project's REST_FRAMEWORK."""

    authentication_classes = [EmbedToken, BearerKey, SessionAuthentication]
    permission_classes: Sequence[type[BasePermission]] = [MayAsk]
    renderer_classes = [JSONRenderer]
    parser_classes = [BoundedJSONParser]
    throttle_classes: Sequence[type[BaseThrottle]] = []
    content_negotiation_class = AlwaysJSON
    versioning_class = None
    schema = AutoSchema()

    def get_exception_handler(self) -> Any:
        return error_response


class ChatQuery(ChatView):
    @extend_schema(
        request=QuestionSerializer,
        responses={
            (200, "application/json"): AnswerSerializer,
            (200, EVENT_STREAM): OpenApiResponse(
                OpenApiTypes.STR,
                description="Events `run`, `reading`, `queued`, `waiting`, `quoted`, `thinking`, `text`, "
                "`withdrawn`, `tool_call`, `tool_result`, `sources`, `citation`, and at the end `done` (the whole JSON "
                "answer) or `error`.",
            ),
            **dict.fromkeys([400, 401, 403, 404, 413, 415, 429, 502, 503, 504], ErrorSerializer),
        },
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Ask a question; answered from the documents this reader may see, or from selected text alone."""
        serializer = QuestionSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        asked, reader = serializer.validated_data, api_reader(request, asks=True)
        reader.admit(client_address(request._request))
        answer = ask(reader, asked)
        if asked["stream"] or EVENT_STREAM in request.headers.get("Accept", ""):
            return event_stream(request._request, as_asked(request._request, answer))
        return Response(answer.whole())

    def get_permissions(self) -> Sequence[Any]:
        """Let in a browser's question before the question: it carries no token."""
        return [] if self.request.method == "OPTIONS" else super().get_permissions()

    def options(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        """Tell a browser whether a page of another origin may ask: the pages of embedded sites may."""
        response = HttpResponse(status=204)
        if (origin := request.headers.get("Origin", "")) and _is_embedded(origin):
            response["Access-Control-Allow-Origin"] = origin
            response["Access-Control-Allow-Methods"] = "POST"
            response["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
            response["Access-Control-Max-Age"] = "600"
        response["Vary"] = "Origin"
        return response

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Let a page of another origin read the answers to its own token, and no others."""
        response = super().finalize_response(request, response, *args, **kwargs)
        origin = request.headers.get("Origin", "")
        if isinstance(request._auth, EmbedSite) and origin.lower() in request._auth.origin_list:
            response["Access-Control-Allow-Origin"] = origin
            response["Vary"] = "Origin"
        return response


def _is_embedded(origin: str) -> bool:
    return any(origin.lower() in site.origin_list for site in EmbedSite.objects.filter(active=True))


class RunEvents(ChatView):
    @extend_schema(
        responses={
            (200, EVENT_STREAM): OpenApiResponse(OpenApiTypes.STR, description="The events of `POST chat/query`."),
            **dict.fromkeys([401, 404, 503], ErrorSerializer),
        },
    )
    def get(self, request: Request, run_id: uuid.UUID) -> HttpResponseBase:
        """Follow a question: all that has happened since it was asked, then what happens, to its end."""
        run = _own_run(request, run_id)
        follower = Follower(run, reader=api_reader(request))
        return event_stream(request._request, as_asked(request._request, follower))


class RunStop(ChatView):
    @extend_schema(request=None, responses={204: None, **dict.fromkeys([401, 403, 404], ErrorSerializer)})
    def post(self, request: Request, run_id: uuid.UUID) -> Response:
        """Stop an answer; what was written is kept. Without effect once it has ended."""
        stop(_own_run(request, run_id))
        return Response(status=204)


class RunFeedback(ChatView):
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
    run = Run.objects.filter(pk=run_id, conversation__in=api_reader(request).conversations()).first()
    if run is None:
        raise errors.not_found("run_id", _("There is no such run."))
    return run


class Health(ChatView):
    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []

    @extend_schema(responses={200: HealthSerializer, 503: HealthSerializer})
    def get(self, request: Request) -> Response:
        """What this process runs on, and whether it can answer."""
        described = configuration.describe()
        available, state = _store_available(), model_state()
        counts = Document.objects.order_by().values_list("state").annotate(count=Count("pk"))
        body = {
            "status": "ok" if available else "degraded",
            "chat_model": language_models.model_name(),
            "chat_model_well_at": state.well_at,
            "chat_model_fault": "" if state.is_well else state.fault,
            "chat_model_fault_at": None if state.is_well else state.fault_at,
            "embedding": described.embedding,
            "store": described.store,
            "documents": dict(counts),
            "loop": agents.loop_state(),
        }
        return Response(body, status=200 if available else 503)


class Schema(SpectacularAPIView):
    """This API alone, whatever else the project serves."""

    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []
    urlconf = "chatsite.urls"

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        prefix = request.path.removesuffix("/api/v1/schema")
        self.custom_settings = OPENAPI | ({"SERVERS": [{"url": prefix}]} if prefix else {})
        schema: HttpResponseBase = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        return schema


def _store_available() -> bool:
    """Say whether the index answers; the first question of a process opens it."""
    try:
        spaces.live_space().index.count()
    except IndexUnavailable:
        return False
    return True
