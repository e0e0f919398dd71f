"""A question is saved before anything can fail, so that no fault behind this line can lose it."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import OperationalError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from chatsite import errors
from chatsite.answering import capacity, kept
from chatsite.answering.capacity import Place
from chatsite.answering.sight import rests_on
from chatsite.asking import attachments
from chatsite.asking.question import Question
from chatsite.models import Conversation, Run
from chatsite.models.conversations import title_of
from chatsite.signals import tell_beginning
from chatsite.tools.approval import give_up


def save_question(question: Question) -> tuple[Run, Place]:
    """Save the question as a run, and take a place for its answer; whoever answers it releases the place.

    Raises:
        AnswerError: 503 when this process answers as many as it can, 429 when this reader has a fair share already,
            404 when the conversation was deleted meanwhile, 503 when the database can't be written to just now: SQLite
            refuses at once where a transaction that has read goes on to write, unless the settings say otherwise.
    """
    place = _place(question)
    try:
        return _save(question), place
    except OperationalError as error:
        place.release()
        raise errors.database_busy() from error
    except BaseException:
        place.release()
        raise


def _place(question: Question) -> Place:
    """Take a place; where there is none, one is made for whoever asks next, but not by who has a fair share already."""
    try:
        return capacity.place_for_run(question.reader)
    except errors.AnswerError as error:
        if error.status == 503:
            capacity.check_share(question.conversation)
            kept.make_room()
        raise


def _save(question: Question) -> Run:
    user = question.reader.user
    with transaction.atomic():
        capacity.hold_share(user)
        capacity.check_share(question.conversation)
        _save_conversation(question.conversation, question.text, agent=question.agent.name)
        again = [question.replaces] if question.replaces and question.continues else []
        run = Run.objects.create(
            conversation=question.conversation,
            mode=question.mode,
            question=question.text,
            selected_text="\n\n".join(selection["text"] for selection in question.selections),
            selections=list(question.selections),
            scope=dict(question.narrowed),
            agent=question.agent.name,
            prompt=None if question.prompt._state.adding else question.prompt,
            kept=question.keep,
            checked_at=timezone.now() if question.keep else None,
            continues=question.replaces if question.continues else None,
            personal=any(earlier.personal for earlier in (*question.earlier, *again)),
            history_documents=sorted(_history_documents(question.earlier)),
        )
        if question.replaces:
            _replace(question.replaces, by=run)
        tell_beginning(run)
    return run


def _history_documents(earlier: Iterable[Run]) -> set[int]:
    """Return what these answers rest on, and what those before them do."""
    return {pk for run in earlier for pk in (*rests_on(run), *run.history_documents) if pk}


def _save_conversation(conversation: Conversation, text: str, *, agent: str) -> None:
    """Save a new one, or its time of use alone: it may be renamed at the same time. One that began with a file is named
    after its first question, and stays with the agent that this is for. Raises AnswerError (404)."""
    if conversation._state.adding:
        conversation.agent = agent
        conversation.save()
        return
    titled = {"title": title_of(text)} if attachments.is_untitled(conversation) else {}
    used = {"updated_at": timezone.now(), "agent": agent}
    if not Conversation.objects.filter(pk=conversation.pk).update(**used, **titled):
        raise errors.not_found("session_id", _("There is no conversation %s.") % conversation.pk)


def _replace(replaced: Run, *, by: Run) -> None:
    """Let `by` take the place of `replaced` and of all that followed it, with their earlier versions."""
    current = by.conversation.runs.current().filter(created_at__gte=replaced.created_at).exclude(pk=by.pk)
    taken = list(current.values_list("pk", flat=True))
    by.conversation.runs.filter(Q(pk__in=taken) | Q(replaced_by__in=taken)).update(replaced_by=by)
    by.conversation.runs.filter(pk__in=taken, state=Run.State.RUNNING).update(stop_asked=True)
    give_up(by.conversation.runs.filter(pk__in=taken))
