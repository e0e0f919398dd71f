"""`GET v1/models`: what a key may ask, each as a model, and the model of `v1/embeddings`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from chatsite import errors
from chatsite.api.authentication import api_reader
from chatsite.assistants.finding import agents_of
from chatsite.doors.door import DoorView
from chatsite.doors.embeddings import embedder
from chatsite.doors.messages import DOCUMENTS, agent_id, model_id, unknown_model
from chatsite.reader import Reader

OWNER = "docchat"


class Models(DoorView):
    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        """List all documents as one model, each agent and each collection as another, and what makes vectors."""
        return Response({"object": "list", "data": list(_models(api_reader(request)))})


class OneModel(DoorView):
    @extend_schema(exclude=True)
    def get(self, request: Request, model: str) -> Response:
        """Return one of them. Raises AnswerError (404)."""
        known = next((one for one in _models(api_reader(request)) if one["id"] == model), None)
        if known is None:
            raise unknown_model(model)
        return Response(known)


class NoSuchDoor(DoorView):
    """All else under `v1/`, so that a client reads in its own protocol that it isn't there."""

    @extend_schema(exclude=True)
    def get(self, request: Request, rest: str) -> HttpResponse:
        """Raises AnswerError (404)."""
        fault = _("There is nothing at this address: here are models, chat/completions, responses and embeddings.")
        raise errors.AnswerError("not_found", fault, status=404)

    post = put = patch = delete = get


def _models(reader: Reader) -> Iterator[dict[str, Any]]:
    yield _model(DOCUMENTS, _("All documents"), created=0)
    for agent in agents_of(reader):
        yield _model(agent_id(agent.name), agent.title, created=0)
    for collection in reader.collections().order_by("name", "pk"):
        yield _model(model_id(collection.slug), collection.name, created=int(collection.created_at.timestamp()))
    if (maker := embedder()) is not None:
        yield _model(maker.name, maker.name, created=0)


def _model(id: str, name: str, *, created: int) -> dict[str, Any]:  # noqa: A002 (the protocol's name)
    return {"id": id, "object": "model", "created": created, "owned_by": OWNER, "name": name}
