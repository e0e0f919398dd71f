"""The API's views of runs: how far one is, what happens in it, how it came about; to stop it, and to judge it."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from chatsite import errors
from chatsite.answering.kept import Follower, stop
from chatsite.answering.sight import Sight, as_asked, stored_passages
from chatsite.answering.sse import EVENT_ID, Told
from chatsite.answering.telling import RowEntries, Telling
from chatsite.api.authentication import api_reader
from chatsite.api.permissions import has_permission
from chatsite.api.serializers import (
    AnswerSerializer,
    ErrorSerializer,
    FeedbackSerializer,
    RunSerializer,
    TraceSerializer,
)
from chatsite.api.tool_serializers import DecisionSerializer
from chatsite.api.views import EVENT_STREAM, ChatView, links, streamed
from chatsite.asking.deciding import decide_call
from chatsite.errors import AnswerError
from chatsite.models import ApiKey, Feedback, Run
from chatsite.overview.spending import dollars, usage_of
from chatsite.reader import Reader
from chatsite.signals import feedback_given
from chatsite.tools.approval import expire
from chatsite.tools.shown import tools_of_runs
from retrieval.signals import tell

LAST_EVENT = "Last-Event-ID"


class RunProgress(ChatView):
    @extend_schema(responses={200: RunSerializer, 404: ErrorSerializer})
    def get(self, request: Request, run_id: uuid.UUID) -> Response:
        """How far a question is; its whole answer once that is written. To ask for it is to follow it."""
        run = _own_run(request, run_id)
        runs = Run.objects.filter(pk=run.pk)
        runs.close_lost()
        expire(runs)
        if run.kept:
            runs.filter(state=Run.State.RUNNING).update(followed_at=timezone.now())
        run = runs.prefetch_related("citations").get()
        return Response(RunSerializer(told(run, reader=api_reader(request))).data)


class RunEvents(ChatView):
    @extend_schema(
        parameters=[
            OpenApiParameter(
                LAST_EVENT,
                {"type": "string", "pattern": f"^{EVENT_ID}$"},
                OpenApiParameter.HEADER,
                description="The `id` of the last event that you have: only what follows is told.",
            )
        ],
        responses={
            (200, EVENT_STREAM): OpenApiResponse(OpenApiTypes.STR, description="The events of `POST chat/query`."),
            **dict.fromkeys([400, 404, 429, 503], ErrorSerializer),
        },
    )
    def get(self, request: Request, run_id: uuid.UUID) -> HttpResponseBase:
        """Follow a question: all that has happened since it was asked, then what happens, to its end."""
        after = request.headers.get(LAST_EVENT, "")
        if after:
            _check_event(after)
        run = _own_run(request, run_id)
        return streamed(request, Follower(run, reader=api_reader(request)), after=after)


class RunStop(ChatView):
    @extend_schema(request=None, responses={204: None, 403: ErrorSerializer, 404: ErrorSerializer})
    def post(self, request: Request, run_id: uuid.UUID) -> Response:
        """Stop an answer; what was written is kept. Without effect once it has ended."""
        stop(_own_run(request, run_id))
        return Response(status=204)


class RunDecision(ChatView):
    @extend_schema(
        request=DecisionSerializer,
        responses={
            (200, "application/json"): AnswerSerializer,
            (200, EVENT_STREAM): OpenApiResponse(OpenApiTypes.STR, description="The events of `POST chat/query`."),
            **dict.fromkeys([400, 403, 404, 409, 413, 415, 429, 502, 503, 504], ErrorSerializer),
        },
    )
    def post(self, request: Request, run_id: uuid.UUID) -> HttpResponseBase:
        """Confirm or refuse what a tool is to do, and have the answer go on. It is decided once: the same decision
        again follows the answer, another one is refused."""
        _own_run(request, run_id)
        serializer = DecisionSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        decided = serializer.validated_data
        answer = decide_call(api_reader(request), decided["call_id"], run_id=run_id, approved=decided["approved"])
        if EVENT_STREAM in request.headers.get("Accept", ""):
            return streamed(request, answer)
        return Response(answer.whole())


# A decision is committed before the thread that acts on it begins, also in a project with ATOMIC_REQUESTS.
decision = transaction.non_atomic_requests(RunDecision.as_view())


class RunFeedback(ChatView):
    @extend_schema(
        request=FeedbackSerializer,
        responses={204: None, **dict.fromkeys([400, 403, 404, 413, 415], ErrorSerializer)},
    )
    def put(self, request: Request, run_id: uuid.UUID) -> Response:
        """Say whether an answer was helpful; what was said before is replaced."""
        run = _own_run(request, run_id)
        serializer = FeedbackSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = {"reason": "", "comment": ""} | serializer.validated_data
        feedback, _new = Feedback.objects.update_or_create(run=run, defaults=given)
        tell(feedback_given, feedback=feedback)
        return Response(status=204)


class RunTrace(ChatView):
    @extend_schema(responses={200: TraceSerializer, 404: ErrorSerializer})
    def get(self, request: Request, run_id: uuid.UUID) -> Response:
        """How an answer came about: what was searched for and found, and what it took. Of others' runs for the staff
        who may view runs."""
        looks_after = not isinstance(request.auth, ApiKey) and has_permission(request, "chatsite.view_run")
        run = (Run.objects.filter(pk=run_id).first() if looks_after else None) or _own_run(request, run_id)
        return Response(TraceSerializer(_trace(run, reader=api_reader(request), whole=looks_after)).data)


def told(run: Run, *, reader: Reader) -> dict[str, Any]:
    """Return a run, whose citations are prefetched, as `reader` may see it now."""
    answer, error = None, None
    if run.state != Run.State.RUNNING:
        telling = Telling(reader=reader)
        for _event in telling.events(RowEntries().fresh(run)):
            pass
        try:
            answer = telling.outcome()
        except AnswerError as failed:
            error = failed.body()
    return {
        "run_id": run.pk,
        "session_id": run.conversation_id,
        "state": run.state,
        "links": links(run),
        "created_at": run.created_at,
        "ended_at": run.ended_at,
        "answer": answer,
        "error": error,
    }


def _trace(run: Run, *, reader: Reader, whole: bool) -> dict[str, Any]:
    """Return how a run came about. What was searched for may repeat what was found: it is told to who may read all of
    that, and `whole` to who looks after runs; the words that others were read as only where those may be read."""
    sight = Sight.of([run], reader=reader)
    words = sight.words if sight.may_read(run) else frozenset[str]()
    whole = whole or sight.covers(stored_passages(run).values())
    is_readers = sight.is_readers(run)  # else a search may repeat what a tool gave
    searches = [
        {
            "query": as_asked(step, words=words)[0] if whole and (is_readers or number == 0) else "",
            "passages": step["passages"],
            "failed": step["failed"],
            "left_out": step.get("left_out", 0),
            "ms": step.get("ms", 0),
        }
        for number, step in enumerate(run.steps)
    ]
    tools = tools_of_runs([run]).get(run.pk, ())
    usage = usage_of(run.usage)
    return {
        "run_id": run.pk,
        "session_id": run.conversation_id,
        "state": run.state,
        "mode": run.mode,
        "error_code": run.error,
        "model": run.model,
        "model_fault": run.model_fault,
        "kept": run.kept,
        "searches": searches,
        "tools": [{"tool": tool.tool, "state": tool.state, "ms": tool.milliseconds} for tool in tools],
        "usage": asdict(usage),
        "cost": dollars(run.model, usage),
        "retrieval_time_ms": run.retrieval_time_ms,
        "model_time_ms": run.model_time_ms,
        "first_text_time_ms": run.first_text_time_ms,
        "total_time_ms": run.total_time_ms,
        "created_at": run.created_at,
        "ended_at": run.ended_at,
    }


def _check_event(event_id: str) -> None:
    try:
        Told.of(event_id)
    except ValueError as error:
        fault = _("Is no id of an event; send the one of the last event that you have, or leave it out.")
        raise errors.invalid(LAST_EVENT, fault) from error


def _own_run(request: Request, run_id: uuid.UUID) -> Run:
    """Raises AnswerError (404), for a run of someone else as for one that is not there."""
    own: QuerySet[Run] = Run.objects.filter(conversation__in=api_reader(request).conversations())
    run = own.filter(pk=run_id).first()
    if run is None:
        raise errors.not_found("run_id", _("There is no such run."))
    return run
