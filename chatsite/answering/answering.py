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
from dataclasses import asdict
from itertools import chain
from time import monotonic, perf_counter, sleep
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import OperationalError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

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
from chatsite import errors
from chatsite.access import title_of
from chatsite.answering import assistant
from chatsite.answering import telling as records
from chatsite.answering.citations import Citation, CitationReader, Source, strip_markers
from chatsite.answering.telling import BEAT, Event
from chatsite.asking import attachments, capacity
from chatsite.asking.capacity import Place
from chatsite.asking.question import Question, search_query
from chatsite.errors import AnswerError
from chatsite.models import Conversation, Run, RunQuerySet
from retrieval.errors import UnknownCollection, UnknownDocument
from retrieval.searching import search as searching

logger = logging.getLogger(__name__)

HISTORY_RUNS = 6
CHECKPOINT_SECONDS = 1.0  # of a kept run: what a killed process loses at most
LOOK_SECONDS = 5.0  # of any other streamed run: how soon it ends when its reader may no longer ask
BEAT_SECONDS = 0.4  # a WSGI server learns at its second write that the reader has left: within a second, if need be
HISTORY_CHARACTERS = 12_000
RECORDED = (
    "state error ended_at scope answer answered sources steps model usage retrieval_time_ms model_time_ms total_time_ms"
).split()
GO_ON = """\
Your answer to the question below was cut short. Go on exactly where it ends, inside a sentence if need be: repeat
nothing, and write no introduction. The question was: """


def check_scope(question: Question) -> None:
    """Raises AnswerError (404) for a collection or document that this reader can't search; none is silently dropped."""
    try:
        searching.check_scope(
            user=question.user,
            collections=question.collections,
            document_ids=question.document_ids,
            hidden=question.conversation.attachments_id,
        )
    except UnknownCollection as error:
        raise errors.not_found("collections", error.reason.message()) from error
    except UnknownDocument as error:
        gone = errors.not_found("document_ids", error.reason.message())
        gone.details["missing"] = list(error.ids)  # of those that were asked for: more it does not tell
        raise gone from error


def open_run(question: Question) -> Answering:
    """Save the question, so that no fault behind this line can lose it.

    Raises:
        AnswerError: the question names something this reader can't use, or a selection that isn't there; or too many
            are being answered.
    """
    place = capacity.place_for_run()
    try:
        check_scope(question)
        sources = _first_sources(question)
        earlier = _earlier(question)
        return Answering(question, run=_save(question, sources), earlier=earlier, sources=sources, place=place)
    except BaseException:
        place.release()
        raise


def _first_sources(question: Question) -> dict[int, Source]:
    """What there is to cite before any search."""
    if question.continues and question.replaces:
        sources = records.read_sources(question.replaces, user=question.user)
        if len(sources) < len(question.replaces.sources):
            raise errors.invalid("continues", _("A document its answer rests on has changed; ask the question again."))
        return sources
    return assistant.selected_sources(question) if question.mode == Run.Mode.SELECTED_TEXT else {}


def _earlier(question: Question) -> list[Run]:
    """The runs this one follows up, oldest first; what it replaces is not among them."""
    runs = question.conversation.runs.current().exclude(answer="")
    if question.replaces:
        runs = runs.filter(created_at__lt=question.replaces.created_at)
    return list(runs.order_by("-created_at")[:HISTORY_RUNS])[::-1]


def _save(question: Question, sources: Mapping[int, Source]) -> Run:
    selections = list(_selections(question, sources))
    with transaction.atomic():
        if question.user.is_authenticated:  # one question at a time is counted, so that the limit holds
            get_user_model()._default_manager.select_for_update().filter(pk=question.user.pk).first()
        capacity.check_share(question.conversation)
        _save_conversation(question.conversation, question.text)
        run = Run.objects.create(
            conversation=question.conversation,
            mode=question.mode,
            question=question.text,
            selected_text="\n\n".join(selection["text"] for selection in selections),
            selections=selections,
            scope=dict(question.narrowed),
            kept=question.keep,
            checked_at=timezone.now() if question.keep else None,
            continues=question.replaces if question.continues else None,
        )
        if question.replaces:
            _replace(question.replaces, by=run)
    return run


def _selections(question: Question, sources: Mapping[int, Source]) -> Iterator[dict[str, Any]]:
    """Each selected text, with its place in a document where that is known."""
    for selected, source in zip(question.selections, sources.values(), strict=False):
        yield {"text": selected.text or source.content, **(asdict(selected.place) if selected.place else {})}


