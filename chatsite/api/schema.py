"""The schema: what the API says of itself, in OpenAPI 3.1, true for who has a key, a session or neither."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponseBase
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from chatsite.api.fields import CommaSeparatedField, LanguageField, ParameterField, TextField
from chatsite.api.permissions import MayAsk
from chatsite.api.serializers import ErrorSerializer
from chatsite.conf import OPENAPI

LONG_ADDRESS = {"description": "The address is longer than the web server takes (with `serve` 4,094 bytes)."}
CONDITION = {
    "in": "header",
    "name": "If-None-Match",
    "schema": {"type": "string"},
    "description": "The `ETag` of the answer that you have: 304 while it is the same.",
}


class ChatSchema(AutoSchema):
    """Adds to each operation what holds for many: who needs no key, the usual errors, and conditions."""

    def get_auth(self) -> list[Any]:
        """Return what a caller identifies by; also nothing, where this site answers everyone."""
        schemes: list[Any] = super().get_auth()
        return [*schemes, {}] if self._is_open() and {} not in schemes else schemes

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        responses = operation["responses"]
        for status in self._usual_errors(has_body="requestBody" in operation):
            if status not in responses:
                responses[status] = self._get_response_for_code(ErrorSerializer, status)  # type: ignore[no-untyped-call]
        if getattr(self.view, "is_conditional", False) and self.method == "GET":
            responses["304"] = {"description": "What was answered with that `ETag` is still the same."}
            operation.setdefault("parameters", []).append(CONDITION)
        if self.method == "POST" and "requestBody" in operation:
            operation["requestBody"]["required"] = True
        if any(parameter["in"] == "query" for parameter in operation.get("parameters", ())):
            responses["414"] = LONG_ADDRESS
        operation["responses"] = dict(sorted(responses.items()))
        return operation

    def _is_open(self) -> bool:
        permission: Any = self.view.permission_classes[0]
        if permission is AllowAny:
            return True
        changes = self.method in getattr(self.view, "changes", ())
        return bool(settings.ANONYMOUS_CHAT) and issubclass(permission, MayAsk) and not changes

    def _usual_errors(self, *, has_body: bool) -> list[str]:
        if not self.view.authentication_classes:
            return []
        too_large = ["413"] if self.method in ("POST", "PUT", "PATCH") else []
        return ["401", "403", *too_large, *(["400", "415"] if has_body else [])]


class TextFieldScheme(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """What the API takes for text: not blank, and without NUL, which no database keeps."""

    target_class = TextField
    pattern = r"^[^\x00]*[^\s\x00][^\x00]*$"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        limits = {"minLength": 1, "pattern": self.pattern} if direction == "request" else {}
        return {"type": "string", "maxLength": self.target.max_length} | limits


class ParameterFieldScheme(TextFieldScheme):  # type: ignore[no-untyped-call]
    target_class = ParameterField  # type: ignore[assignment]


class CommaSeparatedScheme(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Values in one parameter."""

    target_class = CommaSeparatedField
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        return {"type": "string", "maxLength": self.target.most, "pattern": self.target.pattern}


class LanguageFieldScheme(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = LanguageField

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[a-z]{2}$"}


class Schema(SpectacularAPIView):
    """This API alone, whatever else the project serves."""

    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []
    urlconf = "chatsite.urls"

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        prefix = request.path.removesuffix("/api/v1/schema")
        self.custom_settings = OPENAPI | ({"SERVERS": [{"url": prefix}]} if prefix else {})
        schema: HttpResponseBase = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        return schema
