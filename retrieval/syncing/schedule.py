"""When a source is due."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from retrieval.models import SyncedSource
from retrieval.moments import next_day, next_hour

Every = SyncedSource.Every
LONGEST = timedelta(days=8)  # a time further ahead than any that is set was set by a clock that has been put back since


def next_due(source: SyncedSource, *, after: datetime, zone: tzinfo | None = None) -> datetime | None:
    """Return the first moment after that one at which it is due by its schedule, by a clock in `zone`, the site's where
    none is given; None when only by hand."""
    if source.every == Every.HAND:
        return None
    if source.every == Every.HOUR:
        return next_hour(source.at, after=after, zone=zone)
    weekday = None if source.every == Every.DAY else source.weekday or 0
    return next_day(source.at, after=after, weekday=weekday, zone=zone)
