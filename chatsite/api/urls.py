"""The REST interface, version 1."""

from typing import Any

from django.apps import apps
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.settings import api_settings

from chatsite.api import attachments, conversations, health, keys, runs, schema, usage, views, workflows
from chatsite.api.documents import searching
from chatsite.api.documents import views as documents
from chatsite.routing import path

urlpatterns = [
    path("chat/query", views.ChatQuery.as_view(), name="api-chat-query"),
    path("chat/runs/<uuid:run_id>", runs.RunProgress.as_view(), name="api-run"),
    path("chat/runs/<uuid:run_id>/events", runs.RunEvents.as_view(), name="api-run-events"),
    path("chat/runs/<uuid:run_id>/stop", runs.RunStop.as_view(), name="api-run-stop"),
    path("chat/runs/<uuid:run_id>/decision", runs.decision, name="api-run-decision"),
    path("chat/runs/<uuid:run_id>/feedback", runs.RunFeedback.as_view(), name="api-run-feedback"),
    path("chat/runs/<uuid:run_id>/trace", runs.RunTrace.as_view(), name="api-run-trace"),
    path("chat/attachments", attachments.Attachments.as_view(), name="api-attachments"),
    path("chat/attachments/<int:document_id>", attachments.Attachment.as_view(), name="api-attachment"),
    path("chat/documents", attachments.Documents.as_view(), name="api-documents"),
    path("chat/documents/<int:document_id>", attachments.OneDocument.as_view(), name="api-document"),
    path("search", searching.Search.as_view(), name="api-search"),
    path("collections", documents.Collections.as_view(), name="api-collections"),
    path("documents", documents.DocumentList.as_view(), name="api-library"),
    path("documents/<int:document_id>", documents.OneOfDocuments.as_view(), name="api-library-document"),
    path("documents/<int:document_id>/original", documents.DocumentOriginal.as_view(), name="api-original"),
    path("documents/<int:document_id>/chunks", documents.DocumentChunks.as_view(), name="api-chunks"),
    path("documents/<int:document_id>/reindex", documents.DocumentReindex.as_view(), name="api-reindex"),
    path("conversations", conversations.Conversations.as_view(), name="api-conversations"),
    path("conversations/<uuid:session_id>", conversations.OneOfConversations.as_view(), name="api-conversation"),
    path("conversations/<uuid:session_id>/messages", conversations.Messages.as_view(), name="api-messages"),
    path("usage", usage.UsageView.as_view(), name="api-usage"),
    path("keys", keys.Keys.as_view(), name="api-keys"),
    path("keys/<int:key_id>", keys.OneOfKeys.as_view(), name="api-key"),
    path("workflows/<slug:slug>/runs", workflows.WorkflowRuns.as_view(), name="api-workflow-runs"),
    path("workflows/<slug:slug>/runs/<uuid:run_id>", workflows.OneWorkflowRun.as_view(), name="api-workflow-run"),
    path("health", health.Health.as_view(), name="api-health"),
    path("health/live", health.HealthLive.as_view(), name="api-health-live"),
    path("health/ready", health.HealthReady.as_view(), name="api-health-ready"),
]

generator: Any = api_settings.DEFAULT_SCHEMA_CLASS
if issubclass(generator, AutoSchema):  # unless the project has chosen another generator
    urlpatterns.append(path("schema", schema.Schema.as_view(), name="api-schema"))

if apps.is_installed("drf_spectacular_sidecar"):  # the page's scripts: none comes from another host
    docs = SpectacularSwaggerSplitView.as_view(
        url_name="chatsite:api-schema", template_name="chatsite/swagger_ui.html", permission_classes=[AllowAny]
    )
    urlpatterns.append(path("docs", docs, name="api-docs"))
