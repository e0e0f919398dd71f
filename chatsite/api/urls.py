"""The REST interface, version 1."""

from typing import Any

from django.apps import apps
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.settings import api_settings

from chatsite.api import attachments, views
from chatsite.routing import path

urlpatterns = [
    path("chat/query", views.ChatQuery.as_view(), name="api-chat-query"),
    path("chat/runs/<uuid:run_id>/events", views.RunEvents.as_view(), name="api-run-events"),
    path("chat/runs/<uuid:run_id>/stop", views.RunStop.as_view(), name="api-run-stop"),
    path("chat/runs/<uuid:run_id>/feedback", views.RunFeedback.as_view(), name="api-run-feedback"),
    path("chat/attachments", attachments.Attachments.as_view(), name="api-attachments"),
    path("chat/attachments/<int:document_id>", attachments.Attachment.as_view(), name="api-attachment"),
    path("chat/documents", attachments.Documents.as_view(), name="api-documents"),
    path("chat/documents/<int:document_id>", attachments.OneDocument.as_view(), name="api-document"),
    path("health", views.Health.as_view(), name="api-health"),
]

generator: Any = api_settings.DEFAULT_SCHEMA_CLASS
if issubclass(generator, AutoSchema):  # unless the project has chosen another generator
    urlpatterns.append(path("schema", views.Schema.as_view(), name="api-schema"))

if apps.is_installed("drf_spectacular_sidecar"):  # the page's scripts: none comes from another host
    docs = SpectacularSwaggerSplitView.as_view(
        url_name="chatsite:api-schema", template_name="chatsite/swagger_ui.html", permission_classes=[AllowAny]
    )
    urlpatterns.append(path("docs", docs, name="api-docs"))
