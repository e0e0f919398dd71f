"""Who may use the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import BasePermission

from chatsite.api.authentication import api_reader
from chatsite.asking.attachments import may_attach

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView  # at run time it reads the settings that name this file


class MayAsk(BasePermission):
    message = _("Sign in, or send an API key: this site does not answer everyone (ANONYMOUS_CHAT is off).")

    def has_permission(self, request: Request, view: APIView) -> bool:
        return api_reader(request).may_ask()


class MayAttach(BasePermission):
    """Who has a public token, or is not signed in, owns no files."""

    message = _("Files are attached by who is signed in, or by an API key, where ATTACHMENTS is not 0.")

    def has_permission(self, request: Request, view: APIView) -> bool:
        return may_attach(api_reader(request))


class MayFind(MayAsk):
    """A public token answers from its site's documents, but does not list them."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        reader = api_reader(request)
        return reader.may_ask() and reader.lists_documents
