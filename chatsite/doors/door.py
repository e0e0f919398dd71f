"""What the doors for other protocols share: API keys only, bounded bodies, and errors in OpenAI's shape."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.exceptions import ParseError
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from chatsite import errors
from chatsite.api.authentication import BearerKey
from chatsite.api.errors import error_response
from chatsite.api.parsers import BoundedJSONParser
from chatsite.api.views import ChatView
from chatsite.models import ApiKey
from retrieval.sources.uploads import declared_length

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_PARAMS = {"query": "messages", "collections": "model"}  # a question's fields, by what carries them here


class HasKey(BasePermission):
    """Who sends an API key. A session is not looked at, so no CSRF token is needed."""

    message = gettext_lazy("Send an API key of this site as “Authorization: Bearer dc_…”.")

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.auth, ApiKey)


class SoundJSONParser(BoundedJSONParser):
    """Takes valid Unicode only: what a client names, an error says again."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        parsed = super().parse(stream, media_type, parser_context)
        try:
            json.dumps(parsed, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            fault = _("The JSON body holds half of a surrogate pair, which is not a character; send valid Unicode.")
            raise ParseError(fault) from error
        return parsed


class DoorView(ChatView):
    """A view of a protocol that is not this site's own."""

    authentication_classes = [BearerKey]
    permission_classes: Sequence[type[BasePermission]] = [HasKey]
    parser_classes = [SoundJSONParser]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Bound the body also in a project without the chat's middleware. Raises RequestDataTooBig."""
        if declared_length(request.META.get("CONTENT_LENGTH") or "") > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig
        super().initial(request, *args, **kwargs)

    def get_exception_handler(self) -> Any:
        return openai_error


def openai_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the error as OpenAI's clients read it; None for a bug, which goes on to be a logged 500."""
    response = error_response(error, context)
    if response is not None:
        response.data = openai_body(response.data, status=response.status_code)
    return response


def openai_body(body: Mapping[str, Any], *, status: int) -> dict[str, Any]:
    """Return the body of an error of the API in OpenAI's shape."""
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    field = next(iter(body["details"]), "") if status in (400, 404) else ""
    param = _PARAMS.get(field, field) or None
    message = body["message"].replace(f"{field}: ", f"{param}: ", 1) if param != field else body["message"]
    return {"error": {"message": message, "type": kind, "param": param, "code": body["error"]}}


def body_of(request: Request) -> Mapping[str, Any]:
    """Return the JSON object that was sent. Raises AnswerError (400) for another value."""
    if not isinstance(request.data, Mapping):
        raise errors.invalid("body", _("Must be a JSON object."))
    return request.data
