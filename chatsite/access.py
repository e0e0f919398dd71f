"""Signing in: what a reader asked before stays theirs, and who failed too often waits."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from chatsite.models import Conversation
from chatsite.reader import BROWSER


@receiver(user_logged_in)
def adopt_conversations(request: HttpRequest, user: AbstractBaseUser, **signal: Any) -> None:
    """Keep for a reader what they asked before signing in."""
    if browser := request.session.pop(BROWSER, ""):
        Conversation.objects.filter(user=None, browser=browser).update(user=user, browser="")


def locked_out(request: HttpRequest, response: HttpResponse | None, credentials: dict[str, Any] | None) -> HttpResponse:
    """Show someone how long to wait who has failed to sign in too often (AXES_LOCKOUT_CALLABLE)."""
    seconds = int(settings.AXES_COOLOFF_TIME.total_seconds())
    page = render(request, "429.html", {"minutes": seconds // 60}, status=429)
    page["Retry-After"] = str(seconds)
    return page
