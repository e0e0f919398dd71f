"""The site under ASGI: uvicorn, daphne, hypercorn, granian. The views are the same sync ones."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")

django_application = get_asgi_application()

from django.conf import settings  # noqa: E402

from chatsite.answering import kept as live  # noqa: E402 (their models need the application)
from retrieval.sources.uploads import check_length  # noqa: E402

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Django, which knows no lifespan; a server that tells of its end has the answers in flight saved before it."""
    if scope["type"] != "lifespan":
        too_long = check_length(_length(scope), max_bytes=settings.UPLOAD_MAX_BYTES)
        await django_application(scope, _empty(receive) if too_long else receive, send)  # type: ignore[arg-type]
        return
    while (message := await receive())["type"] != "lifespan.shutdown":
        await send({"type": f"{message['type']}.complete"})
    await asyncio.to_thread(live.end)
    await send({"type": "lifespan.shutdown.complete"})


def _length(scope: dict[str, Any]) -> str:
    return dict(scope.get("headers", ())).get(b"content-length", b"").decode("latin-1")  # type: ignore[no-any-return]


def _empty(receive: Receive) -> Receive:
    """Return a body that no view accepts, as an empty one: Django would keep all of it before a view can refuse it."""
    begun = False

    async def received() -> dict[str, Any]:
        nonlocal begun
        if not begun:
            begun = True
            return {"type": "http.request", "body": b"", "more_body": False}
        while (message := await receive())["type"] == "http.request":
            pass
        return message

    return received
