"""What a reader may see now of some runs: rights are asked when something is shown, not only when it was found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from chatsite.conf import EXTRACTIVE
from chatsite.models import Run
from chatsite.reader import Reader
from chatsite.tools.looked_up import LookupView, lookups_of
from chatsite.tools.results import LookedUp, is_looked_up
from retrieval.model_documents.declaring import hides_rows
from retrieval.models import Collection, CollectionWord, Document
from retrieval.namesakes import told_apart
from retrieval.searching.passages import Passage
from retrieval.texts import document_text

_MARKER = re.compile(r"\[(\d{1,3})\]")
NOT_YOURS = gettext_noop("Looked up for its reader only")  # in place of what a tool gave somebody else


@dataclass(frozen=True, slots=True)
class SourceView:
    """A numbered passage that an answer was given from, as its reader may see it; without text, title and address when
    it is deleted, replaced, or no longer this reader's to read. `beside` tells its document from another one of the
    same title."""

    passage: Passage
    url: str | None = None
    beside: str = ""
    looked_up: str = ""  # when, of what a tool gave

    def body(self) -> dict[str, Any]:
        """Return it as the API tells it."""
        fields = "chunk_id document_id title section page page_label start end score".split()
        told = {field: getattr(self.passage, field) for field in fields}
        told |= {"beside": self.beside, "url": self.url, "content": self.passage.text}
        return told | {"looked_up": self.looked_up}


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
    looked_up: str = ""  # when, in words, where a tool gave it
    is_anothers: bool = False  # a tool gave it, and to another reader: `gone` as well

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
            "looked_up": self.looked_up,
        }


@dataclass(frozen=True, slots=True)
class Sight:
    """The documents that some runs name or rest on, as far as `reader` could read them at `looked` (`time.monotonic`):
    in one query, however many runs; and in another one the words that a search read others as, where there are any."""

    reader: Reader
    documents: Mapping[int, Document]
    beside: Mapping[int, str] = field(default_factory=dict)  # what tells those of one title apart, by id
    words: AbstractSet[str] = frozenset()  # that a document of this reader's holds
    lookups: Mapping[str, LookupView] = field(default_factory=dict)  # what tools gave this very reader, by its hash
    looked: float = field(default_factory=monotonic)

    @classmethod
    def of(cls, runs: Iterable[Run], *, reader: Reader) -> Sight:
        """Return the sight of runs as they are recorded, with what they cite (best prefetched) and searched in."""
        runs = list(runs)
        named = {pk for run in runs for pk in documents_of(run)}
        rested_on = {pk for run in runs for pk in (*rests_on(run), *run.history_documents) if pk}
        words = {word for run in runs for word in _words_read_as(run)}
        seen = cls._seeing(named, reader, beside=rested_on, words=words)
        calls = {source["call"] for run in runs if run.personal for source in run.sources if "call" in source}
        return replace(seen, lookups=lookups_of(calls, reader=reader)) if calls else seen

    @classmethod
    def of_passages(cls, passages: Iterable[Passage], *, reader: Reader, beside: Iterable[int | None] = ()) -> Sight:
        """Return the sight of passages that were just found, and of the documents `beside` them, by id."""
        passages = list(passages)
        seen = cls._seeing(_named(passages), reader, beside={pk for pk in beside if pk})
        calls = {passage.call for passage in passages if isinstance(passage, LookedUp)}
        return replace(seen, lookups=lookups_of(calls, reader=reader)) if calls else seen

    @classmethod
    def _seeing(
        cls, ids: set[int], reader: Reader, *, beside: AbstractSet[int] = frozenset(), words: set[str] | None = None
    ) -> Sight:
        wanted = ids | beside
        documents = reader.documents().select_related("collection").in_bulk(list(wanted)) if wanted else {}
        marks = told_apart(document for pk, document in documents.items() if pk in ids)
        return cls(reader, documents, marks, _readable_words(words, reader) if words else frozenset())

    def covers(self, passages: Iterable[Passage]) -> bool:
        """Say whether every document of `passages` was found, and what tools gave is this reader's."""
        passages = list(passages)
        given = {passage.content_hash for passage in passages if isinstance(passage, LookedUp)}
        return _named(passages) <= self.documents.keys() and given <= self.lookups.keys()

    def is_readers(self, run: Run) -> bool:
        """Say whether `run` may be told to this reader as far as tools were asked for it."""
        return not run.personal or self.reader.owns(run.conversation)

    def may_read(self, run: Run, *, cited: Iterable[int | None] | None = None) -> bool:
        """Say whether all that the answer of `run` rests on may be read; an answer of which any has gone is withheld
        whole. `cited` are the documents of its citations, where they are not to be asked for."""
        if not (run.answer or run.unsupported) or run.small_talk:
            return True
        if not self.is_readers(run):
            return False
        return self.has_all(rests_on(run, cited=cited)) and _words_read_as(run) <= self.words

    def has_all(self, ids: AbstractSet[int | None]) -> bool:
        """Say whether all these documents may be read; one that was deleted (None) may not."""
        return ids <= self.documents.keys()

    def source(self, passage: Passage) -> SourceView:
        """Return `passage` as it may be seen; its text is looked up where only its place is known."""
        if isinstance(passage, LookedUp):
            return self._looked_up(passage)
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

    def _looked_up(self, passage: LookedUp) -> SourceView:
        """Return what a tool gave, as its reader sees it; to anybody else only that there is something."""
        found = self.lookups.get(passage.content_hash)
        if found is None:
            return SourceView(replace(passage, title=_(NOT_YOURS), text="", url=""))
        return SourceView(found.passage, found.passage.url or None, looked_up=found.when)

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
        if is_looked_up(content_hash):
            found = self.lookups.get(content_hash)
            if found is None:
                return replace(shown, title=_(NOT_YOURS), quote="", gone=True, is_anothers=True)
            return replace(shown, title=found.passage.title, url=found.passage.url, looked_up=found.when)
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


