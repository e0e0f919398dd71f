"""Runs as a reader sees them: Markdown made safe, markers made links, and only what this reader may still read."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from chatsite import errors
from chatsite.answering.sight import CitationView, Sight, as_asked
from chatsite.asking import suggestions
from chatsite.conf import EXTRACTIVE
from chatsite.conversations.markdown import answer_html
from chatsite.conversations.neutral import SOURCES_LEVEL, neutral_line, neutral_markdown
from chatsite.conversations.run_views import RunView, ScopeView, SelectionView, StepView
from chatsite.conversations.uncited import has_uncited
from chatsite.documents.excerpts import Excerpt, excerpt_of
from chatsite.documents.outline import Place, sections
from chatsite.models import Citation, Run
from chatsite.reader import Reader
from chatsite.tools.shown import ToolView, tools_of_runs
from retrieval.models import Chunk, Collection
from retrieval.namesakes import full_name

EXCERPT_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class _Seen:
    """What this reader may see now of some runs, and what their pages show of it besides."""

    sight: Sight
    chunks: dict[uuid.UUID, Chunk]  # of what was found and is not cited
    collections: dict[str, str]  # names by slug
    sections: dict[tuple[int, int], str]  # by document and character
    tools: dict[uuid.UUID, list[ToolView]]  # by run


def run_views(
    runs: Iterable[Run], *, reader: Reader, asked: Iterable[str] | None = None, suggests: bool = True
) -> list[RunView]:
    """Return `runs` (with citations and feedback fetched) as `reader` may see them: in as many queries, however many
    they are.

    Those that another one has taken the place of stand in it, as its earlier versions. Follow-ups are suggested for the
    last, starters where that is small talk, leaving out what was `asked` (by default: in these runs); to visitors, only
    from what they may open.
    """
    runs = list(runs)
    sight = Sight.of(runs, reader=reader)
    uncited = [source["chunk_id"] for run in runs for source in _uncited(run)]
    chunks = Chunk.objects.filter(document__in=sight.documents).in_bulk(uncited)
    pageless = [place for place in _places(runs, sight, chunks.values()) if not place[0].page_count]
    seen = _Seen(sight, chunks, _collection_names(runs, reader), sections(pageless), tools_of_runs(runs))
    views = [_run_view(run, seen) for run in runs]
    if suggests and runs and (views[-1].answered or runs[-1].small_talk):
        known = [run.question for run in runs] if asked is None else asked
        views[-1] = replace(views[-1], follow_ups=_suggested(runs[-1], sight, known))
    return _nested(runs, views)


def _suggested(run: Run, sight: Sight, asked: Iterable[str]) -> list[str]:
    if run.small_talk:
        return suggestions.starters(sight.reader, asked=asked)
    return suggestions.follow_ups(run, reader=sight.reader, documents=sight.documents, asked=asked)


def _collection_names(runs: Iterable[Run], reader: Reader) -> dict[str, str]:
    """Return the names, by slug, of the collections that `runs` were narrowed to, as far as they may be searched."""
    slugs = {slug for run in runs for slug in run.scope.get("collections", ())}
    visible = Collection.objects.visible_to(reader.user).filter(slug__in=slugs).order_by("slug")
    return dict(visible.values_list("slug", "name")) if slugs else {}


def _places(runs: Iterable[Run], sight: Sight, chunks: Iterable[Chunk]) -> Iterator[Place]:
    """Yield where the citations of `runs` and `chunks` stand, in documents that are as they were."""
    for citation in (citation for run in runs for citation in run.citations.all()):
        document = sight.documents.get(citation.document_id or 0)
        if document and document.live_hash == citation.content_hash:
            yield document, citation.start
    for chunk in chunks:
        yield sight.documents[chunk.document_id], chunk.start


def _nested(runs: Sequence[Run], views: Sequence[RunView]) -> list[RunView]:
    """Return each with its earlier versions in it: what was continued is a part of what continues it, and no
    version."""
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
    """Return what a search found and the answer does not cite; nothing for small talk, which asks for none of it."""
    if run.mode != Run.Mode.RETRIEVAL or run.small_talk:
        return []
    markers = {citation.marker for citation in run.citations.all()}
    found = [source for source in run.sources if source["chunk_id"]]  # and no tool has given
    return [source for source in found if source["marker"] not in markers]


def _step_view(step: Mapping[str, Any], words: Set[str]) -> StepView:
    query, corrections = as_asked(step, words=words)
    named = step.get("step", "")
    return StepView(query, step["passages"], step["failed"], step["ms"], step.get("left_out", 0), corrections, named)


def _run_view(run: Run, seen: _Seen) -> RunView:
    citations = [_citation_view(citation, seen) for citation in run.citations.all()]
    uncited = list(_nearest(run, seen))
    feedback = getattr(run, "feedback", None)
    cut_short = run.state not in (Run.State.RUNNING, Run.State.WAITING, Run.State.COMPLETED)
    readable = seen.sight.may_read(run)
    by_model = run.model != EXTRACTIVE and not settings.FREE_CHAT
    shown = answer_html(run.answer, citations, marks_uncited=by_model and bool(citations))
    view = RunView(
        id=str(run.pk),
        question=run.question,
        mode=run.mode,
        state=run.state,
        model="" if run.model == EXTRACTIVE else run.model,
        answered=run.answered,
        answer_html=shown,
        small_talk=run.small_talk,
        error_message=errors.message_of(run.error) if run.error else "",
        selections=list(_selections(run, seen)),
        citations=_distinct(citations),
        nearest=[] if run.answered else uncited,
        also_read=uncited if run.answered else [],
        steps=[_step_view(step, seen.sight.words if readable else frozenset()) for step in run.steps],
        scope=_scope(run.scope, seen),
        milliseconds=run.total_time_ms,
        model_milliseconds=run.model_time_ms,
        helpful=feedback.helpful if feedback else None,
        can_continue=cut_short and bool(run.answer),
        copy_text=_copy_text(run, citations),
        answer=run.answer,
        has_uncited=has_uncited(shown),
        is_unsupported=by_model and cut_short and bool(run.answer) and not (citations or run.unsupported),
        unsupported=run.unsupported,
        unsupported_html=answer_html(run.unsupported, ()) if run.unsupported else None,
        is_personal=run.personal,
        tools=seen.tools.get(run.pk, ()) if seen.sight.is_readers(run) else (),
        history_readable=seen.sight.has_all(set(run.history_documents)),
    )
    if readable and seen.sight.is_readers(run):
        return view
    return view.withheld(readable=sum(source["document_id"] in seen.sight.documents for source in run.sources))


def _scope(scope: Mapping[str, Any], seen: _Seen) -> ScopeView:
    sight = seen.sight
    titles = {pk: full_name(document, sight.beside.get(pk, "")) for pk, document in sight.documents.items()}
    return ScopeView(
        collections=[(slug, seen.collections.get(slug, "")) for slug in scope.get("collections", ())],
        documents=[(pk, titles.get(pk, "")) for pk in scope.get("document_ids", ())],
        languages=scope.get("languages", ()),
        since=scope.get("since", ""),
        until=scope.get("until", ""),
        attached=[titles[pk] for pk in scope.get("attached", ()) if pk in titles],
        unread=[titles[pk] for pk in scope.get("unread", ()) if pk in titles],
    )


def _copy_text(run: Run, citations: Sequence[CitationView]) -> str:
    """Return the answer's Markdown with its sources below, to be pasted elsewhere: under a heading that an answer
    can't write."""
    lines = {f"[{c.marker}] {neutral_line(_place(c))}" for c in citations if not c.gone}
    listed = sorted(lines, key=lambda line: (int(line[1 : line.index("]")]), line))
    heading = [f"{'#' * SOURCES_LEVEL} {_('Sources')}"] if listed else []
    return "\n\n".join(filter(None, [neutral_markdown(run.answer), *heading, "\n".join(listed)]))


