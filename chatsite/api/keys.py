"""The API's view of keys: those of whoever is signed in. No key makes, shows or revokes keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from chatsite import errors
from chatsite.api.authentication import api_reader
from chatsite.api.fields import FlagField, MomentField, TextField
from chatsite.api.paging import PageRequestSerializer, page_of, parameters
from chatsite.api.permissions import SignedIn, has_permission
from chatsite.api.serializers import ErrorSerializer
from chatsite.api.views import ChatView
from chatsite.models import ApiKey

ADD = "chatsite.add_apikey"


class KeySerializer(serializers.Serializer[Any]):
    """An API key, as far as it can be shown again."""

    key_id = serializers.IntegerField(source="pk")
    name = serializers.CharField()
    hint = serializers.CharField(help_text="How it begins.")
    all_collections = serializers.BooleanField()
    collections = serializers.SerializerMethodField(help_text="Slugs of those that it is limited to.")
    may_change_documents = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True, help_text="null: never.")
    last_used_at = serializers.DateTimeField(allow_null=True)

    def get_collections(self, key: ApiKey) -> list[str]:
        return sorted(collection.slug for collection in key.collections.all())


class MadeKeySerializer(KeySerializer):
    """A new API key, with its secret."""

    secret = serializers.CharField(help_text="Nothing can show it again.")


class KeysSerializer(serializers.Serializer[Any]):
    """A page of keys, by name; revoked ones are not among them."""

    keys = KeySerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="Send it as `cursor` for the next page.")


class NewKeySerializer(serializers.Serializer[Any]):
    """A key to be made."""

    name = TextField(max_length=80, help_text="What it is for.")
    all_collections = FlagField(default=False, help_text="It may search all that you may search.")
    collections = serializers.ListField(
        child=TextField(max_length=120), max_length=100, required=False, help_text="Otherwise it may search these only."
    )
    may_change_documents = FlagField(
        default=False, help_text="It may add, delete and re-index documents as far as you may."
    )
    expires_at = MomentField(required=False, allow_null=True, default=None, help_text="null: never.")

    def validate_expires_at(self, moment: Any) -> Any:
        if moment and moment <= timezone.now():
            raise serializers.ValidationError(_("Lies in the past; send a later one, or null."))
        return moment

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if bool(attrs.get("collections")) == attrs["all_collections"]:
            fault = _("Name some, or send all_collections true; not both.")
            raise serializers.ValidationError({"collections": fault})
        return attrs


class Keys(ChatView):
    permission_classes: Sequence[type[BasePermission]] = [SignedIn]

    @extend_schema(
        operation_id="keys_list",
        parameters=[PageRequestSerializer],
        responses={200: KeysSerializer, 400: ErrorSerializer, 403: ErrorSerializer},
    )
    def get(self, request: Request) -> Response:
        """Your API keys; of each only how it begins."""
        asked = parameters(request, PageRequestSerializer)
        found, following = page_of(_own(request).prefetch_related("collections"), order=("name", "pk"), asked=asked)
        return Response(KeysSerializer({"keys": found, "next_cursor": following}).data)

    @extend_schema(
        request=NewKeySerializer,
        responses={201: MadeKeySerializer, **dict.fromkeys([400, 403, 404, 413, 415], ErrorSerializer)},
    )
    def post(self, request: Request) -> Response:
        """Make an API key that acts as you. Its secret is in this answer and nowhere else."""
        if not has_permission(request, ADD):
            raise PermissionDenied(_("Needs the permission %s.") % ADD)
        asked = NewKeySerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        collections = _collections(request, given.pop("collections", []))
        assert request.user.pk is not None  # SignedIn has let in nobody else
        key = ApiKey(user_id=request.user.pk, **given)
        secret = key.make_secret()
        key.save()
        key.collections.set(collections)
        vars(key)["secret"] = secret
        return Response(MadeKeySerializer(key).data, status=201)


class OneOfKeys(ChatView):
    permission_classes: Sequence[type[BasePermission]] = [SignedIn]

    @extend_schema(responses={204: None, 403: ErrorSerializer, 404: ErrorSerializer})
    def delete(self, request: Request, key_id: int) -> Response:
        """Revoke a key of yours, for good: what it asks from now on is refused, and what it follows ends."""
        if not _own(request).filter(pk=key_id).update(revoked=True):
            raise errors.not_found("key_id", _("There is no key %d.") % key_id)
        return Response(status=204)


def _own(request: Request) -> Any:
    return ApiKey.objects.filter(user=request.user.pk, revoked=False)


def _collections(request: Request, slugs: list[str]) -> list[Any]:
    """Raises AnswerError (404) for one that whoever makes the key does not see."""
    found = {collection.slug: collection for collection in api_reader(request).collections().filter(slug__in=slugs)}
    if unknown := [slug for slug in slugs if slug not in found]:
        raise errors.not_found("collections", _("No such collection: %s.") % ", ".join(unknown))
    return list(found.values())
