"""What the site's settings are added when OIDC_ISSUER is set. Nothing here imports allauth."""

from __future__ import annotations

from typing import Any

APPS = ["allauth.socialaccount", "allauth.socialaccount.providers.openid_connect"]
PROVIDER = "oidc"  # its part of the addresses


def oidc_settings(issuer: str, client_id: str, client_secret: str, name: str) -> dict[str, Any]:
    """Return allauth's settings for one provider."""
    app = {
        "provider_id": PROVIDER,
        "name": name,
        "client_id": client_id,
        "secret": client_secret,
        "settings": {"server_url": issuer.rstrip("/"), "oauth_pkce_enabled": True},
    }
    return {
        "SOCIALACCOUNT_ADAPTER": "chatsite.accounts.oidc.adapter.KnownPeople",
        "SOCIALACCOUNT_PROVIDERS": {"openid_connect": {"APPS": [app]}},
    }
