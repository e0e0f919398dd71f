"""A run as events, through the eyes of one reader: the one telling behind the JSON answer, the live stream, whoever
follows a run again, here or in another process, and what is left of it afterwards.

Whoever drives a run, or finds it in its row, says what has happened as entries, which know no reader:

    driving (this thread)  ──┐
    a kept run's log       ──┼─ entries ─> Telling(reader) ─ events ─> JSON, event stream
    a run's row            ──┘
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from django.db import OperationalError

from chatsite import errors
from chatsite.answering.citations import VerifiedCitation
from chatsite.answering.sight import Sight, as_asked, stored_passages
from chatsite.errors import AnswerError
from chatsite.models import Run
from chatsite.reader import Reader
from chatsite.tools.shown import tools_of_runs
from retrieval.searching.passages import Passage

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """A step of an answer as the stream tells it: `run`, `small_talk`, `reading`, `queued`, `waiting`, `quoted`,
    `thinking`, `text`, `withdrawn`, `tool_call`, `tool_result`, `sources`, `citation`, and last `done`, `error`, or
    `approval`, when the reader is asked.
    """

    name: str
    body: dict[str, Any]


LOOK_SECONDS = 0.8  # for which a reader, and what they may see, is taken to stay as it was: two beats
WORKFLOW_STEP = "workflow_step"  # as tool_call and tool_result name a step of a workflow that answers
BEAT = Event("beat", {})  # nothing has happened for a while
WITHDRAWN = Event("withdrawn", {})  # all text and citations so far are taken back: they were no part of the answer


@dataclass(frozen=True, slots=True)
class PassagesFound:
    """All passages that the run may cite by now, by number; and what whoever asked saw of them, where that is known."""

    passages: Mapping[int, Passage]
    sight: Sight | None = None


@dataclass(frozen=True, slots=True)
class RestsOn:
    """The documents, by id, that the text rests on beside the passages: what its model has read of the conversation. Of
    a run that has `ended` it is known what it rests on. For a `personal` one, tools were asked: it is its reader's."""

    history: Collection[int] = ()
    ended: Run | None = None
    personal: Run | None = None


