"""What a reader may see now of some runs: rights are asked when something is shown, not only when it was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

from django.utils.translation import gettext as _

from chatsite.models import Run
from chatsite.reader import Reader
from retrieval.models import Document
from retrieval.namesakes import told_apart
from retrieval.searching.passages import Passage
from retrieval.texts import document_text


@dataclass(frozen=True, slots=True)
class SourceView:
    """A numbered passage that an answer was given from, as its reader may see it; without text, title and address when
    it is deleted, replaced, or no longer this reader's to read. `beside` tells its document from another one of the
    same title."""

    passage: Passage
    url: str | None = None
    beside: str = ""

    def body(self) -> dict[str, Any]:
        """Return it as the API tells it."""
        fields = "chunk_id document_id title section page page_label start end score".split()
        told = {field: getattr(self.passage, field) for field in fields}
        return told | {"beside": self.beside, "url": self.url, "content": self.passage.text}


@dataclass(frozen=True, slots=True)
class CitationView:
    """A citation as its reader may see it; its place is its `page`, with `page_label` printed as the number, or in a
    document without pages its `section`, the path of headings above it. `beside` tells its document from another one of
    the same title. `gone`: deleted, or no longer this reader's to read. `changed`: the document's text is another by
    now.
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
    start: int = 0
    end: int = 0
    page_label: str = ""
    beside: str = ""

    @property
    def name(self) -> str:
        """Return its document's title, told apart from others."""
        return f"{self.title} ({self.beside})" if self.beside else self.title

    def body(self) -> dict[str, Any]:
        """Return it as the API tells it; without the quote where its source isn't shown."""
        return {
            "marker": self.marker,
            "source": self.marker - 1,
            "quote": "" if self.gone or self.changed else self.quote,
            "start": self.start,
            "end": self.end,
            "title": self.title,
            "beside": self.beside,
            "page": self.page,
            "page_label": self.page_label,
            "url": self.url or None,
        }


@dataclass(frozen=True, slots=True)
class Sight:
    """The documents that some runs name, as far as `reader` could read them at `looked` (`time.monotonic`): in one
    query, however many runs."""

    reader: Reader
    documents: Mapping[int, Document]
    beside: Mapping[int, str] = field(default_factory=dict)  # what tells those of one title apart, by id
    looked: float = field(default_factory=monotonic)

    @classmethod
    def of(cls, runs: Iterable[Run], *, reader: Reader) -> Sight:
        """Return the sight of runs as they are recorded, with what they cite (best prefetched) and searched in."""
        return cls._seeing({pk for run in runs for pk in documents_of(run)}, reader)

    @classmethod
    def of_passages(cls, passages: Iterable[Passage], *, reader: Reader) -> Sight:
        """Return the sight of passages that were just found."""
        return cls._seeing(_named(passages), reader)

    @classmethod
    def _seeing(cls, ids: set[int], reader: Reader) -> Sight:
        documents = reader.documents().select_related("collection").in_bulk(list(ids)) if ids else {}
        return cls(reader, documents, told_apart(documents.values()))

    def covers(self, passages: Iterable[Passage]) -> bool:
        """Say whether every document of `passages` was found."""
        return _named(passages) <= self.documents.keys()

    def source(self, passage: Passage) -> SourceView:
        """Return `passage` as it may be seen; its text is looked up where only its place is known."""
        if passage.document_id is None:
            return SourceView(passage)
        document = self.documents.get(passage.document_id)
        if document is None or document.live_hash != passage.content_hash:
            return SourceView(replace(passage, title="", section="", text="", page_label=""))
        start, end = passage.start, passage.end
        text = passage.text or document_text(document, start=start, end=end)
        url = self.reader.link(document.pk, start=start, end=end)
        label = document.page_label(passage.page)
        shown = replace(passage, title=document.title, text=text, page_label=label)
        return SourceView(shown, url, self.beside.get(document.pk, ""))

    def citation(
        self,
        marker: int,
        *,
        document_id: int | None,
        content_hash: str,
        quote: str,
        start: int,
        end: int,
        page: int | None = None,
        section: str = "",
        in_selection: bool = False,
    ) -> CitationView:
        """Return a citation as it may be seen; one without a content hash cites text of no known document. `page` is
        the one that was recorded, where it was."""
        shown = CitationView(
            marker, "", None, quote, "", section=section, in_selection=in_selection, start=start, end=end
        )
        if not content_hash:
            return replace(shown, title=_("Your selection"))
        document = self.documents.get(document_id or 0)
        if document is None:
            return replace(shown, title=_("A document that is no longer available"), quote="", gone=True)
        changed = document.live_hash != content_hash
        page = page or document.page_at(start)
        return replace(
            shown,
            title=document.title,
            beside=self.beside.get(document.pk, ""),
            page=page,
            page_label=str(page or "") if changed else document.page_label(page),
            url=self.reader.link(document.pk, start=start, end=end),
            changed=changed,
        )

    def readable_passages(self, run: Run) -> dict[int, Passage]:
        """Return what `run` may cite, by number, with its text as it is today; what has changed or gone is left out."""
        views = {marker: self.source(passage) for marker, passage in stored_passages(run).items()}
        return {marker: view.passage for marker, view in views.items() if view.passage.text}


def _named(passages: Iterable[Passage]) -> set[int]:
    return {passage.document_id for passage in passages if passage.document_id}


def documents_of(run: Run) -> set[int]:
    """Return the ids of all documents that `run` names: found, cited, chosen or attached."""
    found = {record["document_id"] for record in run.sources}
    cited = {citation.document_id for citation in run.citations.all()}
    chosen = {pk for name in ("document_ids", "attached", "unread") for pk in run.scope.get(name, ())}
    selected = {selection.get("document_id") for selection in run.selected}
    return {pk for pk in found | cited | chosen | selected if pk}


def stored_passages(run: Run) -> dict[int, Passage]:
    """Return the passages that `run` has recorded, by number; those of documents without title and text, which stay
    with the document, and so with who may read it."""
    return {record["marker"]: _stored_passage(record, run) for record in run.sources}


def _stored_passage(record: Mapping[str, Any], run: Run) -> Passage:
    selected = record["document_id"] is None
    return Passage(
        **{name: value for name, value in record.items() if name != "marker"},
        title=_("Your selection") if selected else "",
        url="",
        text=run.selected[record["marker"] - 1]["text"] if selected else "",
    )
