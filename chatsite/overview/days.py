"""Days as the site counts them, whatever USE_TZ says."""

from __future__ import annotations

from datetime import date, datetime, time

from django.conf import settings
from django.utils import timezone


def today() -> date:
    """Return the day it is where the site is."""
    return timezone.localdate() if settings.USE_TZ else date.today()


def beginning_of(day: date) -> datetime:
    """Return the first moment of a day where the site is, as the database compares it."""
    begins = datetime.combine(day, time.min)
    return timezone.make_aware(begins) if settings.USE_TZ else begins


def day_of(moment: datetime) -> date:
    """Return the day of a moment, as the database gives it, where the site is."""
    return timezone.localtime(moment).date() if settings.USE_TZ else moment.date()
