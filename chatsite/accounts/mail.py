"""How the site sends mail, from one address like those of databases."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

PORTS = {"smtp": 25, "smtp+tls": 587, "smtp+ssl": 465}
FORM = "must be an address like smtp+tls://user:password@mail.example.org (smtp, smtp+tls, smtp+ssl), or console:"


def mail_settings(url: str) -> dict[str, Any]:
    """Return Django's EMAIL_… settings for an address; those that print mail for `console:` and for none.

    Raises ValueError for what is no such address.
    """
    if url in {"", "console:"}:
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError(FORM)
    try:
        port = parts.port or PORTS[parts.scheme]
    except ValueError as error:
        raise ValueError(FORM) from error
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port,
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_USE_SSL": parts.scheme == "smtp+ssl",
        "EMAIL_TIMEOUT": 10,
    }
