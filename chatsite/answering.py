"""One question, one way through: `open_run` saves it, `Answering.answer` or `.stream` takes it to its end.

Both read the agent through the same `CitationReader` and close the run in the same place, so a streamed answer and a
plain one can't differ.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import chain
from time import perf_counter
from typing import Any

from django.db import transaction
from django.utils import timezone

import agents
from agents import (
    Agent,
    AssistantMessage,
    Message,
    Passage,
    RunResult,
    RunStream,
    TextDelta,
    ToolCall,
    ToolCalled,
    ToolReturned,
    UserMessage,
)
from chatsite import assistant, errors
from chatsite.citations import Citation, CitationReader, Source, strip_markers
from chatsite.errors import AnswerError
from chatsite.models import Citation as CitationRow
from chatsite.models import Run
from chatsite.questions import Question, search_query
from retrieval import search as retrieval
from retrieval.errors import UnknownCollection, UnknownDocument
from retrieval.models import Document

logger = logging.getLogger(__name__)

HISTORY_RUNS = 6
BEAT_SECONDS = 0.4  # a WSGI server learns at its second write that the reader has left: within a second, if need be
HISTORY_CHARACTERS = 12_000


@dataclass(frozen=True, slots=True)
class Event:
    """A step of an answer as the stream tells it: `run`, `text`, `tool_call`, `tool_result`, `sources`, `citation`,
    and at the end `done` or `error`.
    """

    name: str
    body: dict[str, Any]


BEAT = Event("beat", {})  # nothing has happened for BEAT_SECONDS


def check_scope(question: Question) -> None:
    """Raises AnswerError (404) for a collection or document that this reader can't search; none is silently dropped."""
    try:
        retrieval.check_scope(user=question.user, collections=question.collections, document_ids=question.document_ids)
    except UnknownCollection as error:
        raise errors.not_found("collections", str(error)) from error
    except UnknownDocument as error:
        raise errors.not_found("document_ids", str(error)) from error


def open_run(question: Question) -> Answering:
    """Save the question, so that no fault behind this line can lose it.

    Raises:
        AnswerError: the question names something this reader can't use, or a selection that isn't there.
    """
    check_scope(question)
    sources = assistant.selected_sources(question) if question.mode == Run.Mode.SELECTED_TEXT else None
    texts = [
        selected.text or source.content
        for selected, source in zip(question.selections, (sources or {}).values(), strict=True)
    ]
    earlier = list(question.conversation.runs.exclude(answer="").order_by("-created_at")[:HISTORY_RUNS])[::-1]
    question.conversation.save()  # a new one, or its time of use
    run = Run.objects.create(
        conversation=question.conversation,
        mode=question.mode,
        question=question.text,
        selected_text="\n\n".join(texts),
        selections=[
            {"text": text, **(asdict(selected.place) if selected.place else {})}
            for text, selected in zip(texts, question.selections, strict=True)
        ],
    )
    return Answering(question, run=run, earlier=earlier, selected=sources)


