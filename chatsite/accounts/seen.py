"""Notes where each user is signed in, and when they were last seen there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from chatsite.accounts.models import SignIn
from chatsite.serving.proxies import client_address

NOTED_EVERY = timedelta(minutes=5)
_NOTED = "noted"  # in the session: its key when it was noted, and when that was


def note_sign_ins(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Return a middleware that writes once in NOTED_EVERY, and when a session gets another key."""

    def note(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.session.session_key and request.session.accessed and request.user.is_authenticated:
            _note(request)
        return response

    return note


def _note(request: HttpRequest) -> None:
    now = timezone.now()
    key = request.session.session_key or ""
    noted_key, noted_at = request.session.get(_NOTED, ("", 0.0))
    if noted_key == key and now.timestamp() - noted_at < NOTED_EVERY.total_seconds():
        return
    SignIn.objects.update_or_create(
        session_key=key,
        defaults={
            "user_id": str(request.user.pk),
            "agent": request.headers.get("User-Agent", "")[:300],
            "address": client_address(request) or None,
            "last_seen_at": now,
        },
    )
    request.session[_NOTED] = (key, now.timestamp())
