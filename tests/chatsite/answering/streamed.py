"""A question about tea that is asked as a stream, and the events that come."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

QUESTION = "How long do I wait before I pour the tea?"


def events(client: Client, **more: Any) -> list[tuple[str, dict[str, Any]]]:
    """Ask QUESTION with these fields besides, and return each event as its name and body."""
    body = json.dumps({"query": QUESTION, "stream": True} | more)
    response = client.post("/api/v1/chat/query", body, content_type="application/json")
    blocks = response.getvalue().decode().split("\n\n")
    told = [dict(line.split(": ", 1) for line in block.splitlines() if ": " in line) for block in blocks if block]
    return [(event["event"], json.loads(event["data"])) for event in told if "event" in event]
