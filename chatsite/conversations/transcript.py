"""Runs as a reader sees them: Markdown made safe, markers made links, and only what this reader may still read."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from django.utils.text import Truncator
from django.utils.translation import gettext as _

from chatsite import errors
from chatsite.answering import assistant
from chatsite.asking import suggestions
from chatsite.conversations.markdown import answer_html
from chatsite.conversations.run_views import CitationView, NearestView, RunView, ScopeView, SelectionView, StepView
from chatsite.documents.outline import Place, excerpt_of, sections
from chatsite.models import Citation, EmbedSite, Run
from chatsite.models.embed_sites import AROUND_A_QUOTE
from retrieval.models import Chunk, Collection, Document, User

EXCERPT_CHARACTERS = 200


class _Link(Protocol):
    def __call__(self, document: Document, *, start: int, end: int) -> str: ...


@dataclass(frozen=True, slots=True)
class _Readable:
    """What this reader may still see of what some runs cited and found."""

    documents: dict[int, Document]
    chunks: dict[uuid.UUID, Chunk]  # of what was found and is not cited
    collections: dict[str, str]  # names by slug
    sections: dict[tuple[int, int], str]  # by document and character
    link: _Link


def reader_url(document: Document, *, start: int, end: int) -> str:
    """Where the reader opens `document` with characters `start` to `end` highlighted."""
    return f"{document.get_absolute_url()}?start={start}&end={end}#quote"


def run_views(
    runs: Iterable[Run], *, user: User, asked: Iterable[str] | None = None, site: EmbedSite | None = None
) -> list[RunView]:
    """`runs` (with citations and feedback fetched) as `user` may see them, or the visitors of an embedded `site`: in as
    many queries, however many they are.

    Those that another one has taken the place of stand in it, as its earlier versions. Follow-ups are suggested for the
    last, leaving out what was `asked` (by default: in these runs); to visitors, only from what they may open.
    """
    runs = list(runs)
    cited = {citation.document_id for run in runs for citation in run.citations.all()}
    found = {source["document_id"] for run in runs for source in run.sources}
    named = {pk for run in runs for name in _SCOPED_DOCUMENTS for pk in run.scope.get(name, ())}
    visible = site.documents() if site else Document.objects.visible_to(user)
    documents = visible.in_bulk([pk for pk in cited | found | named if pk])
    uncited = [source["chunk_id"] for run in runs for source in _uncited(run) if source["chunk_id"]]
    chunks = Chunk.objects.filter(document__in=documents).in_bulk(uncited)
    pageless = [place for place in _places(runs, documents, chunks.values()) if not place[0].page_count]
    readable = _Readable(
        documents, chunks, _collection_names(runs, user), sections(pageless), site.quote_url if site else reader_url
    )
    views = [_run_view(run, readable) for run in runs]
    if runs and runs[-1].answered:
        known = [run.question for run in runs] if asked is None else asked
        opened = AROUND_A_QUOTE if site else None
        follow_ups = suggestions.follow_ups(runs[-1], documents=documents, asked=known, within=opened)
        views[-1] = replace(views[-1], follow_ups=follow_ups)
    return _nested(runs, views)


_SCOPED_DOCUMENTS = ("document_ids", "attached", "unread")


def _collection_names(runs: Iterable[Run], user: User) -> dict[str, str]:
    """The names, by slug, of the collections that `runs` were narrowed to, as far as `user` may search them."""
    slugs = {slug for run in runs for slug in run.scope.get("collections", ())}
    visible = Collection.objects.visible_to(user).filter(slug__in=slugs).order_by("slug")
    return dict(visible.values_list("slug", "name")) if slugs else {}


def _places(runs: Iterable[Run], documents: dict[int, Document], chunks: Iterable[Chunk]) -> Iterator[Place]:
    """Where the citations of `runs` and `chunks` stand, in documents that are as they were."""
    for citation in (citation for run in runs for citation in run.citations.all()):
        document = documents.get(citation.document_id or 0)
        if document and document.live_hash == citation.content_hash:
            yield document, citation.start
    for chunk in chunks:
        yield documents[chunk.document_id], chunk.start


def _nested(runs: Sequence[Run], views: Sequence[RunView]) -> list[RunView]:
    """Each with its earlier versions in it: what was continued is a part of what continues it, and no version."""
    shown = {run.pk for run in runs}
    continued = {run.continues_id for run in runs}
    earlier: dict[uuid.UUID, list[RunView]] = {}
    for run, view in zip(runs, views, strict=True):
        if run.replaced_by_id in shown and run.pk not in continued:
            earlier.setdefault(run.replaced_by_id, []).append(view)
    return [
        replace(view, earlier=earlier.get(run.pk, ()))
        for run, view in zip(runs, views, strict=True)
        if run.replaced_by_id not in shown
    ]


def _uncited(run: Run) -> list[dict[str, Any]]:
    """What a search found and the answer does not cite."""
    if run.mode != Run.Mode.RETRIEVAL:
        return []
    markers = {citation.marker for citation in run.citations.all()}
    return [source for source in run.sources if source["marker"] not in markers]


def _run_view(run: Run, readable: _Readable) -> RunView:
    citations = [_citation_view(citation, readable) for citation in run.citations.all()]
    uncited = list(_nearest(run, readable))
    feedback = getattr(run, "feedback", None)
    cut_short = run.state not in (Run.State.RUNNING, Run.State.COMPLETED)
    return RunView(
        id=str(run.pk),
        question=run.question,
        mode=run.mode,
        state=run.state,
        model="" if run.model == assistant.EXTRACTIVE else run.model,
        answered=run.answered,
        answer_html=answer_html(run.answer, citations),
        error_message=errors.message_of(run.error) if run.error else "",
        selections=list(_selections(run, readable)),
        citations=_distinct(citations),
        nearest=[] if run.answered else uncited,
        also_read=uncited if run.answered else [],
        steps=[StepView(s["query"], s["passages"], s["failed"], s["ms"]) for s in run.steps],
        scope=_scope(run.scope, readable),
        milliseconds=run.total_time_ms,
        model_milliseconds=run.model_time_ms,
        helpful=feedback.helpful if feedback else None,
        can_continue=cut_short and bool(run.answer),
        copy_text=_copy_text(run, citations),
        answer=run.answer,
        all_readable=_all_readable(run, readable.documents),
    )


def _scope(scope: Mapping[str, Any], readable: _Readable) -> ScopeView:
    titles = {pk: document.title for pk, document in readable.documents.items()}
    return ScopeView(
        collections=[(slug, readable.collections.get(slug, "")) for slug in scope.get("collections", ())],
        documents=[(pk, titles.get(pk, "")) for pk in scope.get("document_ids", ())],
        languages=scope.get("languages", ()),
        since=scope.get("since", ""),
        until=scope.get("until", ""),
        attached=[titles[pk] for pk in scope.get("attached", ()) if pk in titles],
        unread=[titles[pk] for pk in scope.get("unread", ()) if pk in titles],
    )


def _all_readable(run: Run, documents: dict[int, Document]) -> bool:
    """Also what was replaced or deleted since counts as not readable: nobody can tell any more who might."""
    named = {source["document_id"] for source in run.sources} - {None}
    named |= {c.document_id for c in run.citations.all() if c.document_id or c.content_hash}
    return named <= set(documents)


def _copy_text(run: Run, citations: Sequence[CitationView]) -> str:
    """The answer's Markdown with its sources below, to be pasted elsewhere."""
    lines = {f"[{c.marker}] {_place(c)}" for c in citations if not c.gone}
    listed = sorted(lines, key=lambda line: (int(line[1 : line.index("]")]), line))
    return "\n\n".join(filter(None, [run.answer, "\n".join(listed)]))


