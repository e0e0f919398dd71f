"""To the provider and back. Its token must be signed by it, for us, now, and answer the request that was made."""

from __future__ import annotations

import secrets
from typing import Any

import jwt
from allauth.account.utils import get_next_redirect_url
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.internal import jwtkit
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.base import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from requests import RequestException

ALGORITHMS = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
LEEWAY_SECONDS = 60  # clocks differ


class SignedTokens(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # allauth ships no types
    """allauth trusts the connection that a token came by; here its signature counts, and the address is from it."""

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> Any:
        claims = self._claims(app, str(kwargs["response"].get("id_token", "")))
        data = {"id_token": claims}
        if "email" not in claims and "userinfo_endpoint" in self.openid_config:
            more = self._fetch_user_info(token.token)
            if more.get("sub") != claims["sub"]:
                raise OAuth2Error("The provider tells of somebody else.")
            data["userinfo"] = more
        return self.get_provider().sociallogin_from_response(request, data)

    def _claims(self, app: Any, id_token: str) -> dict[str, Any]:
        """Return what the token says. Raises OAuth2Error unless all of it can be relied on."""
        issuer, named = self.openid_config.get("issuer", ""), app.settings["server_url"]
        if issuer.rstrip("/") != named:
            raise OAuth2Error("The provider names another issuer than OIDC_ISSUER.")
        try:
            algorithm, key = jwtkit.fetch_key(id_token, self.openid_config["jwks_uri"], jwtkit.lookup_kid_jwk)
            if algorithm not in ALGORITHMS:
                raise OAuth2Error("The token is signed in a way that is not taken.")
            claims: dict[str, Any] = jwt.decode(
                id_token,
                key=key,
                algorithms=[algorithm],
                issuer=issuer,
                audience=app.client_id,
                leeway=LEEWAY_SECONDS,
                options={"require": ["iss", "sub", "aud", "exp", "iat"]},
            )
        except (KeyError, jwt.PyJWTError) as error:
            raise OAuth2Error("The token can't be relied on.") from error
        return claims


@require_GET
@never_cache
def begin(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Lead to the provider, with a nonce that its answer must name."""
    provider = _adapter(request, provider_id).get_provider()
    nonce = secrets.token_urlsafe(24)
    next_url = get_next_redirect_url(request)
    answer: HttpResponse
    try:
        answer = provider.redirect(
            request, AuthProcess.LOGIN, next_url=next_url, nonce=nonce, auth_params={"nonce": nonce}
        )
    except (RequestException, KeyError) as error:
        answer = render_authentication_error(request, provider, exception=error)
    return answer


@require_GET
@never_cache
def end(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Sign in whom the provider names, or say that it could not be done."""
    answer: HttpResponse = OAuth2CallbackView.adapter_view(_adapter(request, provider_id))(request)
    return answer


def _adapter(request: HttpRequest, provider_id: str) -> SignedTokens:
    adapter = SignedTokens(request, provider_id)
    try:
        adapter.get_provider()
    except SocialApp.DoesNotExist as error:
        raise Http404 from error
    return adapter
