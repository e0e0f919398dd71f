"""A question is saved before anything can fail, so that no fault behind this line can lose it."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from chatsite import errors
from chatsite.answering import capacity, kept
from chatsite.answering.capacity import Place
from chatsite.asking import attachments
from chatsite.asking.question import Question
from chatsite.models import Conversation, Run
from chatsite.models.conversations import title_of


def save_question(question: Question) -> tuple[Run, Place]:
    """Save the question as a run, and take a place for its answer; whoever answers it releases the place.

    Raises:
        AnswerError: 503 when this process answers as many as it can, 429 when this reader has a fair share already,
            404 when the conversation was deleted meanwhile.
    """
    place = _place(question.conversation)
    try:
        return _save(question), place
    except BaseException:
        place.release()
        raise


def _place(conversation: Conversation) -> Place:
    """Take a place; where there is none, one is made for whoever asks next, but not by who has a fair share already."""
    try:
        return capacity.place_for_run()
    except errors.AnswerError:
        capacity.check_share(conversation)
        kept.make_room()
        raise


def _save(question: Question) -> Run:
    user = question.reader.user
    with transaction.atomic():
        if user.is_authenticated:  # one question at a time is counted, so that the limit holds
            get_user_model()._default_manager.select_for_update().filter(pk=user.pk).first()
        capacity.check_share(question.conversation)
        _save_conversation(question.conversation, question.text)
        run = Run.objects.create(
            conversation=question.conversation,
            mode=question.mode,
            question=question.text,
            selected_text="\n\n".join(selection["text"] for selection in question.selections),
            selections=list(question.selections),
            scope=dict(question.narrowed),
            kept=question.keep,
            checked_at=timezone.now() if question.keep else None,
            continues=question.replaces if question.continues else None,
        )
        if question.replaces:
            _replace(question.replaces, by=run)
    return run


def _save_conversation(conversation: Conversation, text: str) -> None:
    """Save a new one, or its time of use alone: it may be renamed at the same time. One that began with a file is named
    after its first question. Raises AnswerError (404)."""
    if conversation._state.adding:
        conversation.save()
        return
    titled = {"title": title_of(text)} if attachments.is_untitled(conversation) else {}
    if not Conversation.objects.filter(pk=conversation.pk).update(updated_at=timezone.now(), **titled):
        raise errors.not_found("session_id", _("There is no conversation %s.") % conversation.pk)


def _replace(replaced: Run, *, by: Run) -> None:
    """Let `by` take the place of `replaced` and of all that followed it, with their earlier versions."""
    current = by.conversation.runs.current().filter(created_at__gte=replaced.created_at).exclude(pk=by.pk)
    taken = list(current.values_list("pk", flat=True))
    by.conversation.runs.filter(Q(pk__in=taken) | Q(replaced_by__in=taken)).update(replaced_by=by)
    by.conversation.runs.filter(pk__in=taken, state=Run.State.RUNNING).update(stop_asked=True)
