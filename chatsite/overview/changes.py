"""What makes a day's counts of questions outdated beside an UPDATE of its runs: what a reader thought later, deletions,
and who is in which group. Each notes the moments in the transaction of the change, if there is one."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Q
from django.db.models.signals import m2m_changed, post_save, pre_delete
from django.dispatch import receiver

from chatsite.models import Conversation, Feedback, Run
from chatsite.models.counts import ChangedMoment
from chatsite.overview.counting import first_day, has_groups


@receiver([post_save, pre_delete], sender=Feedback, dispatch_uid="chatsite.overview.feedback")
def note_feedback(instance: Feedback, **signal: Any) -> None:
    """Count the day of a question again that somebody has an opinion on, or has withdrawn it."""
    ChangedMoment.objects.note([instance.run.created_at])


@receiver(pre_delete, sender=Conversation, dispatch_uid="chatsite.overview.conversation")
def note_conversation(instance: Conversation, **signal: Any) -> None:
    """Count the days of its questions again, which are deleted with it."""
    _note(Q(conversation=instance))


@receiver(pre_delete, sender=Run, dispatch_uid="chatsite.overview.run")
def note_run(instance: Run, origin: Any = None, **signal: Any) -> None:
    """Count the day of a run again that is deleted by itself, and those of the runs that it has taken the place of."""
    kind = origin.model if isinstance(origin, models.QuerySet) else type(origin)
    if kind is Run:
        _note(Q(pk=instance.pk) | Q(replaced_by=instance))


def note_groups(
    sender: Any, instance: models.Model, action: str, reverse: bool, pk_set: AbstractSet[Any] | None, **signal: Any
) -> None:
    """Count the days again on which those asked who come into a group, or leave it."""
    if action in ("post_add", "post_remove"):
        _note(Q(conversation__user__in=pk_set or set()) if reverse else Q(conversation__user=instance))
    elif action == "pre_clear":
        _note(Q(conversation__user__groups=instance) if reverse else Q(conversation__user=instance))


if has_groups():
    m2m_changed.connect(note_groups, sender=get_user_model().groups.through, dispatch_uid="chatsite.overview.groups")


def _note(runs: Q) -> None:
    moments = Run.objects.filter(runs, created_at__gte=first_day()).order_by()
    ChangedMoment.objects.note(moments.values_list("created_at", flat=True))
