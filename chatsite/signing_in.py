"""Who fails to sign in too often waits. Only the site's own project reads this, where django-axes counts."""

from __future__ import annotations

from typing import Any

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from chatsite.serving.proxies import counted_address

FAILURES_OF_AN_ADDRESS = 30  # in AXES_COOLOFF_TIME; an office behind one address mistypes less


class SignInLimits(AxesDatabaseHandler):  # type: ignore[misc]  # axes ships no types
    """axes counts the wrong passwords that one address has given for one name; this, those for all names as well
    (AXES_HANDLER)."""

    def is_locked(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> bool:
        return super().is_locked(request, credentials) or failures_from(request) >= FAILURES_OF_AN_ADDRESS


def failures_from(request: HttpRequest) -> int:
    """Return how many wrong passwords came lately from where this request comes from."""
    lately = AccessAttempt.objects.filter(attempt_time__gte=get_cool_off_threshold(request))
    of_address = lately.filter(ip_address=counted_address(request))
    return of_address.aggregate(count=Sum("failures_since_start"))["count"] or 0


def locked_out(request: HttpRequest, response: HttpResponse | None, credentials: dict[str, Any] | None) -> HttpResponse:
    """Show someone how long to wait who has failed to sign in too often (AXES_LOCKOUT_CALLABLE)."""
    seconds = int(settings.AXES_COOLOFF_TIME.total_seconds())
    page = render(request, "429.html", {"minutes": seconds // 60}, status=429)
    page["Retry-After"] = str(seconds)
    return page
