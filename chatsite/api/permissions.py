"""Who may use the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from rest_framework.permissions import BasePermission

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView  # at run time it reads the settings that name this file


def may_ask(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Someone who is signed in, or anyone where ANONYMOUS_CHAT is on."""
    return user.is_authenticated or settings.ANONYMOUS_CHAT


class MayAsk(BasePermission):
    message = "Sign in to ask. This site does not answer readers who are not signed in (ANONYMOUS_CHAT is off)."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return may_ask(request.user)
