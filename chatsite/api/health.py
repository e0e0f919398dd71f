"""How the site is: that a process answers, whether it can answer questions, and, for the staff, what it runs on."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.db import DatabaseError
from django.db.models import Count
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

import agents
from chatsite.answering import language_models
from chatsite.answering.model_state import model_state
from chatsite.api.authentication import BearerKey
from chatsite.api.permissions import is_staff
from chatsite.api.serializers import HealthSerializer, LiveSerializer, ReadySerializer
from chatsite.api.views import ChatView
from retrieval import configuration
from retrieval.errors import IndexUnavailable
from retrieval.ingestion import spaces
from retrieval.models import Document

logger = logging.getLogger(__name__)


class HealthLive(ChatView):
    """For whoever restarts a process that hangs: it asks neither the database nor the index."""

    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []

    @extend_schema(auth=[], responses={200: LiveSerializer})
    def get(self, request: Request) -> Response:
        """This process answers."""
        return Response({"status": "ok"})


class HealthReady(ChatView):
    """For whoever sends requests to processes that can answer them."""

    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []

    @extend_schema(auth=[], responses={200: ReadySerializer, 503: ReadySerializer})
    def get(self, request: Request) -> Response:
        """Whether the database and the index can be asked."""
        parts = {"database": _database_available(), "index": _index_available()}
        return _answer(all(parts.values()), parts)


class Health(ChatView):
    permission_classes = [AllowAny]
    authentication_classes = [BearerKey, SessionAuthentication]

    @extend_schema(responses={200: HealthSerializer, 503: HealthSerializer})
    def get(self, request: Request) -> Response:
        """Whether questions can be answered; for the staff also what this process runs on."""
        available = _database_available() and _index_available()
        return _answer(available, _detail() if is_staff(request) else {})


def _answer(available: bool, detail: Mapping[str, Any]) -> Response:
    return Response({"status": "ok" if available else "degraded", **detail}, status=200 if available else 503)


def _detail() -> dict[str, Any]:
    described, state = configuration.describe(), model_state()
    return {
        "chat_model": language_models.model_name(),
        "chat_model_well_at": state.well_at,
        "chat_model_fault": "" if state.is_well else state.fault,
        "chat_model_fault_at": None if state.is_well else state.fault_at,
        "embedding": described.embedding,
        "store": described.store,
        "documents": dict(Document.objects.order_by().values_list("state").annotate(count=Count("pk"))),
        "loop": agents.loop_state(),
    }


def _database_available() -> bool:
    try:
        Document.objects.order_by().exists()
    except DatabaseError:
        logger.warning("The database can't be asked", exc_info=True)
        return False
    return True


def _index_available() -> bool:
    """Say whether the index answers; the first question of a process opens it."""
    try:
        spaces.live_space().index.count()
    except (IndexUnavailable, DatabaseError):
        return False
    return True
