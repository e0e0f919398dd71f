"""What tools gave, as the reader whom they gave it sees it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from chatsite.models import HostToolCall
from chatsite.reader import Reader
from chatsite.tools.results import LookedUp, looked_up
from retrieval.searching.passages import Passage

JUST_NOW = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class LookupView:
    """A passage that a tool gave, with its text, and when, in words."""

    passage: LookedUp
    when: str


def lookups_of(calls: Collection[str], *, reader: Reader) -> dict[str, LookupView]:
    """Return what these calls (by id) gave, by its content hash: those that were made for `reader`."""
    found = HostToolCall.objects.filter(pk__in=calls).select_related("run__conversation")
    return {
        passage.content_hash: LookupView(passage, when(call.ended_at or call.created_at))
        for call in found
        if reader.owns(call.run.conversation)
        for passage in looked_up(call.pk, call.sources)
    }


def seen_now(passages: Iterable[Passage]) -> dict[str, LookupView]:
    """Return those of `passages` that tools have just given to whoever looks."""
    given = [passage for passage in passages if isinstance(passage, LookedUp)]
    return {passage.content_hash: LookupView(passage, when(timezone.now())) for passage in given}


def when(moment: datetime) -> str:
    """Return when something was looked up, in words."""
    if timezone.now() - moment < JUST_NOW:
        return _("looked up just now")
    local = timezone.localtime(moment) if timezone.is_aware(moment) else moment
    return _("looked up %(time)s") % {"time": date_format(local, "SHORT_DATETIME_FORMAT")}
