"""Who may use the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.permissions import BasePermission

from chatsite.api.authentication import api_reader
from chatsite.asking.attachments import may_attach
from chatsite.models import ApiKey, EmbedSite

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView  # at run time it reads the settings that name this file


class MayAsk(BasePermission):
    message: Any = gettext_lazy(
        "Sign in, or send an API key: this site does not answer everyone (ANONYMOUS_CHAT is off)."
    )

    def has_permission(self, request: Request, view: APIView) -> bool:
        return api_reader(request).may_ask()


class MayAttach(BasePermission):
    """Who has a public token, or is not signed in, owns no files."""

    message = gettext_lazy("Files are attached by who is signed in, or by an API key, where ATTACHMENTS is not 0.")

    def has_permission(self, request: Request, view: APIView) -> bool:
        return may_attach(api_reader(request))


class MayFind(MayAsk):
    """A public token answers from its site's documents, but does not list them."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        reader = api_reader(request)
        return reader.may_ask() and reader.lists_documents


class MayUseDocuments(MayFind):
    """Reading is for who may find documents; a method that `view.changes` names needs that model permission, and an API
    key that may change documents."""

    message: Any = gettext_lazy("Sign in, or send an API key. Documents are changed by whoever has the permission to.")

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Say whether the address may be used; of one document only once it has been found (404)."""
        if not super().has_permission(request, view):
            return False
        if "document_id" in view.kwargs:
            return request.user.is_authenticated or self._needed(request, view) is None
        return self._may(request, view)

    def has_object_permission(self, request: Request, view: APIView, obj: Any) -> bool:
        return self._may(request, view)

    def _may(self, request: Request, view: APIView) -> bool:
        needed = self._needed(request, view)
        if needed is None or may_change(request, needed):
            return True
        self.message = _("Needs the permission %s; an API key also has to be one that may change documents.") % needed
        return False

    def _needed(self, request: Request, view: APIView) -> str | None:
        changes: Mapping[str, str] = getattr(view, "changes", {})
        return changes.get(request.method or "")


class SignedIn(BasePermission):
    """A person with a session: what is done to keys is not done by a key."""

    message = gettext_lazy("Sign in: keys are looked after by a person with a session, not by a key.")

    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.auth is None and request.user.is_authenticated


class HasName(BasePermission):
    """Someone whom questions and conversations can be counted for: a user or an API key."""

    message = gettext_lazy("Sign in, or send an API key: without one there is nothing of yours to list.")

    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.user.is_authenticated and not isinstance(request.auth, EmbedSite)


def may_change(request: Request, permission: str) -> bool:
    """Return whether the user has this model permission, and the key, where one is used, may change documents."""
    if isinstance(request.auth, EmbedSite) or (
        isinstance(request.auth, ApiKey) and not request.auth.may_change_documents
    ):
        return False
    return has_permission(request, permission)


def has_permission(request: Request, permission: str) -> bool:
    """Return whether the user has this model permission; not every user model has permissions."""
    has_perm = getattr(request.user, "has_perm", None)
    return bool(has_perm and has_perm(permission))


def is_staff(request: Request) -> bool:
    """Return whether the user, or the user of the key, is of the staff."""
    return not isinstance(request.auth, EmbedSite) and bool(getattr(request.user, "is_staff", False))
