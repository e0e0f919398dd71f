"""Who a request of the API is from: `Authorization: Bearer dc_…` of a program, `Bearer pub_…` of a page, a session."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from chatsite.models import ApiKey, EmbedSite
from chatsite.reader import Program, Reader, asking_reader, reader_of, visitor_of
from chatsite.serving.proxies import client_address

NOTED_EVERY = timedelta(minutes=1)  # the last use, so that a busy key does not write with each request


class BearerKey(BaseAuthentication):
    """`request.auth` is the ApiKey, `request.user` the user it asks as."""

    def authenticate(self, request: Request) -> tuple[Any, ApiKey] | None:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or secret.strip().startswith(EmbedSite.PREFIX):
            return None
        key = ApiKey.find(secret.strip())
        if key is None:
            raise AuthenticationFailed(gettext("This API key is unknown, revoked or expired."))
        now = timezone.now()
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - NOTED_EVERY)
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class EmbedToken(BaseAuthentication):
    """An embedded site's public token, `Authorization: Bearer pub_…`: `request.auth` is the EmbedSite.

    It asks from that site's origins, or from the chat's own frame, and from nowhere else.
    """

    def authenticate(self, request: Request) -> tuple[Any, EmbedSite] | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip().startswith(EmbedSite.PREFIX):
            return None
        site = EmbedSite.find(token.strip())
        if site is None:
            raise AuthenticationFailed(gettext("This token is unknown or withdrawn."))
        origin = request.headers.get("Origin", "").lower()
        own = f"{request.scheme}://{request.get_host()}".lower()
        framed = origin == own or request.headers.get("Sec-Fetch-Site") == "same-origin"  # no script can write that
        if origin and not framed and origin not in site.origin_list:
            fault = gettext("This token does not ask from %s; staff add origins to its embedded site.")
            raise PermissionDenied(fault % origin)
        return site.user, site

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def api_reader(request: Request, *, asks: bool = False) -> Reader:
    """Return who sends this request; the browser of one who `asks` by a session is remembered."""
    if isinstance(request.auth, ApiKey):
        return Program(request.user, key=request.auth, request=request._request)
    if isinstance(request.auth, EmbedSite):
        address = client_address(request._request)
        return visitor_of(request.auth, address=address, request=request._request)
    return asking_reader(request._request) if asks else reader_of(request._request)


class EmbedTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = EmbedToken
    name = "embedToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


class BearerKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = BearerKey
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}