@dataclass(frozen=True, slots=True)
class Aside:
    """Text beside the answer, as the event `name`: what the model thinks, or what can be quoted meanwhile. It may
    repeat any passage, so it is told to whoever may read all of them."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class RunClosed:
    """The run as it was recorded at its end; seconds until another try, where the fault has named them."""

    run: Run
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class RunWaits:
    """The run as it was recorded when its reader was asked to confirm what it is to do."""

    run: Run


LogEntry = str | VerifiedCitation | PassagesFound | RestsOn | Aside | RunClosed | RunWaits | Event
"""What happens in a run: text, a citation behind its marker, what was found, its end, or what every reader may see."""


class Telling:
    """One run, told to one reader, who is looked at about once a second. When the right to ask ends meanwhile, or that
    to read what the answer rests on, so does the telling."""

    def __init__(self, *, reader: Reader) -> None:
        self._reader: Reader | None = reader  # None: may ask no more
        self._looked = monotonic()
        self._sight = Sight(reader, {})
        self._passages: Mapping[int, Passage] = {}
        self._seen: set[int] | None = set()
        self._rests = RestsOn()
        self._is_readable = True  # what the text rests on, so far
        self._citations: list[VerifiedCitation] = []
        self._outcome: dict[str, Any] | AnswerError | None = None

    def events(self, entries: Iterable[LogEntry]) -> Iterator[Event]:
        """Tell each of `entries`; the last event is `done` with the API's 200 body, or `error` with the error's."""
        for entry in entries:
            self._look()
            if self._reader is None:
                yield self.break_off()
                return
            match entry:
                case RunClosed():
                    yield self._end(entry)
                case RunWaits():
                    yield self._wait(entry.run)
                case RestsOn():
                    self._rest_on(entry)
                case PassagesFound():
                    yield self._found(entry)
                case _:
                    yield from self._said(entry)
            if self.has_ended and not isinstance(entry, RunClosed | RunWaits):
                return

    def outcome(self) -> dict[str, Any]:
        """Return the API's 200 body, once all entries have been told. Raises AnswerError when there is no answer."""
        if isinstance(self._outcome, dict):
            return self._outcome
        raise self._outcome or errors.internal()

    @property
    def has_ended(self) -> bool:
        return self._outcome is not None

    def break_off(self, code: str = "cancelled") -> Event:
        """Tell that there will be no end: the run has gone, or its reader may ask no more, or not read it."""
        self._outcome = errors.of_code(code)
        return Event("error", self._outcome.body())

    def _said(self, entry: LogEntry) -> Iterator[Event]:
        """Tell `entry` to who may read all that the text rests on; else nothing more of a run that goes on."""
        if isinstance(entry, VerifiedCitation):
            self._citations.append(entry)
        elif entry is WITHDRAWN:
            self._citations.clear()
        self._refresh()
        match entry:
            case _ if not self._is_readable:
                if not self._rests.ended:
                    yield WITHDRAWN
                    yield self.break_off("withheld")
            case Event():
                yield entry
            case str():
                yield Event("text", {"text": entry})
            case VerifiedCitation():
                yield Event("citation", self._citation(entry))
            case Aside(name, text):
                yield Event(name, {"text": text})

    def _look(self) -> None:
        """Ask who the reader is now, unless that was asked just now."""
        if self._reader is None or monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = monotonic()
        try:
            self._reader = self._reader.now()
        except OperationalError:  # a database that is locked or restarts: asked again a little later
            logger.warning("the reader of a stream could not be looked at", exc_info=True)

    def _rest_on(self, rests: RestsOn) -> None:
        assert self._reader  # else nothing is told any more
        self._rests, self._seen, run = rests, None, rests.ended
        if run:
            self._is_readable = Sight.of([run], reader=self._reader).may_read(run)
        elif rests.personal:
            self._is_readable = self._is_readable and self._is_readers()

    def _is_readers(self) -> bool:
        """Say whether it is this reader for whom tools were asked, if any were."""
        return not (self._rests.personal and self._reader) or self._reader.owns(self._rests.personal.conversation)

    def _found(self, found: PassagesFound) -> Event:
        self._passages, sight = found.passages, found.sight
        if sight and sight.reader == self._reader and sight.covers(found.passages.values()) and not self._rests.history:
            self._sight, self._seen, self._is_readable = sight, set(found.passages), self._is_readers()
        self._refresh()
        return Event("sources", {"sources": self._sources()})

    def _refresh(self) -> None:
        """Ask what the reader may see, unless that was asked just now."""
        if not self._reader or not (self._passages or self._rests.history):
            return
        if monotonic() - self._sight.looked > LOOK_SECONDS or set(self._passages) != self._seen:
            self._seen, passages = set(self._passages), self._passages.values()
            self._sight = Sight.of_passages(passages, reader=self._reader, beside=self._rests.history)
            if not self._rests.ended:  # one that is being written may repeat any passage
                readable = self._sight.covers(passages) and self._sight.has_all(set(self._rests.history))
                self._is_readable = readable and self._is_readers()

    def _sources(self) -> list[dict[str, Any]]:
        return [self._sight.source(passage).body() for passage in self._passages.values()]

    def _citation(self, citation: VerifiedCitation) -> dict[str, Any]:
        passage = citation.passage
        return self._sight.citation(
            citation.marker,
            document_id=passage.document_id,
            content_hash=passage.content_hash,
            quote=citation.quote,
            start=citation.start,
            end=citation.end,
        ).body()

    def _wait(self, run: Run) -> Event:
        """Tell whose run it is what waits for them; to anybody else it is withheld."""
        if not self._is_readable or not (self._reader and self._reader.owns(run.conversation)):
            return self.break_off("withheld")
        self._refresh()
        citations = [self._citation(citation) for citation in self._citations]
        waiting = [tool.body() for tool in tools_of_runs([run]).get(run.pk, ()) if tool.waits or tool.goes_on]
        self._outcome = _body(run, self._sources(), citations) | {"approvals": waiting}
        return Event("approval", self._outcome)

    def _end(self, ended: RunClosed) -> Event:
        run, is_readable = ended.run, self._may_read(ended.run)
        if run.state == Run.State.COMPLETED or (run.state == Run.State.LIMITED and run.answer):
            self._outcome = _body(run, self._sources(), [self._citation(citation) for citation in self._citations])
            if not is_readable:
                self._outcome |= _WITHHELD
            return Event("done", self._outcome)
        self._outcome = errors.of_code(run.error or "cancelled", retry_after=ended.retry_after)
        self._outcome.details |= _ids(run) | ({"answer": run.answer} if run.answer and is_readable else {})
        return Event("error", self._outcome.body())

    def _may_read(self, run: Run) -> bool:
        """Say whether all may be read that the answer of a run which has ended rests on."""
        cited = [citation.passage.document_id for citation in self._citations if citation.passage.document_id]
        self._refresh()
        if self._rests.ended or not self._reader or self._sight.may_read(run, cited=cited):
            return self._is_readable or not self._rests.ended
        return Sight.of([run], reader=self._reader).may_read(run)


