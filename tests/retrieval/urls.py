"""The one route that a site of this package's documents must have."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def document(request: HttpRequest, pk: int) -> HttpResponse:
    return HttpResponse(f"document {pk}")


urlpatterns = [path("", include(([path("documents/<int:pk>/", document, name="document")], "chatsite")))]
