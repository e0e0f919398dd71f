"""The size of what comes in is bounded, before anything reads it."""

from __future__ import annotations

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

from chatsite.api.errors import body_too_large
from retrieval.sources.uploads import declared_length


@sync_and_async_middleware
def bounded_bodies(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Refuse a body of more than DATA_UPLOAD_MAX_MEMORY_SIZE at every address, before a CSRF check or a view reads it:
    Django itself counts no files. A view with `takes_files` has a limit of its own."""

    async def amiddleware(request: HttpRequest) -> Any:
        return await get_response(request)

    def middleware(request: HttpRequest) -> Any:
        return get_response(request)

    chosen: Any = amiddleware if iscoroutinefunction(get_response) else middleware
    chosen.process_view = _refuse_large
    return chosen  # type: ignore[no-any-return]


def _refuse_large(request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
    small = declared_length(request.META.get("CONTENT_LENGTH") or "") <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    takes_files = getattr(getattr(view, "cls", view), "takes_files", False)
    return None if small or takes_files else body_too_large(request)
