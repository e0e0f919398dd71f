"""Whom a provider's word lets in: who is known here by the e-mail address that it has verified."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.helpers import render_authentication_error
from django.conf import settings
from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare


class KnownPeople(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Refuse a token that answers another request than this one, and join the account with the user it is for."""
        claims = sociallogin.account.extra_data.get("id_token", {})
        nonce = sociallogin.state.get("nonce", "")
        if not nonce or not constant_time_compare(str(claims.get("nonce", "")), nonce):
            raise ImmediateHttpResponse(render_authentication_error(request, sociallogin.provider))
        if not sociallogin.is_existing and len(users := _users(sociallogin)) == 1 and users[0].is_active:
            sociallogin.connect(request, users[0])

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Say whether this person gets an account, which has no right: only where nobody has the address."""
        email = _verified(sociallogin)
        taken = get_user_model().objects.filter(email__iexact=email) or EmailAddress.objects.filter(email__iexact=email)
        return bool(settings.OIDC_CREATE_USERS and email and not taken)


def _verified(sociallogin: Any) -> str:
    """Return the address that the provider has verified, or none."""
    return next((address.email for address in sociallogin.email_addresses if address.verified), "")


def _users(sociallogin: Any) -> list[Any]:
    """Return the users that have the verified address; of two it is nobody's."""
    if not (email := _verified(sociallogin)):
        return []
    return [user for user in get_user_model().objects.filter(email__iexact=email) if _same(user.email, email)]


def _same(one: str, other: str) -> bool:
    """Compare like mail servers do: databases take other letters for ours as well (ı for i)."""
    return one == other or (one.isascii() and other.isascii() and one.lower() == other.lower())