def _place(citation: CitationView) -> str:
    place = _("page %(page)s") % {"page": citation.page_label} if citation.page_label else citation.section
    place = citation.looked_up or place
    return f"{', '.join(filter(None, [citation.name, place]))}: “{' '.join(citation.quote.split())}”"


def _citation_view(citation: Citation, seen: _Seen) -> CitationView:
    return seen.sight.citation(
        citation.marker,
        document_id=citation.document_id,
        content_hash=citation.content_hash,
        quote=citation.quote,
        start=citation.start,
        end=citation.end,
        page=citation.page,
        section=seen.sections.get((citation.document_id or 0, citation.start), ""),
        in_selection=citation.in_selection,
    )


def _selections(run: Run, seen: _Seen) -> Iterator[SelectionView]:
    """Yield the selected texts of `run`; which words are cited is known of those that were kept one by one."""
    for marker, selection in enumerate(run.selected, start=1):
        start = selection.get("start", 0)
        cited = [(c.start - start, c.end - start) for c in run.citations.all() if c.marker == marker and run.selections]
        document = seen.sight.documents.get(selection.get("document_id") or 0)
        if document is None and selection.get("document_id"):
            yield SelectionView(parts=(), is_withheld=True)
            continue
        place = {key: selection[key] for key in ("document_id", "start", "end")} if document else {}
        yield SelectionView(
            parts=list(_cut(selection["text"], cited)),
            url=seen.sight.reader.link(document.pk, start=selection["start"], end=selection["end"]) if document else "",
            title=full_name(document, seen.sight.beside.get(document.pk, "")) if document else "",
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
    """Return each cited place once, in the order of the answer."""
    return list({(c.marker, c.quote, c.url): c for c in citations}.values())


def _nearest(run: Run, seen: _Seen) -> Iterator[Excerpt]:
    for source in _uncited(run):
        document = seen.sight.documents.get(source["document_id"])
        chunk = seen.chunks.get(uuid.UUID(source["chunk_id"]))
        if document and chunk:
            yield Excerpt(
                title=document.title,
                page_label=document.page_label(document.page_at(chunk.start)),
                section=seen.sections.get((document.pk, chunk.start), ""),
                excerpt=Truncator(excerpt_of(chunk.text)).chars(EXCERPT_CHARACTERS),
                url=seen.sight.reader.link(document.pk, start=source["start"], end=source["end"]),
                beside=seen.sight.beside.get(document.pk, ""),
            )
