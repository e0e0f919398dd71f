"""The REST interface, version 1."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny

from chatsite.api import views

urlpatterns = [
    path("chat/query", views.ChatQuery.as_view(), name="api-chat-query"),
    path("health", views.Health.as_view(), name="api-health"),
    path("schema", SpectacularAPIView.as_view(permission_classes=[AllowAny]), name="api-schema"),
    path(
        "docs",
        SpectacularSwaggerSplitView.as_view(url_name="chatsite:api-schema", permission_classes=[AllowAny]),
        name="api-docs",
    ),
]
