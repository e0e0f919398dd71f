"""How allauth treats the site's accounts: who has none does not get one, and axes counts wrong passwords."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.models import Authenticator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

from chatsite.serving.proxies import counted_address


class SiteAccounts(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count nothing: allauth counts by name, and would shut the owner out whose name a stranger knows."""

    def is_safe_url(self, url: str) -> bool:
        request = context.request
        return url_has_allowed_host_and_scheme(
            url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
        )

    def get_client_ip(self, request: HttpRequest) -> str:
        return counted_address(request)

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Ask for nothing again of who has neither a password nor a code: a provider signs them in."""
        user = context.request.user
        if not user.has_usable_password() and not Authenticator.objects.filter(user=user.pk).exists():
            return False
        return bool(super().is_reauthentication_required(app=app, **kwargs))

    def respond_user_inactive(self, request: HttpRequest, user: Any) -> HttpResponse:
        return render(request, "account/signup_closed.html", status=403)

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing: the pages say it, and messages would wait for the next page of the admin."""
