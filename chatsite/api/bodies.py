"""The size of what comes in is bounded, before anything reads it."""

from __future__ import annotations

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.utils.decorators import sync_and_async_middleware
from django.utils.translation import gettext as _

from chatsite.api.errors import body_too_large
from chatsite.errors import error_body
from chatsite.serving.bodies import TOO_LARGE, takes_files
from retrieval.sources.uploads import declared_length


@sync_and_async_middleware
def bounded_bodies(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Refuse a body of more than DATA_UPLOAD_MAX_MEMORY_SIZE at every address, before a CSRF check or a view reads it:
    Django itself counts no files. A view with `takes_files` has a limit of its own. What comes without a length has
    been counted by `chatsite.serving.bodies`."""

    async def amiddleware(request: HttpRequest) -> Any:
        return await get_response(request)

    def middleware(request: HttpRequest) -> Any:
        return get_response(request)

    chosen: Any = amiddleware if iscoroutinefunction(get_response) else middleware
    chosen.process_view = _refuse_large
    chosen.process_exception = _refuse_broken
    return chosen  # type: ignore[no-any-return]


def _refuse_large(request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
    if limit := request.META.get(TOO_LARGE) or getattr(request, "scope", {}).get(TOO_LARGE):
        return body_too_large(request, limit=limit)
    small = declared_length(request.META.get("CONTENT_LENGTH") or "") <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return None if small or takes_files(view) else body_too_large(request)


def _refuse_broken(request: HttpRequest, exception: Exception) -> HttpResponse | None:
    """Answer a body that came too slowly, or not to its end: nothing of it is kept."""
    if not isinstance(exception, UnreadablePostError):
        return None
    message = _("The request body broke off, or came too slowly. Send it again.")
    return JsonResponse(error_body("body_unreadable", message), status=400)
