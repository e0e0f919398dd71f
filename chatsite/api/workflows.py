"""The API's views of published workflows: run one, and see what came of it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from chatsite import errors
from chatsite.api.authentication import api_reader
from chatsite.api.permissions import HasName, has_permission
from chatsite.api.serializers import ErrorSerializer
from chatsite.api.views import ChatView
from chatsite.models import Workflow
from chatsite.workflows import running
from chatsite.workflows.published import begin_run, run_facts
from chatsite.workflows.starter import RUN


class NewWorkflowRunSerializer(serializers.Serializer[Any]):
    """What a run is given."""

    inputs = serializers.DictField(
        required=False, default=dict, help_text="By name; each of the kind of its default, and a text without one."
    )


class WorkflowRunSerializer(serializers.Serializer[Any]):
    """A run of a workflow, as far as it is."""

    run_id = serializers.UUIDField()
    workflow = serializers.CharField(help_text="Its name.")
    version = serializers.IntegerField()
    state = serializers.CharField(
        help_text="running, waiting (for a person), completed, failed, limited, cancelled or interrupted."
    )
    output = serializers.JSONField(allow_null=True, help_text="What it ended with; null until it is completed.")
    error = serializers.CharField(allow_blank=True, help_text="What went wrong; empty while nothing has.")
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    url = serializers.CharField(help_text="Where to ask how far it is.")


class WorkflowRuns(ChatView):
    permission_classes: Sequence[type[BasePermission]] = [HasName]

    @extend_schema(
        operation_id="workflow_run_create",
        request=NewWorkflowRunSerializer,
        responses={202: WorkflowRunSerializer, **dict.fromkeys([400, 403, 404, 413, 415, 503], ErrorSerializer)},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Begin a run of the newest version, which goes on by itself. It finds what you may read."""
        if not has_permission(request, RUN):
            raise PermissionDenied(_("Needs the permission %s.") % RUN)
        workflow = Workflow.objects.filter(slug=slug).first()
        version = workflow.published() if workflow else None
        if version is None:
            raise errors.not_found("slug", _("There is no workflow %s.") % slug)
        asked = NewWorkflowRunSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data["inputs"]
        reader = api_reader(request)
        run = begin_run(version, given=given, reader=reader, field="inputs")
        return Response(WorkflowRunSerializer(run_facts(run, reader=reader)).data, status=202)


class OneWorkflowRun(ChatView):
    permission_classes: Sequence[type[BasePermission]] = [HasName]

    @extend_schema(
        operation_id="workflow_run_retrieve",
        responses={200: WorkflowRunSerializer, 403: ErrorSerializer, 404: ErrorSerializer},
    )
    def get(self, request: Request, slug: str, run_id: uuid.UUID) -> Response:
        """How far a run of yours is, and what it ended with, as far as you may read what it has found."""
        reader = api_reader(request)
        runs = reader.workflow_runs().filter(workflow__slug=slug).exclude(version=None)
        run = runs.select_related("workflow", "version", "question__conversation").filter(pk=run_id).first()
        if run is None:
            raise errors.not_found("run_id", _("There is no such run."))
        running.settle_lost([run])
        return Response(WorkflowRunSerializer(run_facts(run, reader=reader)).data)
