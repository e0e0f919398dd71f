"""The site under ASGI: uvicorn, daphne, hypercorn, granian. The views are the same sync ones."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")

django_application = get_asgi_application()

from chatsite.answering import kept as live  # noqa: E402 (their models need the application)
from chatsite.serving.bodies import Receive, bounded  # noqa: E402

Send = Callable[[dict[str, Any]], Awaitable[None]]


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Django, which knows no lifespan; a server that tells of its end has the answers in flight saved before it."""
    if scope["type"] == "http":
        await django_application(scope, bounded(scope, receive), send)  # type: ignore[arg-type]
        return
    while (message := await receive())["type"] != "lifespan.shutdown":
        await send({"type": f"{message['type']}.complete"})
    await asyncio.to_thread(live.end)
    await send({"type": "lifespan.shutdown.complete"})
