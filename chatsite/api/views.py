"""The API's views: validate, ask, turn the answer into HTTP."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.utils.cache import get_conditional_response, patch_vary_headers
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.authentication import SessionAuthentication
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from chatsite.answering.answer import Answer
from chatsite.answering.kept import Follower
from chatsite.answering.sse import event_stream
from chatsite.api.authentication import BearerKey, EmbedToken, api_reader
from chatsite.api.errors import error_response
from chatsite.api.idempotency import KEY_PARAMETER, Sent
from chatsite.api.parsers import BoundedJSONParser
from chatsite.api.permissions import MayAsk
from chatsite.api.schema import ChatSchema
from chatsite.api.serializers import (
    AnswerSerializer,
    ErrorSerializer,
    QuestionSerializer,
    RunUnderWaySerializer,
)
from chatsite.asking.request import ask
from chatsite.conversations.live_html import as_asked
from chatsite.models import EmbedSite, Run
from chatsite.reader import Reader
from chatsite.serving.proxies import client_address

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
    schema = ChatSchema()

    def get_exception_handler(self) -> Any:
        return error_response


class ConditionalView(ChatView):
    """A view whose answers to GET carry an ETag: a client that has the same already is answered 304.

    They are `private, no-cache`, not `no-store`: the client may keep one, and must ask before it shows it again; what
    its reader may see is looked up each time, and the tag is of that.
    """

    is_conditional = True

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if request.method in ("GET", "HEAD") and response.status_code == 200 and isinstance(response, Response):
            return _tagged(request, response)
        return response


def _tagged(request: Request, response: Response) -> HttpResponseBase:
    response.render()
    etag = f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ["Authorization", "Cookie"])
    answered = get_conditional_response(request._request, etag=etag, response=response)
    return answered or response


class ChatQuery(ChatView):
    @extend_schema(
        parameters=[KEY_PARAMETER],
        request=QuestionSerializer,
        responses={
            202: OpenApiResponse(RunUnderWaySerializer, description="It was asked with `background`."),
            (200, "application/json"): AnswerSerializer,
            (200, EVENT_STREAM): OpenApiResponse(
                OpenApiTypes.STR,
                description="Events `run`, `reading`, `queued`, `waiting`, `quoted`, `thinking`, `text`, "
                "`withdrawn`, `tool_call`, `tool_result`, `sources`, `citation`, and at the end `done` (the whole JSON "
                "answer), `error`, or `approval` (what there is of it, and in `approvals` what waits for you).",
            ),
            **dict.fromkeys([400, 403, 404, 413, 415, 422, 429, 502, 503, 504], ErrorSerializer),
        },
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Ask a question; answered from the documents this reader may see, or from selected text alone."""
        serializer = QuestionSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        asked, reader = serializer.validated_data, api_reader(request, asks=True)
        answer = _begin(request, reader, asked)
        if asked["background"]:
            answer.close()  # its first reader has left; the run goes on
            return under_way(answer.run)
        if asked["stream"] or EVENT_STREAM in request.headers.get("Accept", ""):
            return streamed(request, answer)
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


def _begin(request: Request, reader: Reader, asked: dict[str, Any]) -> Answer:
    """Begin to answer; a question that was sent before under its Idempotency-Key is followed instead. Such a one goes
    on when the connection ends, for it is asked for again then. Raises AnswerError."""
    sent = Sent.by(request)
    if earlier := sent.run():
        return Follower(earlier, reader=reader)
    asked["keep"] = asked["keep"] or asked["background"] or bool(sent)
    reader.admit(client_address(request._request))
    try:
        return ask(reader, asked, also=sent.made_run if sent else None)
    except IntegrityError:  # sent twice at once
        if earlier := sent.run():
            return Follower(earlier, reader=reader)
        raise


def streamed(request: Request, answer: Answer, *, after: str = "") -> StreamingHttpResponse:
    """Return the stream of `answer` in the form that is asked for; what a program is sent has ids, and goes on `after`
    one of them."""
    asked = as_asked(request._request, answer)
    return event_stream(request._request, asked, after=after if asked is answer else None)


def under_way(run: Run) -> Response:
    """Return 202: where the run is told of, and where it can be followed and stopped."""
    response = Response({"run_id": run.pk, "session_id": run.conversation_id, "state": run.state, "links": links(run)})
    response.status_code, response["Location"] = 202, links(run)["self"]
    return response


def links(run: Run) -> dict[str, str]:
    """Return the addresses of a run."""
    names = {"self": "run", "events": "run-events", "stop": "run-stop", "trace": "run-trace"}
    return {name: reverse(f"chatsite:api-{route}", args=[run.pk]) for name, route in names.items()}


def _is_embedded(origin: str) -> bool:
    return any(origin.lower() in site.origin_list for site in EmbedSite.objects.filter(active=True))
