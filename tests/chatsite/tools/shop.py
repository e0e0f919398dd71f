"""Tools of a shop, as a host writes them, and what they were asked with."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest

from chatsite.tools import Context, Source

SECRET = "the fox lives at Main Street 5"


@dataclass
class Seen:
    """What the tools were called with, since the last test."""

    calls: list[tuple[str, Any]] = field(default_factory=list)
    asked_by: list[Any] = field(default_factory=list)
    requests: list[HttpRequest | None] = field(default_factory=list)


seen = Seen()


def order_status(number: int, context: Context) -> Source:
    """Look up one of the reader's own orders.

    Args:
        number: The number of the order.
    """
    seen.calls.append(("order_status", number))
    seen.asked_by.append(context.user)
    seen.requests.append(context.request)
    owner = User.objects.filter(pk=context.user.pk).first()
    name = owner.username if owner else "nobody"
    text = f"Order {number} of {name} left the house on 4 May. It comes to {SECRET}."
    return Source(f"Your order {number}", text, url=f"/orders/{number}/")


async def weather(day: date) -> dict[str, str]:
    """Say how the weather will be."""
    return {"day": day.isoformat(), "sky": "clear"}


def broken(number: int) -> str:
    """Look up what can't be looked up."""
    raise ValueError(f"password=hunter2 number={number}")


def slow() -> str:
    """Look up what takes long."""
    seen.calls.append(("slow", None))
    time.sleep(2)
    return "too late"


def cancel_order(number: int, context: Context) -> str:
    """Cancel one of the reader's own orders."""
    seen.calls.append(("cancel_order", number))
    return f"Order {number} is cancelled."


def mail(to: str, lines: list[dict[str, str]], context: Context) -> str:
    """Write to somebody."""
    seen.calls.append(("mail", to))
    return "It is sent."


def untyped(number) -> str:  # type: ignore[no-untyped-def]
    """Look up something."""
    return str(number)


def wordless(number: int) -> str:
    return str(number)


def search(query: str) -> str:
    """Search elsewhere."""
    return query
