"""The moments of a schedule: every hour, day or week at a time of the site's clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import count

from django.utils import timezone


def next_hour(at: time | None, *, after: datetime, zone: tzinfo | None = None) -> datetime:
    """Return the first moment after that one at which a clock in `zone`, the site's where none is given, shows the
    minutes of `at`; without one, a full hour."""
    zone, minutes = zone or timezone.get_default_timezone(), (at or time()).minute
    minute = after.astimezone(UTC).replace(second=0, microsecond=0)
    later = (minute + timedelta(minutes=passed) for passed in count(1))
    return next(moment for moment in later if moment.astimezone(zone).minute == minutes)


def next_day(at: time | None, *, after: datetime, weekday: int | None = None, zone: tzinfo | None = None) -> datetime:
    """Return the first moment after that one at which a clock in `zone` shows `at`, midnight without one; with a
    `weekday` (0: Monday), on such a day.

    A time that the clock skips comes as much later as it skips, and of one that it shows twice the first counts.
    """
    zone, shown = zone or timezone.get_default_timezone(), (at or time()).replace(second=0, microsecond=0)
    after = after.astimezone(UTC)
    today: date = after.astimezone(zone).date()
    days = (today + timedelta(days=passed) for passed in count(-1))  # where the zone changes its date, none is skipped
    wanted = (day for day in days if weekday is None or day.weekday() == weekday)
    moments = (datetime.combine(day, shown, zone).astimezone(UTC) for day in wanted)
    return next(moment for moment in moments if moment > after)
