"""Signing in: what a reader asked before stays theirs."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from chatsite.models import Conversation
from chatsite.reader import BROWSER


@receiver(user_logged_in)
def adopt_conversations(request: HttpRequest, user: AbstractBaseUser, **signal: Any) -> None:
    """Keep for a reader what they asked before signing in."""
    if browser := request.session.pop(BROWSER, ""):
        Conversation.objects.filter(user=None, browser=browser).update(user=user, browser="")
