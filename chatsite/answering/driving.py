"""Drive the agent of one question from its beginning to its recorded end, saying what happens as entries."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import OperationalError
from django.utils import timezone

import agents
from agents import (
    Agent,
    RunResult,
    RunState,
    RunStream,
    TextDelta,
    TextWithdrawn,
    ThinkingDelta,
    ToolCalled,
    ToolReturned,
)
from chatsite.answering.assistant import DocumentSearch, SearchUnavailable, agent_for, request_for
from chatsite.answering.capacity import Place
from chatsite.answering.language_models import answering_models
from chatsite.answering.line import PlaceInLine, join_line
from chatsite.answering.recording import Recording, Review
from chatsite.answering.sight import Sight
from chatsite.answering.silence import Silence
from chatsite.answering.telling import (
    BEAT,
    WITHDRAWN,
    Aside,
    Event,
    LogEntry,
    PassagesFound,
    RestsOn,
    RunClosed,
    RunWaits,
    run_event,
    small_talk_event,
)
from chatsite.asking.small_talk import asks_nothing, reply_to
from chatsite.models import Run
from chatsite.staff.tools import staff_tools
from chatsite.tools.approval import calls_to_ask, decisions
from chatsite.tools.calls import ToolUse, mark_personal
from chatsite.tools.host_tool import HostTool
from chatsite.tools.looked_up import seen_now
from chatsite.tools.offering import tools_of
from retrieval.namesakes import told_apart
from retrieval.text.asked import asked_in
from retrieval.text.cleaning import without_hidden

if TYPE_CHECKING:
    from chatsite.asking.question import Question

logger = logging.getLogger(__name__)

BETWEEN_TURNS = "\n\n"  # where a model has spoken before and after its reader was asked
NOT_CONFIRMED = "the reader has not confirmed it, so it was not done"
BEAT_SECONDS = 0.4  # a WSGI server learns at its second write that the reader has left: within a second, if need be


class Driving:
    """A question under way. It is driven on the thread that iterates `entries`, with that thread's database connection.

    Closing the iterator, or `cancel` from any thread, ends the agent; what was written is saved.
    """

    def __init__(
        self,
        question: Question,
        *,
        run: Run,
        place: Place,
        paused: RunState | None = None,
        review: Review | None = None,
    ) -> None:
        self.question = question
        self.run = run
        self.is_watched: Callable[[], bool] = lambda: True  # a kept run says otherwise when nobody follows it
        self._recording = Recording(run, passages=question.passages, review=review)
        self._search = DocumentSearch(question, passages=self._recording.passages, steps=self._recording.steps)
        self._models = answering_models(
            asked_in(question.text) if question.mode == Run.Mode.SELECTED_TEXT else self._search.asked,
            self._search.candidates,
            missing=self._search.missing,
            unanswered=self._search.unanswered,
            mode=question.mode,
            chosen=question.model,
            prompt=question.prompt,
        )
        # A model that only quotes asks for nothing; what a workflow gives, of which this may be a step, others see.
        self._tools = _tools_of(question) if self._models.language and question.hooked else ()
        self._titles = {tool.name: tool.title for tool in self._tools}
        self._use = ToolUse(run, question.reader, self._search.number)
        self._paused = paused  # what the agent goes on with, now that its reader has decided
        self._place = place
        self._turn: PlaceInLine | None = None
        self._stream: RunStream | None = None
        self._begun = False
        self._stopped = False
        self._begun_at = self._looked = monotonic()

    def entries(self, *, whole: bool = False) -> Generator[LogEntry, None, None]:
        """Yield what happens, to RunClosed; BEAT whenever nothing has for a while. With `whole` the answer comes in one
        piece, and under ASGI a request that is cancelled cancels the agent."""
        self._begun = True
        try:
            yield run_event(self.run)
            if self.question.small_talk:
                yield from self._reply(self.question.small_talk)
                return
            if self.run.personal or (self._models.language and self.run.history_documents):
                yield self._rests_on()
            if self._recording.passages:
                yield self._found()
            if self._paused:
                yield from self._restore()
            else:
                yield from self._recording.read(self._written_before)
                yield from self._wait_for_files()
            yield from self._wait_in_line()
            found = yield from self._search_first()
            if self._stopped:
                self._recording.close(Run.State.CANCELLED, error="cancelled")
                yield RunClosed(self.run)
                return
            if found and not found["answers"] and self._only_tells():
                yield from self._reply(Run.SmallTalk.STATEMENT)
                return
            result = yield from self._run_whole() if whole else self._run_streaming()
            while result.status == "paused":
                yield from self._recording.read_end()
                if self._asks(result):
                    yield RunWaits(self.run)
                    return
                result = yield from self._run_whole() if whole else self._run_streaming()
            self._leave_line()
            yield from self._recording.read_end()
            yield self._close(result)
        except SearchUnavailable as error:
            self._recording.close(Run.State.FAILED, error=error.code)
            yield RunClosed(self.run)
        except (GeneratorExit, asyncio.CancelledError):
            self._recording.close(Run.State.CANCELLED, error="cancelled", result=self._cancelled_result())
            raise
        except Exception:
            logger.exception("run %s failed", self.run.pk)
            self._recording.close(Run.State.FAILED, error="internal_error")
            yield RunClosed(self.run)
        finally:
            self._leave()

    def cancel(self) -> None:
        """End the agent while another thread iterates; that thread's iteration then ends by itself."""
        self._stopped = True
        if self._stream:
            self._stream.cancel()

    def close(self) -> None:
        """Record a run as cancelled that nobody began to iterate; one that was begun records its own end."""
        if not self._begun:
            self._recording.close(Run.State.CANCELLED, error="cancelled")
            self._leave()

    def _leave(self) -> None:
        self._place.release()
        self._leave_line()

    def _leave_line(self) -> None:
        if self._turn:
            self._turn.leave()

    # ---- a reader who is asked ----

    def _asks(self, result: RunResult) -> bool:
        """Save what the reader is to confirm, and say whether there is anything. Without it the agent goes on."""
        assert result.state
        calls = calls_to_ask(self.run, result.state, tools=self._tools)
        if calls and self._recording.pause(result, calls):
            return True
        self._stopped = self._stopped or bool(calls)  # somebody has stopped it at this very moment
        self._paused = result.state
        return False

    def _restore(self) -> Iterator[LogEntry]:
        """Tell what was written before the reader was asked."""
        yield from self._recording.restore()
        if self._recording.has_text:
            yield from self._recording.read(BETWEEN_TURNS)

    # ---- before it is written ----

    def _wait_for_files(self) -> Iterator[LogEntry]:
        """Wait until the files attached to the conversation have been read, or for ATTACHMENTS_WAIT_SECONDS. The run
        keeps which of them are searched, and which were not read in time."""
        conversation, until = self.question.conversation, monotonic() + settings.ATTACHMENTS_WAIT_SECONDS
        if self.question.mode != Run.Mode.RETRIEVAL or not conversation.attachments_id:
            return
        latest = BEAT
        while (waiting := list(conversation.unread_files())) and monotonic() < until and not self._stopped:
            files = [{"title": file.title, "progress": file.progress} for file in waiting]
            latest, before = Event("reading", {"files": files}), latest
            yield BEAT if latest == before else latest
            sleep(BEAT_SECONDS)
            self._look()
        self.run.scope |= {
            "attached": list(conversation.files().readable().values_list("pk", flat=True)),
            "unread": [file.pk for file in waiting],
        }

    def _search_first(self) -> Generator[LogEntry, None, dict[str, Any]]:
        """Search for the question itself, so that the usual one costs the model one turn. Return what was found, as a
        model reads it; nothing where there is no search. Raises SearchUnavailable."""
        if self.question.mode != Run.Mode.RETRIEVAL or self._stopped or self._paused:
            return {}
        asked = " ".join(self.question.asked)
        yield Event("tool_call", {"name": "search", "arguments": json.dumps({"query": asked})})
        found = self._search.first()
        yield Event("tool_result", {"name": "search", "failed": False, **_count(found)})
        yield self._found()
        return found

    def _only_tells(self) -> bool:
        """Return whether the message that begins a conversation only tells something. With a language model, that
        reads what it means."""
        begins = not (self.question.earlier or self._models.language or self._written_before)
        return begins and asks_nothing(self.question.text)

    def _reply(self, kind: str) -> Iterator[LogEntry]:
        """Give the fixed answer to small talk: no model is asked."""
        yield small_talk_event(kind)
        yield from self._recording.read(reply_to(self.question.text, kind))
        yield from self._recording.read_end()
        self._recording.close(Run.State.COMPLETED, small_talk=kind)
        yield RunClosed(self.run)

    def _wait_in_line(self) -> Iterator[LogEntry]:
        """Wait until the language model has room for this question."""
        latest = 0
        self._turn = join_line() if self._models.language and not self._stopped else None
        while self._turn and (place := self._turn.place) and not self._stopped:
            yield BEAT if place == latest else Event("queued", {"place": place})
            latest = place
            self._turn.wait(BEAT_SECONDS)
            self._look()

    @property
    def _written_before(self) -> str:
        """Return what this answer begins with, when it continues one."""
        return self.run.continues.written if self.run.continues else ""

    # ---- while it is written ----

    def _run_whole(self) -> Generator[LogEntry, None, RunResult]:
        found_before = len(self._recording.passages)
        result = agents.run(self._agent(), **self._request())
        if self._use.has_begun:
            yield self._rests_on()
        if len(self._recording.passages) > found_before:  # the model has searched again
            yield self._found()
        yield from self._recording.read(result.content)
        return result

    def _run_streaming(self) -> Generator[LogEntry, None, RunResult]:
        silence = Silence(self._models)
        with closing(agents.stream(self._agent(), **self._request())) as stream:
            self._stream = stream
            for event in stream.beating(BEAT_SECONDS):
                if event is None:
                    yield from silence.entries()
                else:
                    yield from self._entries_of(event, silence)
                self._look()
        return stream.result

    def _agent(self) -> Agent:
        return agent_for(self.question, self._search, models=self._models, tools=self._tools)

    def _request(self) -> dict[str, Any]:
        if self._paused:
            allowed = decisions(self.run, self._paused)
            return {"prompt": self._paused.decide(allowed, reason=NOT_CONFIRMED), "deps": self._use}
        request = request_for(self.question, self._search, written_before=self._written_before)
        return request | {"deps": self._use}

    def _rests_on(self) -> RestsOn:
        """Say what the text rests on beside the passages, by now."""
        return RestsOn(self.run.history_documents, personal=self.run if self.run.personal else None)

    def _found(self) -> PassagesFound:
        """Say what may be cited by now. Rights were checked when the question came, so that is when it was seen."""
        documents = dict(self._search.documents)
        sight = Sight(
            self.question.reader,
            documents,
            told_apart(documents.values()),
            lookups=seen_now(self._recording.passages.values()),
            looked=self._begun_at,
        )
        return PassagesFound(dict(self._recording.passages), sight)

    def _entries_of(self, event: agents.Event, silence: Silence) -> Iterator[LogEntry]:
        match event:
            case TextDelta(text):
                silence.end()
                yield from self._recording.read(text)
            case TextWithdrawn(text):
                yield WITHDRAWN
                yield from self._recording.withdraw(text)
            case ThinkingDelta(text):
                silence.end()
                yield Aside("thinking", without_hidden(text))
            case ToolCalled(call) if call.name in self._titles:
                mark_personal(self.run)
                yield self._rests_on()
                told = {"name": call.name, "arguments": call.arguments, "title": self._titles[call.name]}
                yield Event("tool_call", told)
            case ToolCalled(call):
                yield Event("tool_call", {"name": call.name, "arguments": call.arguments})
            case ToolReturned(message):
                result: dict[str, Any] = {"name": message.call.name, "failed": message.failed}
                yield Event("tool_result", result | _count(message.value))
                yield self._found()

    def _look(self) -> None:
        """Now and then save what a kept run has so far, and end a run that nobody may or wants to go on with."""
        seconds = settings.RUN_SAVE_SECONDS if self.run.kept else settings.RUN_LOOK_SECONDS
        if not self._stopped and monotonic() - self._looked >= seconds:
            self._looked = monotonic()
            try:
                self._stopped = not self._goes_on() or self._gives_way()
            except OperationalError:  # a database that is locked or restarts; the answer goes on without it
                logger.warning("run %s could not be looked at", self.run.pk, exc_info=True)
        if self._stopped and self._stream:
            self._stream.cancel()  # it had perhaps not begun when it was asked to

    def _goes_on(self) -> bool:
        if self.run.kept:  # any other ends with the telling to its reader
            return self._recording.save_so_far() and self.question.reader.may_still_ask()
        going_on = Run.objects.going_on().filter(pk=self.run.pk)
        if self._turn and self._turn.place:  # for who knows how long
            return going_on.update(checked_at=timezone.now()) > 0
        return going_on.exists()

    def _gives_way(self) -> bool:
        if self._turn is None or self.is_watched() or not self._turn.gives_way():
            return False
        logger.info("run %s ends: nobody follows it, and others wait for the model", self.run.pk)
        return True

    # ---- its end ----

    def _close(self, result: RunResult) -> RunClosed:
        """Record how the run has ended, and return that."""
        state, code = Run.State(result.status), result.error.code if result.error else ""
        if state == Run.State.CANCELLED and self.run.kept and not self._stopped:  # the process ends
            state, code = Run.State.FAILED, "loop_stopped"
        elif state != Run.State.COMPLETED and not code:
            code = "cancelled"
        self._recording.close(state, error=code, result=result, model_fault=self._models.fault)
        return RunClosed(self.run, retry_after=getattr(result.error, "retry_after", None))

    def _cancelled_result(self) -> RunResult | None:
        """Return what the agent had used up; None when it was never started or did not end in time."""
        try:
            return self._stream.result if self._stream else None
        except (RuntimeError, agents.AgentError):
            return None


def _tools_of(question: Question) -> tuple[HostTool, ...]:
    """Return what the question may ask of the host, and of its admin, each name once."""
    names = question.agent.tools
    of_staff = [tool for tool in staff_tools(question.reader) if names is None or tool.name in names]
    offered = (*of_staff, *tools_of(question.reader, names=names, asks=question.asks))
    return tuple({tool.name: tool for tool in offered}.values())


def _count(value: object) -> dict[str, int]:
    """Return how much a search found, for the reader who waits."""
    return {"passages": len(value["passages"])} if isinstance(value, dict) and "passages" in value else {}