def _place(citation: CitationView) -> str:
    place = _("page %(page)s") % {"page": citation.page} if citation.page else citation.section
    return f"{', '.join(filter(None, [citation.title, place]))}: “{' '.join(citation.quote.split())}”"


def _citation_view(citation: Citation, readable: _Readable) -> CitationView:
    document = readable.documents.get(citation.document_id or 0)
    if document is None:
        own = citation.in_selection and not citation.content_hash  # selected outside any document
        title = _("Your selection") if own else _("A document that is no longer available")
        quote = citation.quote if own else ""
        return CitationView(citation.marker, title, None, quote, "", in_selection=citation.in_selection, gone=not own)
    return CitationView(
        marker=citation.marker,
        title=document.title,
        page=citation.page,
        quote=citation.quote,
        url=readable.link(document, start=citation.start, end=citation.end),
        section=readable.sections.get((document.pk, citation.start), ""),
        in_selection=citation.in_selection,
        changed=document.live_hash != citation.content_hash,
    )


def _selections(run: Run, readable: _Readable) -> Iterator[SelectionView]:
    """The selected texts of `run`; which words are cited is known of those that were kept one by one."""
    for marker, selection in enumerate(run.selected, start=1):
        start = selection.get("start", 0)
        cited = [(c.start - start, c.end - start) for c in run.citations.all() if c.marker == marker and run.selections]
        document = readable.documents.get(selection.get("document_id") or 0)
        place = {key: selection[key] for key in ("document_id", "start", "end")} if document else {}
        yield SelectionView(
            parts=list(_cut(selection["text"], cited)),
            url=readable.link(document, start=selection["start"], end=selection["end"]) if document else "",
            title=document.title if document else "",
            **place,
        )


def _cut(text: str, cited: Sequence[tuple[int, int]]) -> Iterator[tuple[str, bool]]:
    """`text` in parts, each with whether it is cited. Quotes that overlap are one part."""
    at = 0
    for start, end in sorted(cited):
        start, end = max(at, start), min(end, len(text))
        if start >= end:
            continue
        if at < start:
            yield text[at:start], False
        yield text[start:end], True
        at = end
    if text[at:]:
        yield text[at:], False


def _distinct(citations: Iterable[CitationView]) -> list[CitationView]:
    """Each cited place once, in the order of the answer."""
    return list({(c.marker, c.quote, c.url): c for c in citations}.values())


def _nearest(run: Run, readable: _Readable) -> Iterator[NearestView]:
    for source in _uncited(run):
        document = readable.documents.get(source["document_id"])
        chunk = readable.chunks.get(uuid.UUID(source["chunk_id"]))
        if document and chunk:
            yield NearestView(
                title=document.title,
                page=document.page_at(chunk.start),
                section=readable.sections.get((document.pk, chunk.start), ""),
                excerpt=Truncator(excerpt_of(chunk.text)).chars(EXCERPT_CHARACTERS),
                url=readable.link(document, start=source["start"], end=source["end"]),
            )
