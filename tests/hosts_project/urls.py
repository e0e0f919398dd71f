"""Sync views, the same under WSGI and ASGI."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import closing

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

from agents import RunStream, TextDelta, iterate, run_isolated, stream_isolated
from tests.apart import recipe
from tests.hosts_project import work


def probe(request: HttpRequest) -> JsonResponse:
    return JsonResponse(work.finding(ok=True))


def run(request: HttpRequest) -> JsonResponse:
    return JsonResponse(work.run_in_transaction())


def stream(request: HttpRequest, name: str) -> HttpResponse:
    return told(request, work.open_stream(name))


def told(request: HttpRequest, events: RunStream) -> HttpResponse:
    body: Iterator[str] | AsyncIterator[str] = texts(events)
    if isinstance(request, ASGIRequest):
        body = iterate(texts(events), cancel=events.cancel)
    return StreamingHttpResponse(body, content_type="text/plain; charset=utf-8")


def run_apart(request: HttpRequest, framework: str, title: str) -> HttpResponse:
    result = run_isolated(recipe(framework, settings.MODEL_URL), title)
    return HttpResponse(result.content or str(result.error))


def stream_apart(request: HttpRequest, framework: str, title: str) -> HttpResponse:
    return told(request, stream_isolated(recipe(framework, settings.MODEL_URL), title))


def texts(events: RunStream) -> Iterator[str]:
    with closing(events):
        for event in events.beating(0.2):
            if event is None or isinstance(event, TextDelta):
                yield event.text if event else "\n"
        yield f"[{events.result.status}]"


urlpatterns = [
    path("probe", probe),
    path("run", run),
    path("stream/<name>", stream),
    path("apart/<framework>/run/<title>", run_apart),
    path("apart/<framework>/stream/<title>", stream_apart),
]
