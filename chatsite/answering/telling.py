"""A run as events, through the eyes of one reader: the one telling behind the JSON answer, the live stream, whoever
follows a run again, here or in another process, and what is left of it afterwards.

Whoever drives a run, or finds it in its row, says what has happened as entries, which know no reader:

    driving (this thread)  ──┐
    a kept run's log       ──┼─ entries ─> Telling(reader) ─ events ─> JSON, event stream
    a run's row            ──┘
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from chatsite import errors
from chatsite.answering.citations import VerifiedCitation
from chatsite.answering.sight import Sight, stored_passages
from chatsite.errors import AnswerError
from chatsite.models import Run
from chatsite.reader import Reader
from retrieval.searching.passages import Passage


@dataclass(frozen=True, slots=True)
class Event:
    """A step of an answer as the stream tells it: `run`, `small_talk`, `reading`, `queued`, `waiting`, `quoted`,
    `thinking`, `text`, `withdrawn`, `tool_call`, `tool_result`, `sources`, `citation`, and last `done` or `error`.
    """

    name: str
    body: dict[str, Any]


LOOK_SECONDS = 1.0  # for which what a reader may see is taken to stay as it was
BEAT = Event("beat", {})  # nothing has happened for a while
WITHDRAWN = Event("withdrawn", {})  # all text and citations so far are taken back: they were no part of the answer


@dataclass(frozen=True, slots=True)
class PassagesFound:
    """All passages that the run may cite by now, by number; and what whoever asked saw of them, where that is known."""

    passages: Mapping[int, Passage]
    sight: Sight | None = None


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


LogEntry = str | VerifiedCitation | PassagesFound | Aside | RunClosed | Event
"""What happens in a run: text, a citation behind its marker, what was found, its end, or what every reader may see."""


class Telling:
    """One run, told to one reader."""

    def __init__(self, *, reader: Reader) -> None:
        self._reader = reader
        self._sight = Sight(reader, {})
        self._passages: Mapping[int, Passage] = {}
        self._citations: list[VerifiedCitation] = []
        self._outcome: dict[str, Any] | AnswerError | None = None
        self._seen = set[int]()

    def events(self, entries: Iterable[LogEntry]) -> Iterator[Event]:
        """Tell each of `entries`; the last event is `done` with the API's 200 body, or `error` with the error's."""
        for entry in entries:
            match entry:
                case Event():
                    if entry is WITHDRAWN:
                        self._citations.clear()
                    yield entry
                case str():
                    yield Event("text", {"text": entry})
                case PassagesFound(passages, sight):
                    self._passages = passages
                    if sight and sight.reader == self._reader and sight.covers(passages.values()):
                        self._sight, self._seen = sight, set(passages)
                    self._refresh()
                    yield Event("sources", {"sources": self._sources()})
                case VerifiedCitation():
                    self._citations.append(entry)
                    self._refresh()
                    yield Event("citation", self._citation(entry))
                case Aside(name, text):
                    self._refresh()
                    if self._sight.covers(self._passages.values()):
                        yield Event(name, {"text": text})
                case RunClosed():
                    yield self._end(entry)

    def outcome(self) -> dict[str, Any]:
        """Return the API's 200 body, once all entries have been told. Raises AnswerError when there is no answer."""
        if isinstance(self._outcome, dict):
            return self._outcome
        raise self._outcome or errors.internal()

    @property
    def has_ended(self) -> bool:
        return self._outcome is not None

    def break_off(self) -> Event:
        """Tell that there will be no end: the run has gone, or its reader may no longer ask."""
        self._outcome = errors.of_code("cancelled")
        return Event("error", self._outcome.body())

    def _refresh(self) -> None:
        """Ask what the reader may see, unless that was asked within the last second."""
        if monotonic() - self._sight.looked > LOOK_SECONDS or self._passages.keys() != self._seen:
            self._seen = set(self._passages)
            self._sight = Sight.of_passages(self._passages.values(), reader=self._reader)

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

    def _end(self, ended: RunClosed) -> Event:
        run = ended.run
        if run.state == Run.State.COMPLETED or (run.state == Run.State.LIMITED and run.answer):
            self._refresh()
            self._outcome = _body(run, self._sources(), [self._citation(citation) for citation in self._citations])
            if not self._sight.covers(self._passages.values()):  # it may repeat any of them
                self._outcome |= {"unsupported": "", "corrections": []}
            return Event("done", self._outcome)
        self._outcome = errors.of_code(run.error or "cancelled", retry_after=ended.retry_after)
        self._outcome.details |= _ids(run) | ({"answer": run.answer} if run.answer else {})
        return Event("error", self._outcome.body())


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
    }


class RowEntries:
    """What a run's row tells, each time what has been added since the last time."""

    def __init__(self) -> None:
        self._told = ""
        self._steps = self._citations = self._sources = 0

    def fresh(self, run: Run) -> Iterator[LogEntry]:
        """Return what is new in `run`, whose citations are prefetched; after the last of it RunClosed."""
        for step in run.steps[self._steps :]:
            yield Event("tool_call", {"name": "search", "arguments": json.dumps({"query": step["query"]})})
            yield Event("tool_result", {"name": "search", "failed": step["failed"], "passages": step["passages"]})
        self._steps = len(run.steps)
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
        if run.state != Run.State.RUNNING:
            yield RunClosed(run)


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
