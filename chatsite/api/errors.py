"""Every error the API gives has one shape: `{"error", "message", "details", "request_id"}`."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from rest_framework.exceptions import (
    APIException,
    AuthenticationFailed,
    MethodNotAllowed,
    NotAuthenticated,
    ParseError,
    PermissionDenied,
    UnsupportedMediaType,
    ValidationError,
)
from rest_framework.response import Response
from rest_framework.views import exception_handler

from chatsite.api.permissions import MayAsk
from chatsite.errors import AnswerError, error_body, grouped, internal
from chatsite.middleware import current_request_id

CODES: dict[type[Exception], str] = {
    ParseError: "invalid_json",
    ValidationError: "invalid_request",
    NotAuthenticated: "sign_in_required",
    AuthenticationFailed: "invalid_api_key",
    PermissionDenied: "forbidden",
    MethodNotAllowed: "method_not_allowed",
    UnsupportedMediaType: "unsupported_media_type",
}


def error_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: what a client can act on gets its status and shape; a bug goes on to be a logged 500."""
    if isinstance(error, AnswerError):
        headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
        headers |= {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
        return Response(error.body(), status=error.status, headers=headers)
    if isinstance(error, RequestDataTooBig):
        return Response(error_body("body_too_large", _too_large()), status=413)
    if isinstance(error, TooManyFieldsSent | TooManyFilesSent):
        return Response(error_body("invalid_request", _("The form has too many fields; send one file.")), status=400)
    response = exception_handler(error, context)
    if response is None:
        return None
    if isinstance(error, ValidationError):
        detail = _valid_unicode(error.detail)
        details = detail if isinstance(detail, dict) else {"body": detail}
        response.data = error_body(CODES[ValidationError], sentence(detail), details)
    elif isinstance(error, NotAuthenticated):
        message = getattr(context["view"].permission_classes[0], "message", MayAsk.message)
        response.data = error_body(CODES[NotAuthenticated], str(message))
    elif isinstance(error, APIException):
        response.data = error_body(CODES.get(type(error), str(error.default_code)), str(error.detail))
    else:
        response.data = error_body("not_found", _("There is nothing at this address."))
    return response


def _valid_unicode(detail: Any) -> Any:
    """Return a validation error without halves of surrogate pairs: it may repeat what was sent."""
    return json.loads(json.dumps(detail, ensure_ascii=False).encode(errors="replace"))


def sentence(detail: Any, field: str = "") -> str:
    """Return the first problem of a validation error, with the field it is about."""
    if isinstance(detail, dict):
        name, first = next(iter(detail.items()))
        inner = field if name == "non_field_errors" else f"{field}.{name}" if field else str(name)
        return sentence(first, inner)
    if isinstance(detail, list):
        return sentence(detail[0], field)
    return f"{field}: {detail}" if field else str(detail)


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith(("/api/", "/v1/", "/mcp"))


def _too_large(limit: int = 0) -> str:
    fault = _("The request body is larger than the limit of %s bytes. Send less text.")
    return fault % grouped(limit or settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


def body_too_large(request: HttpRequest, *, limit: int = 0) -> HttpResponse:
    """Refuse a body that nobody reads, in the shape of what was asked. Its `limit` is DATA_UPLOAD_MAX_MEMORY_SIZE
    where no other is given."""
    if _is_api(request):
        return JsonResponse(error_body("body_too_large", _too_large(limit)), status=413)
    return HttpResponse(_too_large(limit), status=413, content_type="text/plain; charset=utf-8")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404, in the shape of what was asked."""
    if _is_api(request):
        return JsonResponse(
            error_body("not_found", _("There is nothing at this address; see /api/v1/docs.")), status=404
        )
    return render(request, "404.html", status=404)


def internal_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500; the traceback is in the log under the same request id."""
    if _is_api(request):
        return JsonResponse(internal().body(), status=500)
    return render(request, "500.html", {"request_id": current_request_id.get()}, status=500)