def run_event(run: Run) -> Event:
    """Return the first event of every stream."""
    return Event("run", _ids(run))


def small_talk_event(kind: str) -> Event:
    """Return the event in front of a fixed answer."""
    return Event("small_talk", {"kind": kind})


def _ids(run: Run) -> dict[str, str]:
    return {"run_id": str(run.pk), "session_id": str(run.conversation_id)}


def _body(run: Run, sources: list[dict[str, Any]], citations: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the API's 200 body."""
    return {
        "answer": run.answer,
        "mode_used": run.mode,
        "answered": run.answered,
        "small_talk": run.small_talk,
        "withheld": False,
        "unsupported": run.unsupported,
        "cut_short": run.state == Run.State.LIMITED,
        "model": run.model,
        **_ids(run),
        "sources": sources,
        "citations": citations,
        "retrieval_time_ms": run.retrieval_time_ms,
        "model_time_ms": run.model_time_ms,
        "total_time_ms": run.total_time_ms,
        "usage": run.usage,
        "corrections": [
            {"written": written, "read_as": read_as}
            for step in run.steps
            for written, read_as in step.get("corrections", ())
        ],
        "approvals": [],
    }


_WITHHELD = {"answer": "", "answered": False, "withheld": True, "unsupported": "", "corrections": []}


class RowEntries:
    """What a run's row tells, each time what has been added since the last time."""

    def __init__(self) -> None:
        self._told = ""
        self._began = False
        self._steps = self._citations = self._sources = self._tools = 0

    def fresh(self, run: Run) -> Iterator[LogEntry]:
        """Return what is new in `run`, whose citations are prefetched; after the last of it RunClosed."""
        ended = None if run.state in (Run.State.RUNNING, Run.State.WAITING) else run
        if ended or not self._began:
            self._began = True
            yield RestsOn(run.history_documents, ended, run if run.personal else None)
        for step in run.steps[self._steps :]:
            query, _shown = as_asked(step)
            name, given = (WORKFLOW_STEP, {"step": query}) if "step" in step else ("search", {"query": query})
            yield Event("tool_call", {"name": name, "arguments": json.dumps(given)})
            yield Event("tool_result", {"name": name, "failed": step["failed"], "passages": step["passages"]})
        self._steps = len(run.steps)
        yield from self._tools_told(run)
        passages = stored_passages(run)
        if len(passages) > self._sources:
            self._sources = len(passages)
            yield PassagesFound(passages)
        rows = (row for row in run.citations.all() if row.marker in passages)  # one may have been saved since
        citations = [_citation_of(row, passages) for row in rows]
        if run.small_talk and not self._told:
            yield small_talk_event(run.small_talk)
        if not run.written.startswith(self._told.rstrip()):  # at its end an answer loses the blanks around it
            self._told, self._citations = "", 0
            yield WITHDRAWN
        yield from _in_order(run.written[len(self._told) :], citations[self._citations :])
        self._told = max(self._told, run.written, key=len)
        self._citations = len(citations)
        if ended:
            yield RunClosed(run)
        elif run.state == Run.State.WAITING:
            yield RunWaits(run)

    def _tools_told(self, run: Run) -> Iterator[Event]:
        """Tell of the host's tools that have returned."""
        ended = [tool for tool in tools_of_runs([run]).get(run.pk, ()) if tool.milliseconds]
        for tool in ended[self._tools :]:
            arguments = json.dumps(dict(tool.given))
            yield Event("tool_call", {"name": tool.tool, "arguments": arguments, "title": tool.title})
            yield Event("tool_result", {"name": tool.tool, "failed": tool.failed})
        self._tools = len(ended)


def _citation_of(row: Any, passages: Mapping[int, Passage]) -> VerifiedCitation:
    return VerifiedCitation(row.marker, passages[row.marker], row.quote, row.start, row.end)


def _in_order(text: str, citations: list[VerifiedCitation]) -> Generator[LogEntry, None, None]:
    """Put each citation right behind its marker."""
    at = 0
    for citation in citations:
        if found := re.compile(rf"\[{citation.marker}\]").search(text, at):
            yield text[at : found.end()]
            at = found.end()
        yield citation
    if text[at:]:
        yield text[at:]