def rests_on(run: Run, *, cited: Iterable[int | None] | None = None) -> set[int | None]:
    """Return the ids of the documents whose words the answer of `run` may hold; None for one that was deleted.

    What quotes holds the words of what it cites. What a language model has written may repeat all that was found, and
    all that the answers before it rest on.
    """
    if run.small_talk:
        return set()
    if cited is None:
        rows = (c for c in run.citations.all() if not is_looked_up(c.content_hash))  # those are no documents
        cited = (c.document_id for c in rows if c.document_id or c.content_hash)
    found = [record for record in run.sources if record["document_id"]]
    if _only_quotes(run):
        marked = {int(number) for number in _MARKER.findall(run.answer)}  # also one in code, which is no citation
        return {*cited, *(record["document_id"] for record in found if record["marker"] in marked)}
    history = run.history_documents if run.model != EXTRACTIVE else ()
    selected = (selection.get("document_id") for selection in run.selected)
    return {*cited, *(record["document_id"] for record in found), *filter(None, selected), *history}


def as_asked(step: Mapping[str, Any], *, words: AbstractSet[str] = frozenset()) -> tuple[str, list[tuple[str, str]]]:
    """Return what a search was for, and the words of it that were read as others: as they were written, unless the
    other ones are among `words`."""
    query, shown = step["query"], []
    for written, read_as in step.get("corrections", ()):
        if read_as in words:
            shown.append((written, read_as))
        else:
            query = re.sub(rf"(?<!\w){re.escape(read_as)}(?!\w)", written.replace("\\", r"\\"), query)
    return query, shown


def _only_quotes(run: Run) -> bool:
    """Say whether every word of the answer that is not the site's or the reader's stands before a marker. One that says
    which name is spelt most like a missing one has that from any passage."""
    whole = run.state == Run.State.COMPLETED and run.mode == Run.Mode.RETRIEVAL and not run.continues_id
    return whole and run.model == EXTRACTIVE and all(step.get("missing") == [] for step in run.steps)


def _words_read_as(run: Run) -> set[str]:
    return {read_as for step in run.steps for _written, read_as in step.get("corrections", ())}


def _readable_words(words: set[str], reader: Reader) -> set[str]:
    """Return those of `words` that stand in collections of which `reader` may read all documents."""
    collections = Collection.objects.filter(pk__in=reader.documents().order_by().values("collection"))
    told = [
        pk for pk, slug, holds in collections.values_list("pk", "slug", "holds_rows") if not hides_rows(slug, holds)
    ]
    held = CollectionWord.objects.filter(word__in=words, collection__in=told)
    return set(held.order_by().values_list("word", flat=True))


def stored_passages(run: Run) -> dict[int, Passage]:
    """Return the passages that `run` has recorded, by number; those of documents without title and text, which stay
    with the document, and so with who may read it."""
    return {record["marker"]: _stored_passage(record, run) for record in run.sources}


def _stored_passage(record: Mapping[str, Any], run: Run) -> Passage:
    values = {name: value for name, value in record.items() if name != "marker"}
    if "call" in values:
        return LookedUp(**values, title="", url="", text="")
    selected = record["document_id"] is None
    return Passage(
        **values,
        title=_("Your selection") if selected else "",
        url="",
        text=run.selected[record["marker"] - 1]["text"] if selected else "",
    )
