"""Lists in pages: each page names where the next one begins, so that nothing is told twice or left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from django.core import signing
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request

from chatsite import errors
from chatsite.api.fields import ParameterField

USUAL, MOST = 50, 100  # rows of a page
CURSOR_CHARACTERS = 500

Row = TypeVar("Row", bound=Model)


class PageRequestSerializer(serializers.Serializer[Any]):
    """Which page of a list, in the address."""

    limit = serializers.IntegerField(min_value=1, max_value=MOST, default=USUAL, help_text="How many at once.")
    cursor = ParameterField(
        max_length=CURSOR_CHARACTERS, required=False, help_text="`next_cursor` of the page before this one."
    )


def parameters(request: Request, serializer: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    """Return the parameters of the address, checked. Raises AnswerError (400) for one that the list doesn't have: who
    misspells a filter must not take a wider list for a narrowed one. Raises ValidationError for a wrong value."""
    asked = serializer(data=request.query_params.dict())  # as of JSON: an empty value is not one left out
    if unknown := [name for name in request.query_params if name not in asked.fields]:
        known = ", ".join(asked.fields)
        raise errors.invalid(unknown[0][:60], _("Is no parameter of this address. It takes these: %s.") % known)
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)


def page_of(rows: QuerySet[Row], *, order: Sequence[str], asked: dict[str, Any]) -> tuple[list[Row], str | None]:
    """Return a page of `rows` in this order, which ends in a unique field, and the cursor of the next one; None after
    the last. Raises AnswerError (400) for a cursor of another list."""
    salt = f"chatsite.api.page:{rows.model._meta.label}:{','.join(order)}"
    if "cursor" in asked:
        rows = rows.filter(_behind(order, _place(asked["cursor"], salt)))
    found = list(rows.order_by(*order)[: asked["limit"] + 1])
    if len(found) <= asked["limit"]:
        return found, None
    last = found[asked["limit"] - 1]
    values = [_field(rows, name).value_to_string(last) for name in order]
    return found[:-1], signing.dumps(values, salt=salt)


def _place(cursor: str, salt: str) -> list[str]:
    try:
        place: list[str] = signing.loads(cursor, salt=salt)
    except signing.BadSignature as error:
        raise errors.invalid("cursor", _("Is none of this list's; send next_cursor of a page, or leave it out.")) from (
            error
        )
    return place


def _behind(order: Sequence[str], place: Sequence[str]) -> Q:
    """Return the condition of all rows that follow the one at `place`."""
    following, same = Q(pk__in=()), Q()
    for name, value in zip(order, place, strict=True):
        field, after = name.removeprefix("-"), "lt" if name.startswith("-") else "gt"
        following |= same & Q(**{f"{field}__{after}": value})
        same &= Q(**{field: value})
    return following


def _field(rows: QuerySet[Row], name: str) -> Any:
    bare = name.removeprefix("-")
    return rows.model._meta.pk if bare == "pk" else rows.model._meta.get_field(bare)