def _save_conversation(conversation: Conversation, text: str) -> None:
    """A new one, or its time of use alone: it may be renamed at the same time. One that began with a file is named
    after its first question. Raises AnswerError (404)."""
    if conversation._state.adding:
        conversation.save()
        return
    titled = {"title": title_of(text)} if attachments.is_untitled(conversation) else {}
    if not Conversation.objects.filter(pk=conversation.pk).update(updated_at=timezone.now(), **titled):
        raise errors.not_found("session_id", _("There is no conversation %s.") % conversation.pk)


def _replace(replaced: Run, *, by: Run) -> None:
    """`by` takes the place of `replaced` and of all that followed it, with their earlier versions."""
    current = by.conversation.runs.current().filter(created_at__gte=replaced.created_at).exclude(pk=by.pk)
    taken = list(current.values_list("pk", flat=True))
    by.conversation.runs.filter(Q(pk__in=taken) | Q(replaced_by__in=taken)).update(replaced_by=by)
    by.conversation.runs.filter(pk__in=taken, state=Run.State.RUNNING).update(stop_asked=True)


class Answering:
    """A question on its way to an answer: the agent that works on it, and the record of what it says."""

    def __init__(
        self, question: Question, *, run: Run, earlier: list[Run], sources: dict[int, Source], place: Place
    ) -> None:
        self.question = question
        self.run = run
        self._began = perf_counter()
        self._sources = sources
        self._search = assistant.DocumentSearch(question, sources=sources)
        self._reader = CitationReader(sources)
        self._earlier = earlier
        self._place = place
        self._stream: RunStream | None = None
        self._begun = False
        self._stopped = False
        self._citations_saved = 0
        self._checked = monotonic()

    # ---- what is asked ----

    @property
    def _agent(self) -> Agent:
        if self.question.mode == Run.Mode.SELECTED_TEXT:
            return assistant.selection_agent()
        return assistant.documents_agent(self._search)

    @property
    def _request(self) -> dict[str, Any]:
        """The arguments of `agents.run` and `agents.stream`."""
        prompt, history = self.question.text, self._history()
        if before := self._written_before:
            history += [UserMessage(prompt), AssistantMessage(before)]
            prompt = f"{GO_ON}{prompt}"
        if self.question.mode == Run.Mode.SELECTED_TEXT:
            passages = tuple(
                Passage(marker=s.marker, text=s.content, title=s.title, page=s.page) for s in self._sources.values()
            )
            return {"prompt": UserMessage(prompt, passages=passages), "history": history}
        query = search_query([*(run.question for run in self._earlier), self.question.text])
        first_search = ToolCall(id="search-1", name="search", arguments=json.dumps({"query": query}))
        return {"prompt": prompt, "history": history, "opening": [first_search]}

    @property
    def _written_before(self) -> str:
        """What this answer begins with, when it continues one."""
        return self.run.continues.answer if self.run.continues else ""

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
            for _ in self._reader.feed(self._written_before):
                pass
            for _ in self._wait_for_attachments():
                pass
            result = agents.run(self._agent, **self._request)
            for _ in chain(self._reader.feed(result.content), self._reader.end()):
                pass
            return self._close(result)
        except AnswerError:
            raise
        except asyncio.CancelledError:  # under ASGI, when the reader leaves
            self._record(Run.State.CANCELLED, error="cancelled")
            raise
        except Exception:
            self._record(Run.State.FAILED, error="internal_error")
            raise
        finally:
            self._place.release()

    def stream(self) -> Generator[Event, None, None]:
        """The answer as it comes, to the last event: `done` with the 200 body, or `error` with the error's.

        Between them comes BEAT, whenever there is nothing to tell. Close the iterator to cancel: the agent ends, and
        what was written is saved.
        """
        self._begun = True
        try:
            yield records.run_event(self.run)
            if self._sources:
                yield self._sources_event()
            yield from self._wait_for_attachments()
            yield from self._text_events(self._reader.feed(self._written_before))
            with closing(agents.stream(self._agent, **self._request)) as stream:
                self._stream = stream
                for event in stream.beating(BEAT_SECONDS):
                    if event is None:
                        yield BEAT
                    else:
                        yield from self._translate(event)
                    self._checkpoint()
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
        finally:
            self._place.release()

    def cancel(self) -> None:
        """End the agent of a stream that another thread is reading; that thread's iteration then ends by itself."""
        self._stopped = True
        if self._stream:
            self._stream.cancel()

    def close(self) -> None:
        """Record as cancelled a run whose stream nobody began to read; one that was begun records its own end."""
        if not self._begun:
            self._record(Run.State.CANCELLED, error="cancelled")
            self._place.release()

    # ---- before it is written ----

    def _wait_for_attachments(self) -> Iterator[Event]:
        """Until the files attached to the conversation have been read, or for ATTACHMENTS_WAIT_SECONDS. The run keeps
        which of them are searched, and which were not read in time."""
        conversation, until = self.question.conversation, monotonic() + settings.ATTACHMENTS_WAIT_SECONDS
        if self.question.mode != Run.Mode.RETRIEVAL or not conversation.attachments_id:
            return
        told = BEAT
        while (waiting := attachments.unread(conversation)) and monotonic() < until and not self._stopped:
            files = [{"title": file.title, "progress": file.progress} for file in waiting]
            told, before = Event("reading", {"files": files}), told
            yield BEAT if told == before else told
            sleep(BEAT_SECONDS)
            self._checkpoint()
        searched = attachments.attached(conversation).readable()
        self.run.scope |= {
            "attached": list(searched.values_list("pk", flat=True)),
            "unread": [file.pk for file in waiting],
        }

    # ---- while it is written ----

    def _checkpoint(self) -> None:
        """Now and then: save what a kept run has so far, and end one that nobody may or wants to go on."""
        seconds = CHECKPOINT_SECONDS if self.run.kept else LOOK_SECONDS
        if not self._stopped and monotonic() - self._checked >= seconds:
            self._checked = monotonic()
            try:
                self._stopped = not (self._save_so_far() if self.run.kept else self._going_on.exists())
            except OperationalError:  # a database that is locked or restarts; the answer goes on without it
                logger.warning("run %s could not be looked at", self.run.pk, exc_info=True)
        if self._stopped and self._stream:
            self._stream.cancel()  # it had perhaps not begun when it was asked to

    @property
    def _going_on(self) -> RunQuerySet:
        return Run.objects.going_on().filter(pk=self.run.pk)

    def _save_so_far(self) -> bool:
        """False when the run is not to go on."""
        with transaction.atomic():
            fields = {
                "answer": self._reader.text.lstrip(),
                "sources": self._source_records(),
                "steps": self._search.steps,
            }
            if not self._going_on.update(**fields, checked_at=timezone.now()):
                return False
            self._save_citations()
        return True

    def _save_citations(self) -> None:
        fresh = self._reader.citations[self._citations_saved :]
        records.save_citations(self.run, fresh)
        self._citations_saved += len(fresh)

    def _source_records(self) -> list[dict[str, Any]]:
        return [records.source_record(source) for source in self._sources.values()]

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
            yield (
                Event("text", {"text": piece})
                if isinstance(piece, str)
                else Event("citation", records.citation_body(piece))
            )

    def _sources_event(self) -> Event:
        return Event("sources", {"sources": [records.source_body(source) for source in self._sources.values()]})

    # ---- its end ----

    def _close(self, result: RunResult) -> dict[str, Any]:
        """Record how the run ended, and give the 200 body.

        Raises:
            AnswerError: it failed, or met a limit before a word was written.
        """
        if result.status == "completed" or (result.status == "limited" and self._reader.text):
            code = result.error.code if result.error else ""
            self._record(Run.State(result.status), error=code, result=result)
            return self._body()
        state, error = Run.State(result.status), errors.of_run(result.error)
        if state == Run.State.CANCELLED and self.run.kept and not self._stopped:  # the process ends
            state, error = Run.State.FAILED, errors.of_code("loop_stopped")
        self._record(state, error=error.code, result=result)
        raise records.with_run(error, self.run)

    def _record(self, state: Run.State, *, error: str = "", result: RunResult | None = None) -> None:
        run = self.run
        if run.state != Run.State.RUNNING:
            return
        run.state, run.error, run.ended_at = state, error, timezone.now()
        run.answer, run.answered = self._reader.text.strip(), bool(self._reader.citations)
        run.sources, run.steps = self._source_records(), self._search.steps
        run.retrieval_time_ms = round(self._search.seconds * 1000, 2)
        run.total_time_ms = round((perf_counter() - self._began) * 1000, 2)
        if result:
            run.model, run.usage = result.model, asdict(result.usage)
            run.model_time_ms = round(result.model_seconds * 1000, 2)
        with transaction.atomic():
            if Run.objects.filter(pk=run.pk).update(**{name: getattr(run, name) for name in RECORDED}):
                self._save_citations()  # otherwise its conversation has been deleted

    def _body(self) -> dict[str, Any]:
        sources = [records.source_body(source) for source in self._sources.values()]
        return records.answer_body(
            self.run, sources=sources, citations=[records.citation_body(c) for c in self._reader.citations]
        )


def _count(value: object) -> dict[str, int]:
    """How much a search found, for the reader who waits."""
    return {"passages": len(value["passages"])} if isinstance(value, dict) and "passages" in value else {}
