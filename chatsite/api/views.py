"""The API's views: validate, ask the assistant, turn the answer into HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseBase
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
from chatsite import assistant, errors
from chatsite.access import new_conversation, own_conversations
from chatsite.answering import open_run
from chatsite.api.authentication import BearerKey, EmbedToken
from chatsite.api.errors import error_response
from chatsite.api.parsers import BoundedJSONParser
from chatsite.api.permissions import MayAsk
from chatsite.api.serializers import AnswerSerializer, ErrorSerializer, HealthSerializer, QuestionSerializer
from chatsite.embeds import client_address
from chatsite.models import ApiKey, Conversation, EmbedSite
from chatsite.questions import Question, SelectedText, Selection
from chatsite.settings import SPECTACULAR_SETTINGS
from chatsite.sse import event_stream
from retrieval import configuration, spaces
from retrieval.errors import IndexUnavailable
from retrieval.models import Document

EVENT_STREAM = "text/event-stream"


class AlwaysJSON(DefaultContentNegotiation):
    """Answers are JSON whatever `Accept` says; `text/event-stream` in it asks for the stream, whose errors are JSON."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class ChatView(APIView):
    """A view of the chat's API, the same in every project: nothing of it hangs on the project's REST_FRAMEWORK."""

    authentication_classes = [BearerKey, SessionAuthentication]
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
    authentication_classes = [EmbedToken, BearerKey, SessionAuthentication]

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
        question = _question(request, asked)
        if question.embed_site:
            question.embed_site.admit(client_address(request._request))
        answering = open_run(question)
        if asked["stream"] or EVENT_STREAM in request.headers.get("Accept", ""):
            return event_stream(request._request, answering)
        return Response(answering.answer())

    def get_permissions(self) -> Sequence[Any]:
        """A browser's question before the question carries no token."""
        return [] if self.request.method == "OPTIONS" else super().get_permissions()

    def options(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        """A browser asks whether a page of another origin may ask: the pages of embedded sites may."""
        response = HttpResponse(status=204)
        if (origin := request.headers.get("Origin", "")) and _is_embedded(origin):
            response["Access-Control-Allow-Origin"] = origin
            response["Access-Control-Allow-Methods"] = "POST"
            response["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
            response["Access-Control-Max-Age"] = "600"
        response["Vary"] = "Origin"
        return response

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """A page of another origin may read the answers to its own token, and no others."""
        response = super().finalize_response(request, response, *args, **kwargs)
        origin = request.headers.get("Origin", "")
        if isinstance(request._auth, EmbedSite) and origin.lower() in request._auth.origin_list:
            response["Access-Control-Allow-Origin"] = origin
            response["Vary"] = "Origin"
        return response


def _is_embedded(origin: str) -> bool:
    return any(origin.lower() in site.origin_list for site in EmbedSite.objects.filter(active=True))


def _question(request: Request, asked: dict[str, Any]) -> Question:
    key = request.auth if isinstance(request.auth, ApiKey) else None
    site = request.auth if isinstance(request.auth, EmbedSite) else None
    selections = tuple(_selections(asked))
    if site and any(selected.place for selected in selections):
        raise errors.invalid(selections[0].field, "A public token asks about text; send it without document_id.")
    return Question(
        text=asked["query"].strip(),
        user=request.user,
        conversation=_conversation(request._request, asked, key, site),
        mode=asked["mode"],
        selections=selections,
        top_k=asked["top_k"],
        collections=_collections(asked, (key or site)),
        document_ids=tuple(asked["document_ids"]) if "document_ids" in asked else None,
        embed_site=site,
    )


def _selections(asked: dict[str, Any]) -> Iterator[SelectedText]:
    """Each selected text of the request, in whichever of its two forms it came."""
    for item in asked.get("selections", []):
        place = Selection(item["document_id"], item["start"], item["end"]) if "document_id" in item else None
        yield SelectedText(item.get("text", ""), place)
    if "selection" in asked:
        yield SelectedText(asked.get("selected_text", ""), Selection(**asked["selection"]), field="selection")
    elif "selected_text" in asked:
        yield SelectedText(asked["selected_text"], field="selected_text")


def _conversation(
    request: HttpRequest, asked: dict[str, Any], key: ApiKey | None, site: EmbedSite | None
) -> Conversation:
    """The conversation to continue, or a new one that is saved with the question."""
    if session_id := asked.get("session_id"):
        conversation = own_conversations(request, api_key=key, embed_site=site).filter(pk=session_id).first()
        if conversation is None:
            raise errors.not_found("session_id", f"There is no conversation {session_id}.")
        return conversation
    return new_conversation(request, question=asked["query"], api_key=key, embed_site=site)


def _collections(asked: dict[str, Any], key: ApiKey | EmbedSite | None) -> tuple[str, ...] | None:
    """What to search: what was asked for, inside what the key is limited to."""
    wanted = tuple(asked["collections"]) if "collections" in asked else None
    allowed = key.slugs() if key else None
    if allowed is None or wanted is None:
        return wanted if allowed is None else allowed
    if beyond := [slug for slug in wanted if slug not in allowed]:
        raise errors.not_found("collections", f"No such collection: {', '.join(beyond)}.")
    return wanted


class Health(ChatView):
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


class Schema(SpectacularAPIView):
    """This API alone, whatever else the project serves."""

    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []
    urlconf = "chatsite.urls"

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        prefix = request.path.removesuffix("/api/v1/schema")
        described = {name: SPECTACULAR_SETTINGS[name] for name in ("TITLE", "DESCRIPTION", "VERSION")}
        self.custom_settings = described | ({"SERVERS": [{"url": prefix}]} if prefix else {})
        schema: HttpResponseBase = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        return schema


def _store_available() -> bool:
    """Whether the index answers; the first question of a process opens it."""
    try:
        spaces.live_space().index.count()
    except IndexUnavailable:
        return False
    return True
