"""The documents that a question can be narrowed to: those that a reader may see, by title."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from chatsite.models.conversations import UNREAD
from chatsite.reader import Reader
from retrieval.models import Document, DocumentQuerySet

MOST = 20


@dataclass(frozen=True, slots=True)
class FoundDocuments:
    """The first documents by title; `more` when there are others."""

    documents: Sequence[Document]
    more: bool


def choosable(reader: Reader) -> DocumentQuerySet:
    """Return what can be chosen: documents with text that this reader may see, but for files attached to a
    conversation, which are searched with it."""
    return reader.documents().listed().readable().select_related("collection")


def known_documents(reader: Reader) -> DocumentQuerySet:
    """Return the documents as `reader` may know of them: with text, or on their way to it; what failed only for whoever
    attached it and for the staff who look after it."""
    known = Q(live_generation__gt=0) | Q(state__in=UNREAD) | Q(collection__hidden=True)
    documents = reader.documents() if reader.sees_ingestion() else reader.documents().filter(known)
    return documents.select_related("collection")


def known_document(reader: Reader, document_id: int) -> Document | None:
    """Return the document of this id as far as `reader` may know of it."""
    return known_documents(reader).filter(pk=document_id).first()


def find_documents(
    reader: Reader,
    *,
    words: str = "",
    document_ids: Sequence[int] | None = None,
    collections: Sequence[str] | None = None,
) -> FoundDocuments:
    """Return those whose title or file name holds each of `words`; only of these ids and collections (slugs), if any
    are named. With ids all of them, else the first MOST."""
    documents = choosable(reader)
    if collections is not None:
        documents = documents.filter(collection__slug__in=collections)
    if document_ids is not None:
        documents = documents.filter(pk__in=document_ids)
    for word in words.split():
        documents = documents.filter(Q(title__icontains=word) | Q(filename__icontains=word))
    ordered = documents.defer("page_starts", "page_labels").order_by("title", "pk")
    if document_ids is not None:
        return FoundDocuments(list(ordered), more=False)
    found = list(ordered[: MOST + 1])
    return FoundDocuments(found[:MOST], more=len(found) > MOST)
