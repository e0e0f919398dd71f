"""The API's view of what questions have taken: by day and model, and for the staff by user or key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Count, F, QuerySet
from django.db.models.functions import TruncDate
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from chatsite.api.authentication import api_reader
from chatsite.api.paging import parameters
from chatsite.api.permissions import HasName, has_permission
from chatsite.api.serializers import ErrorSerializer
from chatsite.api.views import ChatView
from chatsite.models import ApiKey, Run
from chatsite.overview.days import beginning_of, today
from chatsite.overview.spending import dollars, own_prices, token_sums, usage_of

DAYS_USUAL = 30
VIEW_RUNS = "chatsite.view_run"
_FIRST, _LAST = date(1970, 1, 1), date(9998, 12, 31)
DAY, USER, KEY = "day", "user", "key"


class UsageRequestSerializer(serializers.Serializer[Any]):
    """Which questions to count, in the address."""

    since = serializers.DateField(required=False, help_text=f"The first day; {DAYS_USUAL} days back if left out.")
    until = serializers.DateField(required=False, help_text="The last day; today if left out.")
    by = serializers.ChoiceField(
        choices=[DAY, USER, KEY], default=DAY, help_text="`user` and `key` count everybody's questions, for the staff."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        until = attrs.setdefault("until", today())
        days = timedelta(days=min(DAYS_USUAL, (until - date.min).days))
        since = attrs.setdefault("since", until - days)
        if until < since:
            raise serializers.ValidationError({"until": _("Is before since; swap them.")})
        return attrs


class UsageRowSerializer(serializers.Serializer[Any]):
    """What questions of one day, user or key, answered by one model, have taken."""

    day = serializers.DateField(required=False)
    user = serializers.CharField(required=False, help_text="Empty: of nobody who was signed in.")
    key = serializers.CharField(required=False, help_text="Its name and how it begins; empty: asked without one.")
    model = serializers.CharField(help_text="`extractive`: sentences were quoted; empty: none was asked.")
    questions = serializers.IntegerField()
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    cost = serializers.FloatField(
        allow_null=True, help_text="US dollars, by today's price of the model; null when that is unknown."
    )


class UsageReportSerializer(serializers.Serializer[Any]):
    """What questions have taken."""

    since = serializers.DateField()
    until = serializers.DateField()
    rows = UsageRowSerializer(many=True)
    questions = serializers.IntegerField()
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    cost = serializers.FloatField(allow_null=True, help_text="Of all rows; null when one of them is unknown.")


class UsageView(ChatView):
    permission_classes: Sequence[type[BasePermission]] = [HasName]

    @extend_schema(
        parameters=[UsageRequestSerializer],
        responses={200: UsageReportSerializer, 400: ErrorSerializer, 403: ErrorSerializer},
    )
    def get(self, request: Request) -> Response:
        """What your questions have taken, by day and model; of an API key its own. For the staff, everybody's by user
        or key."""
        asked = parameters(request, UsageRequestSerializer)
        runs = Run.objects.all()
        if asked["by"] == DAY:
            runs = runs.filter(conversation__in=api_reader(request).conversations())
        elif isinstance(request.auth, ApiKey) or not has_permission(request, VIEW_RUNS):
            raise PermissionDenied(
                _("Everybody's questions are counted for a session with the permission %s.") % VIEW_RUNS
            )
        rows = list(_rows(_within(runs, asked), by=asked["by"]))
        body = {"since": asked["since"], "until": asked["until"], "rows": rows, **_total(rows)}
        return Response(UsageReportSerializer(body).data)


def _within(runs: QuerySet[Run], asked: dict[str, Any]) -> QuerySet[Run]:
    first, last = (_moment(day) for day in (asked["since"], asked["until"]))
    return runs.filter(created_at__gte=first, created_at__lt=last + timedelta(days=1))


def _moment(day: date) -> datetime:
    """Return the beginning of a day where the site is, or of the first or last one that every time zone has."""
    return beginning_of(max(_FIRST, min(day, _LAST)))


def _rows(runs: QuerySet[Run], *, by: str) -> Iterable[dict[str, Any]]:
    """Yield a row for each day, user or key, and model, in order."""
    groups: dict[str, dict[str, Any]] = {
        DAY: {"day": TruncDate("created_at")},
        USER: {"user": F(f"conversation__user__{get_user_model().USERNAME_FIELD}")},
        KEY: {"key_name": F("conversation__api_key__name"), "key_hint": F("conversation__api_key__hint")},
    }
    group = groups[by]
    counted = runs.values(**group, of_model=F("model")).annotate(questions=Count("pk"), **token_sums())
    own = own_prices()
    row: dict[str, Any]
    for row in counted.order_by(*group, "of_model"):  # type: ignore[assignment]
        usage = usage_of(row)
        yield {
            **_grouped(row, by),
            "model": row["of_model"],
            "questions": row["questions"],
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cost": dollars(row["of_model"], usage, own=own),
        }


def _grouped(row: dict[str, Any], by: str) -> dict[str, Any]:
    if by == KEY:
        return {"key": f"{row['key_name']} ({row['key_hint']}…)" if row["key_hint"] else ""}
    return {by: row[by] or ""}


def _total(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    counts = {name: sum(row[name] for row in rows) for name in ("questions", "input_tokens", "output_tokens")}
    costs = [row["cost"] for row in rows]
    return counts | {"cost": None if None in costs else sum(costs)}
