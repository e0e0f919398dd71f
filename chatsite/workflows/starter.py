"""As whom a run goes on: as who started it, with the rights that they have now, and never more."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser
from django.utils.translation import gettext as _

from chatsite.assistants.finding import find_agent
from chatsite.assistants.narrowing import searched_by
from chatsite.errors import AnswerError
from chatsite.models import Run, WorkflowRun
from chatsite.reader import Program, Reader, visitor_of
from chatsite.workflows.run_page import may_read

RUN = "chatsite.run_workflow"  # the permission that it takes to run one; a question in the chat takes none


class StarterRefused(Exception):
    """The run can't go on as who started it; the message says why."""


@dataclass(frozen=True, slots=True)
class Starter:
    """Who started a run, as of now, and the collections that it stays `within`, if it stays in any."""

    reader: Reader
    within: tuple[str, ...] | None = None


def starter_of(run: WorkflowRun) -> Starter:
    """Return who started a run. Raises StarterRefused where they may do that no more, or not read what it has found."""
    reader = _reader(run)
    within = None
    if run.question:
        within = _within(run, run.question, reader)
    elif not may_run(reader):
        raise StarterRefused(_("%(user)s may not run workflows any more.") % {"user": reader.user})
    if not may_read(run, reader=reader):
        raise StarterRefused(_("Whoever started this run may not read any more all that it has found."))
    return Starter(reader, within)


def may_run(reader: Reader) -> bool:
    """Say whether this reader's user may run workflows; not every user model has permissions."""
    has_perm = getattr(reader.user, "has_perm", None)
    return bool(has_perm and has_perm(RUN))


def _reader(run: WorkflowRun) -> Reader:
    """Return them as the kind of reader that they were. Raises StarterRefused."""
    question = run.question
    conversation = question.conversation if question else None
    if conversation and conversation.trial:
        raise StarterRefused(_("This run was only tried. Try it again instead."))
    if conversation and conversation.embed_site:
        site = visitor_of(conversation.embed_site).now()
        if site is None:
            raise StarterRefused(_("The embedded site that this run was started on can’t be used any more."))
        return site
    if run.by_key:
        key = run.api_key
        program = Program(key.user, key=key).now() if key and key.user_id == run.started_by_id else None
        if program is None:
            raise StarterRefused(_("The API key that this run was started with can’t be used any more."))
        return program
    reader: Reader | None = None
    if run.started_by:
        reader = Reader(run.started_by).now()
    elif conversation and conversation.user_id is None:  # else they have signed in since, or were deleted
        reader = Reader(AnonymousUser(), browser=conversation.browser)
    if reader is None or not reader.may_ask():
        raise StarterRefused(_("Whoever started this run may not ask any more."))
    return reader


def _within(run: WorkflowRun, question: Run, reader: Reader) -> tuple[str, ...] | None:
    """Return where a run that answers a question may search now. Raises StarterRefused."""
    if question.state == Run.State.CANCELLED:
        raise StarterRefused(_("Whoever asked this has stopped the answer."))
    try:
        agent = find_agent(reader, question.agent)
        within = searched_by(reader, agent.collections, run.within)
    except AnswerError as error:
        raise StarterRefused(_("Whoever asked this may not ask it any more: %s") % error.message) from error
    if agent.workflow != run.workflow.slug:
        raise StarterRefused(_("The agent that was asked is answered in another way by now."))
    return within
