"""Signing in with OpenID Connect, with django-allauth: the extra `accounts`, where OIDC_ISSUER names who signs in."""
