"""Keys for the tests of the doors, and requests with them."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from chatsite.models import ApiKey
from retrieval.models import Collection

TEA = """# Tea

Boil the water before anything else. Add two spoons of tea leaves to the pot.

## Waiting

Wait four minutes before you pour the tea. The kettle is kept in the blue cupboard.
"""
QUESTION = "Where is the kettle kept?"


def make_key(user: User, *collections: Collection, **fields: Any) -> str:
    """Return a new key of this user's, for these collections, or all."""
    key = ApiKey(name="robot", user=user, all_collections=not collections, **fields)
    secret = key.make_secret()
    key.save()
    key.collections.set(collections)
    return secret


def post(address: str, body: Any, secret: str, **headers: str) -> Any:
    """Send JSON with a key, and nothing else: no cookie, no CSRF token."""
    client = Client(enforce_csrf_checks=True)
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    sent = {"authorization": f"Bearer {secret}"} | headers
    return client.post(address, content, content_type="application/json", headers=sent)


def get(address: str, secret: str) -> Any:
    return Client().get(address, headers={"authorization": f"Bearer {secret}"})


def lines(response: Any) -> list[Any]:
    """Return the data of a stream's events, the last word as it is."""
    text = b"".join(response.streaming_content).decode()
    found = [line.removeprefix("data: ") for line in text.split("\n") if line.startswith("data: ")]
    return [json.loads(line) if line.startswith("{") else line for line in found]
