"""What a reader decides of a tool that asks first: it is recorded once, and the run goes on."""

from __future__ import annotations

import uuid
from datetime import date
from functools import partial
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from agents import RunState
from chatsite import errors
from chatsite.answering.answer import Answer
from chatsite.answering.capacity import check_share, hold_share, place_for_follower, place_for_run
from chatsite.answering.driving import Driving
from chatsite.answering.kept import Follower, keep
from chatsite.answering.sight import Sight
from chatsite.asking.question import Question, searches
from chatsite.asking.request import NARROWED, scope_of
from chatsite.assistants.finding import find_agent, prompt_of
from chatsite.assistants.hooking import hooked
from chatsite.models import HostToolCall, Run
from chatsite.reader import Reader
from chatsite.tools.approval import CHANGED, decide, expire
from chatsite.tools.shown import tool_view


def decide_call(reader: Reader, call_id: uuid.UUID, *, run_id: uuid.UUID, approved: bool) -> Answer:
    """Confirm or refuse a call that waits, and return the answer as it goes on. To say the same again is to follow it.

    Raises:
        AnswerError: 404 for a call that isn't this reader's, 409 for one that was decided otherwise or is out of time,
            or whose answer rests on what may no longer be read; 429 or 503 when too many are being answered.
    """
    runs = Run.objects.filter(pk=run_id)
    runs.close_lost()
    expire(runs)
    own = HostToolCall.objects.filter(run=run_id, run__conversation__in=reader.conversations())
    call = own.filter(pk=call_id).exclude(expires_at=None).select_related("run__conversation", "run__prompt").first()
    if call is None or not reader.owns(call.run.conversation):
        raise _not_there()
    try:
        if call.run.state == Run.State.WAITING:
            return _decided(reader, call, approved=approved)
        if not decide(call, approved=approved)[0]:
            raise _otherwise(call)
    except (HostToolCall.DoesNotExist, Run.DoesNotExist) as error:  # deleted with its conversation at this very moment
        raise _not_there() from error
    return Follower(call.run, reader=reader)


def _decided(reader: Reader, call: HostToolCall, *, approved: bool) -> Answer:
    question = _question(reader, call.run)
    place = place_for_run(reader)
    try:
        place_for_follower(reader).release()  # who has none is refused before anything is decided
        with transaction.atomic():
            hold_share(reader.user)
            check_share(call.run.conversation)  # what waits is not counted as under way, and is from now on
            stands, goes_on = decide(call, approved=approved)
        if not stands:
            raise _otherwise(call)
        call.run.refresh_from_db(fields=["state", "kept", "checked_at", "stop_asked"])  # it keeps its conversation
    except BaseException:
        place.release()
        raise
    if not goes_on:
        place.release()
        return Follower(call.run, reader=reader)
    paused = RunState.from_json((call.run.paused or {})["agent"])
    return keep(hooked(question, run=call.run, place=place, drive=partial(Driving, paused=paused)))


def _not_there() -> errors.AnswerError:
    return errors.not_found("call_id", _("There is no such call."))


def _otherwise(call: HostToolCall) -> errors.AnswerError:
    call.refresh_from_db(fields=CHANGED)
    return errors.already_decided(tool_view(call, call.run).said)


def _question(reader: Reader, run: Run) -> Question:
    """Return the question that a run waits with, as far as its reader may still go on with it. Raises AnswerError."""
    narrowed: dict[str, Any] = {name: run.scope[name] for name in NARROWED if name in run.scope}
    asked = {
        name: date.fromisoformat(value) if name in ("since", "until") else value for name, value in narrowed.items()
    }
    agent = find_agent(reader, run.agent)
    scope, _narrowed = scope_of(reader, asked, run.conversation, agent=agent)
    sight = Sight.of([run], reader=reader)
    passages = sight.readable_passages(run)
    if len(passages) < len(run.sources) or not sight.has_all(set(run.history_documents)):
        raise errors.already_decided(_("What this rests on has changed, or you may no longer read it; ask again."))
    offered = reader.models()
    return Question(
        reader,
        run.conversation,
        run.question,
        mode=run.mode,
        scope=scope,
        narrowed=narrowed,
        passages=passages,
        asked=searches([run.question])[0],
        model=run.model if run.model in offered else "",
        agent=agent,
        prompt=run.prompt or prompt_of(agent),
        added=agent.manner,
        keep=True,
    )
