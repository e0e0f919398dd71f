"""Where somebody is signed in: one row a browser."""

from __future__ import annotations

from importlib import import_module

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sessions.backends.base import SessionBase
from django.db import models
from django.utils.crypto import constant_time_compare


class SignInQuerySet(models.QuerySet["SignIn"]):
    def of(self, user: AbstractBaseUser) -> list[SignIn]:
        """Return those that still hold, the newest first, and delete the others."""
        found = list(self.filter(user=user.pk).order_by("-last_seen_at", "-pk"))
        ended = [sign_in.pk for sign_in in found if not sign_in.holds(user)]
        self.filter(pk__in=ended).delete()
        return [sign_in for sign_in in found if sign_in.pk not in ended]


class SignIn(models.Model):
    """A browser that is signed in. The session decides whether it still is; this says which browser it was."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    session_key = models.CharField(max_length=40, unique=True)
    agent = models.CharField(max_length=300, blank=True)
    address = models.GenericIPAddressField(null=True)
    signed_in_at = models.DateTimeField(auto_now_add=True)
    last_seen_at = models.DateTimeField()

    objects = SignInQuerySet.as_manager()

    class Meta:
        ordering = ["-last_seen_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.user_id} at {self.address}"

    def holds(self, user: AbstractBaseUser) -> bool:
        """Say whether the session is there and was made with the password of now."""
        made_with = _session(self.session_key).load().get(HASH_SESSION_KEY, "")
        return constant_time_compare(made_with, user.get_session_auth_hash())

    def end(self) -> None:
        """Sign this browser out."""
        _session(self.session_key).delete()
        self.delete()


def _session(key: str) -> SessionBase:
    store: SessionBase = import_module(settings.SESSION_ENGINE).SessionStore(key)
    return store
