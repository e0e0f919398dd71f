"""Addresses of the chat in any project: its pages keep their promises with or without the chat's middleware."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern
from django.urls import path as django_path

from chatsite.middleware import keep_strict, name_request, name_response

View = Callable[..., HttpResponseBase]


def path(route: str, view: View, *, name: str) -> URLPattern:
    """Django's `path`, to a view whose requests have an id and whose pages have a strict Content-Security-Policy."""
    return django_path(route, _strict(view), name=name)


def _strict(view: View) -> View:
    @wraps(view)
    def strict(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        name_request(request)
        response = view(request, *args, **kwargs)
        name_response(request, response)
        keep_strict(request, response)
        return response

    return strict
