"""The REST interface, version 1."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny

from chatsite.api import views

urlpatterns = [
    path("chat/query", views.ChatQuery.as_view(), name="api-chat-query"),
    path("chat/runs/<uuid:run_id>/events", views.RunEvents.as_view(), name="api-run-events"),
    path("chat/runs/<uuid:run_id>/stop", views.RunStop.as_view(), name="api-run-stop"),
    path("chat/runs/<uuid:run_id>/feedback", views.RunFeedback.as_view(), name="api-run-feedback"),
    path("health", views.Health.as_view(), name="api-health"),
    path("schema", SpectacularAPIView.as_view(permission_classes=[AllowAny]), name="api-schema"),
    path(
        "docs",
        SpectacularSwaggerSplitView.as_view(url_name="api-schema", permission_classes=[AllowAny]),
        name="api-docs",
    ),
]
