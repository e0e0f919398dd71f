"""A session without its second factor opens nothing, whichever page it was signed in at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

SETUP = {"mfa_activate_totp", "account_reauthenticate", "logout", "account_logout"}  # open without a factor


class SecondFactor:
    """Signs out who has a factor and did not use it in this session, and leads who must have one to its set-up.

    A request that is no page's gets there as nobody's.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponseBase | None:
        if settings.SESSION_COOKIE_NAME not in request.COOKIES or not request.user.is_authenticated:
            return None
        if Authenticator.objects.filter(user=request.user.pk, type=Authenticator.Type.TOTP).exists():
            if not used(request):
                logout(request)
            return None
        match = request.resolver_match
        if not must_have_one(request) or (match and match.view_name in SETUP):
            return None
        if "text/html" in request.headers.get("Accept", ""):
            return redirect("mfa_activate_totp")
        request.user = AnonymousUser()
        return None


def must_have_one(request: HttpRequest) -> bool:
    """Say whether SECOND_FACTOR is for this user."""
    if settings.SECOND_FACTOR == "staff":
        return bool(getattr(request.user, "is_staff", False))
    return bool(settings.SECOND_FACTOR == "all")


def used(request: HttpRequest) -> bool:
    """Say whether a code was given in this session, by this user."""
    return any(record["method"] == "mfa" for record in get_authentication_records(request, request.user))
