"""Runs as a reader sees them: Markdown made safe, markers made links, and only what this reader may still read."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import nh3
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from chatsite import assistant, errors, formulas, suggestions
from chatsite.embeds import AROUND_A_QUOTE, EmbedSite
from chatsite.models import Citation, Run
from chatsite.outline import Place, excerpt_of, sections
from retrieval.models import Chunk, Collection, Document, User

EXCERPT_CHARACTERS = 200


class _Link(Protocol):
    def __call__(self, document: Document, *, start: int, end: int) -> str: ...


@dataclass(frozen=True, slots=True)
class CitationView:
    """A citation in the list under an answer; its place is its `page`, or in a document without pages its `section`,
    the path of headings above it. `gone`: deleted, or no longer this reader's to read.
    """

    marker: int
    title: str
    page: int | None
    quote: str
    url: str
    section: str = ""
    in_selection: bool = False
    gone: bool = False
    changed: bool = False


@dataclass(frozen=True, slots=True)
class NearestView:
    """A passage that was found and is not cited."""

    title: str
    page: int | None
    section: str
    excerpt: str
    url: str


@dataclass(frozen=True, slots=True)
class SelectionView:
    """A text that was asked about, cut where the words begin and end that the answer rests on (`cited` is true)."""

    parts: Sequence[tuple[str, bool]]
    url: str = ""
    title: str = ""
    document_id: int | None = None
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class StepView:
    """One search of the agent, and what came of it."""

    query: str
    passages: int
    failed: bool
    milliseconds: float


@dataclass(frozen=True, slots=True)
class ScopeView:
    """What a search was narrowed to, as far as its reader may see it: collections as slug and name, documents as id and
    title (empty: gone), and titles of attached files that were searched too, or were not read in time."""

    collections: Sequence[tuple[str, str]] = ()
    documents: Sequence[tuple[int, str]] = ()
    languages: Sequence[str] = ()
    since: str = ""
    until: str = ""
    attached: Sequence[str] = ()
    unread: Sequence[str] = ()

    @property
    def as_json(self) -> str:
        """What the question is asked with again."""
        documents = [{"id": pk, "title": title} for pk, title in self.documents]
        return json.dumps({"collections": [slug for slug, _name in self.collections], "documents": documents})


@dataclass(frozen=True, slots=True)
class RunView:
    """One question and its answer, for `fragments/run.html`."""

    id: str
    question: str
    mode: str
    state: str
    model: str  # empty when nobody wrote it: sentences were quoted
    answered: bool
    answer_html: SafeString
    error_message: str = ""
    selections: Sequence[SelectionView] = ()
    citations: Sequence[CitationView] = ()
    nearest: Sequence[NearestView] = ()
    also_read: Sequence[NearestView] = ()
    steps: Sequence[StepView] = ()
    scope: ScopeView = ScopeView()
    milliseconds: float = 0
    model_milliseconds: float = 0
    helpful: bool | None = None
    can_continue: bool = False
    earlier: Sequence[RunView] = ()
    follow_ups: Sequence[str] = ()
    copy_text: str = ""
    answer: str = ""  # Markdown
    all_readable: bool = True  # every document that its sources or citations name may be read
    is_withheld: bool = False

    @property
    def selected_text(self) -> str:
        return "\n\n".join("".join(text for text, _cited in selection.parts) for selection in self.selections)

    def withheld(self) -> RunView:
        """The question alone, for a reader who may not read what its answer rests on."""
        return RunView(
            id=self.id,
            question=self.question,
            mode=self.mode,
            state=self.state,
            model="",
            answered=False,
            answer_html=SafeString(""),
            is_withheld=True,
        )

    def shared(self) -> RunView:
        """The answer as others see it: nothing to do with it, and nothing of how it came about."""
        return replace(
            self, steps=(), scope=ScopeView(), earlier=(), follow_ups=(), helpful=None, also_read=(), can_continue=False
        )


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


# ---- Markdown --------------------------------------------------------------------------------------------------------
def answer_html(text: str, citations: Sequence[CitationView]) -> SafeString:
    """An answer's Markdown as HTML that is safe to show: no raw HTML, no images, no scripts, http(s) links only.

    `citations` are in the order of the markers in `text`, as they were recorded.
    """
    html = _markdown.render(text, {"citations": iter(citations)})
    return mark_safe(  # noqa: S308 (nh3 has cleaned it)
        nh3.clean(
            html,
            tags=_TAGS,
            attributes=_ATTRIBUTES,
            url_schemes={"http", "https", "mailto"},
            link_rel="noopener noreferrer nofollow",
        )
    )


_ATTRIBUTES = formulas.ELEMENTS | {
    "a": {"href", "class", "title", "data-citation", "data-marker", "aria-label"},
    "span": {"class", "title", "data-marker", "data-tex", "tabindex"},
    "ol": {"start"},
}
_TAGS = set(formulas.ELEMENTS) | set(
    "p br hr strong em del code pre blockquote ul ol li h1 h2 h3 h4 h5 h6 table thead tbody tr th td a span sup".split()
)


def _marker_rule(state: StateInline, silent: bool) -> bool:
    """`[2]`, outside of code, where the Markdown parser has found no link in it."""
    close = state.src.find("]", state.pos, state.pos + 5)
    number = state.src[state.pos + 1 : close]
    if state.src[state.pos] != "[" or close < 0 or not number.isdecimal():
        return False
    if not silent:
        state.push("citation", "", 0).content = number
    state.pos = close + 1
    return True


def _render_citation(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    marker = tokens[index].content
    citation: CitationView | None = next(env["citations"], None)
    if citation is None or str(citation.marker) != marker:
        return f"[{marker}]"
    if citation.gone or not citation.url:
        return format_html(
            '<span class="citation" title="{}" data-marker="{}" tabindex="0">{}</span>',
            citation.quote or citation.title,
            marker,
            marker,
        )
    return format_html(
        '<a class="citation" href="{}" data-citation data-marker="{}" title="{}" aria-label="{}">{}</a>',
        citation.url,
        marker,
        citation.quote,
        _("Citation %(marker)s: %(title)s") % {"marker": marker, "title": citation.title},
        marker,
    )


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")
    formulas.enable(parser)
    parser.inline.ruler.before("link", "citation", _marker_rule)
    parser.add_render_rule("citation", _render_citation)
    return parser


_markdown = _parser()
