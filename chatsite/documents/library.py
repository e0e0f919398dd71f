"""The library: which documents a reader may see, narrowed by words, collection and format."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, QueryDict
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from chatsite.answering.citations import cite
from chatsite.documents.excerpts import Excerpt, excerpt_of
from chatsite.reader import Reader, reader_of
from retrieval.errors import IndexUnavailable, UnknownCollection
from retrieval.models import Collection, Document, DocumentQuerySet
from retrieval.namesakes import told_apart, with_marks
from retrieval.parsing.formats import FORMATS
from retrieval.searching.passages import Passage
from retrieval.searching.search import search

PAGE = 50
PASSAGES = 20
EXCERPT_CHARACTERS = 240
WORDS_CHARACTERS = 300
_WAITING = (Document.State.QUEUED, Document.State.PROCESSING)
_LABELS = {
    "pdf": "PDF",
    "docx": "Word",
    "pptx": _("Slides"),
    "xlsx": _("Spreadsheet"),
    "odt": "OpenDocument",
    "ods": "OpenDocument (.ods)",
    "odp": "OpenDocument (.odp)",
    "rtf": "RTF",
    "xls": "Excel (.xls)",
    "xlsb": "Excel (.xlsb)",
    "msg": "Outlook",
    "csv": "CSV",
    "json": "JSON",
    "jsonl": "JSON Lines",
    "picture": _("Picture"),
    "epub": "EPUB",
    "eml": _("Mail"),
    "markdown": "Markdown",
    "html": "HTML",
    "text": _("Plain text"),
    "ipynb": "Jupyter",
    "rst": "reStructuredText",
    "adoc": "AsciiDoc",
    "tex": "LaTeX",
    "subtitles": _("Subtitles"),
    "code": _("Source code"),
}


@dataclass(frozen=True, slots=True)
class Match:
    """A document whose contents match, with its best passages; `beside` tells it from others of the same title."""

    document: Document
    excerpts: tuple[Excerpt, ...]
    beside: str = ""


@dataclass(frozen=True, slots=True)
class Filters:
    """What was asked for. An unknown collection or format is as good as none that matches."""

    words: str
    collection: str
    format: str

    @classmethod
    def of(cls, query: QueryDict) -> Filters:
        words = query.get("q", "")[:WORDS_CHARACTERS].replace("\x00", "").strip()
        return cls(words, query.get("collection", "")[:120].replace("\x00", ""), query.get("format", "")[:40])

    def url(self, **changed: Any) -> str:
        """Return the query of these filters with some of them changed."""
        named = {"q": self.words, "collection": self.collection, "format": self.format} | changed
        return "?" + urlencode({name: value for name, value in named.items() if value})


def library_page(request: HttpRequest) -> dict[str, Any]:
    """Return what `library.html` shows: in the same number of queries however many documents there are."""
    filters, reader = Filters.of(request.GET), reader_of(request)
    documents = _documents(reader, filters)
    page = Paginator(documents, PAGE).get_page(request.GET.get("page"))
    matches, unavailable = _matches(reader, filters) if page.number == 1 else ((), False)
    return {
        "filters": filters,
        "collections": _collections(reader),
        "formats": sorted(
            ((name, format_label(name)) for name in set(FORMATS.values())), key=lambda pair: str(pair[1])
        ),
        "page": page,
        "documents": [
            (document, format_label(format_of(document)))
            for document in _with_beside(page.object_list, among=shown_documents(reader))
        ],
        "matches": matches,
        "search_unavailable": unavailable,
        "previous_url": filters.url(page=page.previous_page_number()) if page.has_previous() else None,
        "next_url": filters.url(page=page.next_page_number()) if page.has_next() else None,
    }


def _with_beside(documents: Iterable[Document], *, among: DocumentQuerySet) -> list[Document]:
    """Return them with what tells each from others of the same title, for the template."""
    marked = with_marks(documents, among=among)
    for document, beside in marked:
        vars(document)["beside"] = beside
    return [document for document, _beside in marked]


def format_of(document: Document) -> str:
    return FORMATS.get(document.filename.rpartition(".")[2].lower(), "")


def format_label(name: str) -> Any:
    return _LABELS.get(name, name.upper())


def _collections(reader: Reader) -> list[Collection]:
    return list(reader.collections().counting(reader.documents()))


def shown_documents(reader: Reader) -> DocumentQuerySet:
    """Return those with text, and those that will have it; what failed only for who can do something about it."""
    documents = reader.documents().listed().select_related("collection")
    if reader.sees_ingestion():
        return documents
    return documents.filter(Q(live_generation__gt=0) | Q(state__in=_WAITING))


def _documents(reader: Reader, filters: Filters) -> DocumentQuerySet:
    documents = shown_documents(reader)
    if filters.collection:
        documents = documents.filter(collection__slug=filters.collection)
    if filters.format:
        documents = documents.filter(_has_format(filters.format))
    for word in filters.words.split():
        documents = documents.filter(Q(title__icontains=word) | Q(filename__icontains=word))
    return documents.order_by("title", "pk")


def _has_format(name: str) -> Q:
    endings = [ending for ending, of in FORMATS.items() if of == name]
    condition = Q(pk__in=())
    for ending in endings:
        condition |= Q(filename__iendswith=f".{ending}")
    return condition


def _matches(reader: Reader, filters: Filters) -> tuple[Sequence[Match], bool]:
    """Documents by what stands in them, best first; and whether that could not be searched."""
    if not filters.words:
        return (), False
    collections = [filters.collection] if filters.collection else None
    try:
        result = search(filters.words, user=reader.user, collections=collections, limit=PASSAGES)
    except UnknownCollection:
        return (), False
    except IndexUnavailable:
        return (), True
    ids = [passage.document_id for passage in result.passages if passage.document_id]
    documents = reader.documents().select_related("collection").in_bulk(ids)
    found: dict[int, list[Excerpt]] = {}
    for passage in result.passages:
        document = documents.get(passage.document_id or 0)
        if document and (not filters.format or format_of(document) == filters.format):
            found.setdefault(document.pk, []).append(_excerpt(passage, document, filters.words, reader))
    beside = told_apart((documents[pk] for pk in found), among=reader.documents().listed())
    matches = [Match(documents[pk], tuple(excerpts[:3]), beside.get(pk, "")) for pk, excerpts in found.items()]
    return matches, False


def _excerpt(passage: Passage, document: Document, words: str, reader: Reader) -> Excerpt:
    """Return the sentence of the passage that has most of the words."""
    best = cite(words, marker=1, passage=passage)
    text = Truncator(excerpt_of(best.quote)).chars(EXCERPT_CHARACTERS)
    url = reader.link(document.pk, start=best.start, end=best.end)
    return Excerpt(document.title, document.page_label(document.page_at(best.start)), "", text, url)
