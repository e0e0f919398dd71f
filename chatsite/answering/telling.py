"""A run as it stands in SQL, and as the API tells it.

While a run is under way its row is brought up to date about once a second, in the shape it has at its end: the answer
so far, its sources, its citations. So a killed process loses a second at most, and any other process can tell the run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from chatsite import errors
from chatsite.answering.citations import Citation, Source
from chatsite.errors import AnswerError
from chatsite.models import Citation as CitationRow
from chatsite.models import Run
from retrieval.models import Document, User
from retrieval.texts import document_text


@dataclass(frozen=True, slots=True)
class Event:
    """A step of an answer as the stream tells it: `run`, `text`, `tool_call`, `tool_result`, `sources`, `citation`,
    and at the end `done` or `error`.
    """

    name: str
    body: dict[str, Any]


BEAT = Event("beat", {})  # nothing has happened for a while


# ---- to the API ------------------------------------------------------------------------------------------------------
def run_event(run: Run) -> Event:
    return Event("run", {"run_id": str(run.pk), "session_id": str(run.conversation_id)})


def source_body(source: Source) -> dict[str, Any]:
    fields = "chunk_id document_id title section url page start end content score".split()
    return {field: getattr(source, field) for field in fields}


def citation_body(citation: Citation) -> dict[str, Any]:
    return {
        "marker": citation.marker,
        "source": citation.marker - 1,
        "quote": citation.quote,
        "start": citation.start,
        "end": citation.end,
    }


def answer_body(run: Run, *, sources: list[dict[str, Any]], citations: list[dict[str, Any]]) -> dict[str, Any]:
    """The API's 200 body."""
    return {
        "answer": run.answer,
        "mode_used": run.mode,
        "answered": run.answered,
        "model": run.model,
        "session_id": str(run.conversation_id),
        "run_id": str(run.pk),
        "sources": sources,
        "citations": citations,
        "retrieval_time_ms": run.retrieval_time_ms,
        "model_time_ms": run.model_time_ms,
        "total_time_ms": run.total_time_ms,
        "usage": run.usage,
    }


def with_run(error: AnswerError, run: Run) -> AnswerError:
    """`error`, naming the run it is about, with what there is of its answer."""
    error.details |= {"run_id": str(run.pk), "session_id": str(run.conversation_id)}
    if run.answer:
        error.details["answer"] = run.answer
    return error


# ---- to SQL ----------------------------------------------------------------------------------------------------------
def source_record(source: Source) -> dict[str, Any]:
    """What the run keeps of a source; its title and text stay with the document, and so with who may read it."""
    fields = "marker chunk_id document_id section page start end score content_hash".split()
    return {field: getattr(source, field) for field in fields}


def save_citations(run: Run, citations: Sequence[Citation]) -> None:
    """A document deleted since the search is None in the row of its citation."""
    cited = Document.objects.in_bulk({c.source.document_id for c in citations} - {None})
    CitationRow.objects.bulk_create([_citation_row(citation, run, cited) for citation in citations])


def _citation_row(citation: Citation, run: Run, documents: Mapping[int, Document]) -> CitationRow:
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


# ---- from SQL --------------------------------------------------------------------------------------------------------
def read_sources(run: Run, *, user: User) -> dict[int, Source]:
    """The run's sources by number, as far as `user` may still read them, with their text as it is today; those of a run
    on an embedded site's pages as far as that site may still cite them.
    """
    site = run.conversation.embed_site
    readable = site.documents() if site else Document.objects.visible_to(user).readable()
    documents = readable.in_bulk(_document_ids(run))
    return {
        record["marker"]: source
        for record in run.sources
        if (source := _read_source(record, run=run, document=documents.get(record["document_id"])))
    }


def _document_ids(run: Run) -> set[int]:
    return {record["document_id"] for record in run.sources} - {None}


def _read_source(record: Mapping[str, Any], *, run: Run, document: Document | None) -> Source | None:
    kept = {key: record[key] for key in record if key in Source.__dataclass_fields__}
    start, end = record["start"], record["end"]
    if record["document_id"] is None:
        text = run.selected[record["marker"] - 1]["text"]
        return Source(**kept, content=text, title=_("Your selection"))
    if document is None or document.live_hash != record["content_hash"]:
        return None
    content = document_text(document, start=start, end=end)
    site = run.conversation.embed_site
    if site:
        url = site.passage_url(document.pk, start=start, end=end)
    else:
        url = f"{document.get_absolute_url()}?start={start}&end={end}"
    return Source(**kept, content=content, title=document.title, url=url)


_GONE = {"title": "", "section": "", "url": None, "content": ""}


def source_bodies(run: Run, *, user: User) -> list[dict[str, Any]]:
    """As the stream told them, but empty where `user` may no longer read one."""
    sources = read_sources(run, user=user)
    bodies = []
    for record in run.sources:
        kept = {key: record[key] for key in record if key not in ("marker", "content_hash")}
        source = sources.get(record["marker"])
        bodies.append(source_body(source) if source else kept | _GONE)
    return bodies


def citation_bodies(run: Run, *, sources: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """`run`'s citations (prefetched), without the quote where the source is empty."""
    return [
        {
            "marker": row.marker,
            "source": row.marker - 1,
            "quote": row.quote if _has_content(sources, row.marker - 1) else "",
            "start": row.start,
            "end": row.end,
        }
        for row in run.citations.all()
    ]


def _has_content(sources: Sequence[Mapping[str, Any]], position: int) -> bool:
    return position < len(sources) and bool(sources[position]["content"])


class Retelling:
    """Tells a run from its row: each time what has been added since the last time, as the stream would have."""

    def __init__(self, *, user: User) -> None:
        self._user = user
        self._characters = 0
        self._steps = self._citations = 0
        self._sources: list[dict[str, Any]] = []

    def tell(self, run: Run) -> Iterator[Event]:
        """What is new in `run`, whose citations are prefetched; behind the last, `done` or `error`."""
        for step in run.steps[self._steps :]:
            yield Event("tool_call", {"name": "search", "arguments": json.dumps({"query": step["query"]})})
            yield Event("tool_result", {"name": "search", "failed": step["failed"], "passages": step["passages"]})
        self._steps = len(run.steps)
        if len(run.sources) > len(self._sources):
            self._sources = source_bodies(run, user=self._user)
            yield Event("sources", {"sources": self._sources})
        citations = citation_bodies(run, sources=self._sources)
        yield from self._text(run.answer[self._characters :], citations[self._citations :])
        self._characters = max(self._characters, len(run.answer))
        self._citations = len(citations)
        if run.state != Run.State.RUNNING:
            yield self._end(run, citations)

    def _text(self, text: str, citations: list[dict[str, Any]]) -> Iterator[Event]:
        """Each citation right behind its marker."""
        at = 0
        for citation in citations:
            marker = re.compile(rf"\[{citation['marker']}\]")
            if found := marker.search(text, at):
                yield Event("text", {"text": text[at : found.end()]})
                at = found.end()
            yield Event("citation", citation)
        if text[at:]:
            yield Event("text", {"text": text[at:]})

    def _end(self, run: Run, citations: list[dict[str, Any]]) -> Event:
        if run.state == Run.State.COMPLETED or (run.state == Run.State.LIMITED and run.answer):
            return Event("done", answer_body(run, sources=self._sources, citations=citations))
        return Event("error", with_run(errors.of_code(run.error), run).body())
