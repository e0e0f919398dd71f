"""What the site's settings are added when SECOND_FACTOR is set. Nothing here imports allauth."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

CHOICES = {"", "staff", "all"}  # who must have one; where it is set, everybody may
APPS = ["allauth", "allauth.account", "allauth.mfa"]
MIDDLEWARE = ["allauth.account.middleware.AccountMiddleware", "chatsite.accounts.factor.middleware.SecondFactor"]
SETTINGS: dict[str, Any] = {
    "ACCOUNT_ADAPTER": "chatsite.accounts.factor.adapter.SiteAccounts",
    "ACCOUNT_EMAIL_VERIFICATION": "none",
    "ACCOUNT_SESSION_REMEMBER": True,  # as long as a sign-in with the password alone
    # axes counts passwords. Only codes are counted here, for each account: guessing one takes the password.
    "ACCOUNT_RATE_LIMITS": {"login": None, "reauthenticate": None, "login_failed": "5/300s/key"},
    "MFA_ALLOW_UNVERIFIED_EMAIL": True,  # nobody signs up here: who adds accounts knows their owners
    "MFA_SUPPORTED_TYPES": ["totp", "recovery_codes"],
    "MFA_TOTP_TOLERANCE": 1,  # clocks of telephones differ by seconds
}


def installed() -> bool:
    """Say whether the extra is installed."""
    return find_spec("allauth") is not None and find_spec("qrcode") is not None