class Answering:
    """A question on its way to an answer: the agent that works on it, and the record of what it says."""

    def __init__(self, question: Question, *, run: Run, earlier: list[Run], selected: dict[int, Source] | None) -> None:
        self.question = question
        self.run = run
        self._began = perf_counter()
        self._sources = {} if selected is None else selected
        self._search = assistant.DocumentSearch(question, sources=self._sources)
        self._reader = CitationReader(self._sources)
        self._earlier = earlier
        self._stream: RunStream | None = None
        self._begun = False

    # ---- what is asked ----

    @property
    def _agent(self) -> Agent:
        if self.question.mode == Run.Mode.SELECTED_TEXT:
            return assistant.selection_agent()
        return assistant.documents_agent(self._search)

    @property
    def _request(self) -> dict[str, Any]:
        """The arguments of `agents.run` and `agents.stream`."""
        if self.question.mode == Run.Mode.SELECTED_TEXT:
            passages = tuple(
                Passage(marker=s.marker, text=s.content, title=s.title, page=s.page) for s in self._sources.values()
            )
            return {"prompt": UserMessage(self.question.text, passages=passages), "history": self._history()}
        query = search_query([*(run.question for run in self._earlier), self.question.text])
        first_search = ToolCall(id="search-1", name="search", arguments=json.dumps({"query": query}))
        return {"prompt": self.question.text, "history": self._history(), "opening": [first_search]}

    def _history(self) -> list[Message]:
        """Earlier questions and answers, the newest that fit."""
        history: list[Message] = []
        room = HISTORY_CHARACTERS
        for run in reversed(self._earlier):
            room -= len(run.question) + len(run.answer)
            if room < 0:
                break
            history[:0] = [UserMessage(run.question), AssistantMessage(strip_markers(run.answer))]
        return history

    # ---- its answer ----

    def answer(self) -> dict[str, Any]:
        """The whole answer, as the API's 200 body.

        Raises:
            AnswerError: there is none; the question and what was written of the answer are saved.
        """
        try:
            result = agents.run(self._agent, **self._request)
            for _ in chain(self._reader.feed(result.content), self._reader.end()):
                pass
            return self._close(result)
        except asyncio.CancelledError:  # under ASGI, when the reader leaves
            self._record(Run.State.CANCELLED, error="cancelled")
            raise
        except Exception:
            self._record(Run.State.FAILED, error="internal_error")
            raise

    def stream(self) -> Generator[Event, None, None]:
        """The answer as it comes, to the last event: `done` with the 200 body, or `error` with the error's.

        Between them comes BEAT, whenever there is nothing to tell. Close the iterator to cancel: the agent ends, and
        what was written is saved.
        """
        self._begun = True
        try:
            yield Event("run", {"run_id": str(self.run.pk), "session_id": str(self.question.conversation.pk)})
            if self.question.mode == Run.Mode.SELECTED_TEXT:
                yield self._sources_event()
            with closing(agents.stream(self._agent, **self._request)) as stream:
                self._stream = stream
                for event in stream.beating(BEAT_SECONDS):
                    if event is None:
                        yield BEAT
                    else:
                        yield from self._translate(event)
            yield from self._text_events(self._reader.end())
            yield Event("done", self._close(stream.result))
        except AnswerError as error:
            yield Event("error", error.body())
        except GeneratorExit:
            self._record(Run.State.CANCELLED, error="cancelled", result=self._cancelled_result())
            raise
        except Exception:
            logger.exception("run %s failed", self.run.pk)
            self._record(Run.State.FAILED, error="internal_error")
            yield Event("error", errors.internal().body())

    def cancel(self) -> None:
        """End the agent of a stream that another thread is reading; that thread's iteration then ends by itself."""
        if self._stream:
            self._stream.cancel()

    def close(self) -> None:
        """Record as cancelled a run whose stream nobody began to read; one that was begun records its own end."""
        if not self._begun:
            self._record(Run.State.CANCELLED, error="cancelled")

    def _cancelled_result(self) -> RunResult | None:
        """What the agent had used up; None when it was never started or did not end in time."""
        try:
            return self._stream.result if self._stream else None
        except (RuntimeError, agents.AgentError):
            return None

    def _translate(self, event: agents.Event) -> Iterator[Event]:
        match event:
            case TextDelta(text):
                yield from self._text_events(self._reader.feed(text))
            case ToolCalled(call):
                yield Event("tool_call", {"name": call.name, "arguments": call.arguments})
            case ToolReturned(message):
                yield Event(
                    "tool_result", {"name": message.call.name, "failed": message.failed, **_count(message.value)}
                )
                yield self._sources_event()

    def _text_events(self, pieces: Iterator[str | Citation]) -> Iterator[Event]:
        for piece in pieces:
            yield Event("text", {"text": piece}) if isinstance(piece, str) else Event("citation", _citation_body(piece))

    def _sources_event(self) -> Event:
        return Event("sources", {"sources": [_source_body(source) for source in self._sources.values()]})

    # ---- its end ----

    def _close(self, result: RunResult) -> dict[str, Any]:
        """Record how the run ended, and give the 200 body.

        Raises:
            AnswerError: it failed, or met a limit before a word was written.
        """
        if result.status == "completed" or (result.status == "limited" and self._reader.text):
            self._record(Run.State(result.status), result=result)
            return self._body()
        error = errors.of_run(result.error)
        error.details |= {"run_id": str(self.run.pk), "session_id": str(self.question.conversation.pk)}
        if self._reader.text:
            error.details["answer"] = self._reader.text
        self._record(Run.State(result.status), error=error.code, result=result)
        raise error

    def _record(self, state: Run.State, *, error: str = "", result: RunResult | None = None) -> None:
        run = self.run
        if run.state != Run.State.RUNNING:
            return
        run.state, run.error, run.ended_at = state, error, timezone.now()
        run.answer, run.answered = self._reader.text.strip(), bool(self._reader.citations)
        run.sources = [_source_record(source) for source in self._sources.values()]
        run.retrieval_time_ms = round(self._search.seconds * 1000, 2)
        run.total_time_ms = round((perf_counter() - self._began) * 1000, 2)
        if result:
            run.model, run.usage = result.model, asdict(result.usage)
            run.model_time_ms = round(result.model_seconds * 1000, 2)
        cited = Document.objects.in_bulk({c.source.document_id for c in self._reader.citations} - {None})
        rows = [_citation_row(citation, run, cited) for citation in self._reader.citations]
        with transaction.atomic():
            run.save()
            CitationRow.objects.bulk_create(rows)

    def _body(self) -> dict[str, Any]:
        run = self.run
        return {
            "answer": run.answer,
            "mode_used": run.mode,
            "answered": run.answered,
            "model": run.model,
            "session_id": str(run.conversation_id),
            "run_id": str(run.pk),
            "sources": [_source_body(source) for source in self._sources.values()],
            "citations": [_citation_body(citation) for citation in self._reader.citations],
            "retrieval_time_ms": run.retrieval_time_ms,
            "model_time_ms": run.model_time_ms,
            "total_time_ms": run.total_time_ms,
            "usage": run.usage,
        }


def _count(value: object) -> dict[str, int]:
    """How much a search found, for the reader who waits."""
    return {"passages": len(value["passages"])} if isinstance(value, dict) and "passages" in value else {}


def _source_body(source: Source) -> dict[str, Any]:
    fields = "chunk_id document_id title url page start end content score".split()
    return {field: getattr(source, field) for field in fields}


def _source_record(source: Source) -> dict[str, Any]:
    """What the run keeps of a source; its title and text stay with the document, and so with who may read it."""
    fields = "marker chunk_id document_id page start end score content_hash".split()
    return {field: getattr(source, field) for field in fields}


def _citation_body(citation: Citation) -> dict[str, Any]:
    return {
        "marker": citation.marker,
        "source": citation.marker - 1,
        "quote": citation.quote,
        "start": citation.start,
        "end": citation.end,
    }


def _citation_row(citation: Citation, run: Run, documents: Mapping[int, Document]) -> CitationRow:
    """The record of a citation; a document deleted since the search is None in it."""
    document = documents.get(citation.source.document_id or 0)
    return CitationRow(
        run=run,
        marker=citation.marker,
        document=document,
        in_selection=run.mode == Run.Mode.SELECTED_TEXT,
        quote=citation.quote,
        page=document.page_at(citation.start) if document else None,
        start=citation.start,
        end=citation.end,
        content_hash=citation.source.content_hash,
    )
