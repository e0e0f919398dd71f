"""Documents of one title, told apart wherever several are listed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from django.db.models import QuerySet
from django.utils.formats import date_format
from django.utils.timezone import is_aware, localtime

from retrieval.models import Document

_RIVALS = 500  # others of the same titles that are looked at
_MARKS: tuple[Callable[[Document], str], ...] = (
    lambda document: document.filename,
    lambda document: document.location,
    lambda document: str(document.collection),
    lambda document: _added(document),
    lambda document: f"#{document.pk}",
)


def told_apart(documents: Iterable[Document], *, among: QuerySet[Document] | None = None) -> dict[int, str]:
    """Return what stands beside the title of each of `documents` that shares it with another one, by id: its file name,
    and where that is the same as well its place, its collection, when it was added, its id. The other one is in
    `documents`, or in `among`, which takes one query."""
    listed = list({document.pk: document for document in documents}.values())
    rivals = _rivals(listed, among) if among is not None else []
    by_title = sorted([*listed, *rivals], key=_folded)
    beside: dict[int, str] = {}
    for _title, same in groupby(by_title, key=_folded):
        beside |= _marks(list(same))
    shown = {document.pk for document in listed}
    return {pk: mark for pk, mark in beside.items() if pk in shown}


def with_marks(documents: Iterable[Document], *, among: QuerySet[Document] | None = None) -> list[tuple[Document, str]]:
    """Return each of `documents` with what stands beside its title, as `told_apart` has it; mostly nothing."""
    documents = list(documents)
    beside = told_apart(documents, among=among)
    return [(document, beside.get(document.pk, "")) for document in documents]


def full_name(document: Document, beside: str) -> str:
    """Return a title with what tells it apart, for plain text."""
    return f"{document.title} ({beside})" if beside else document.title


def _folded(document: Document) -> str:
    return document.title.casefold()


def _rivals(listed: Sequence[Document], among: QuerySet[Document]) -> Sequence[Document]:
    if not listed:
        return []
    others = among.filter(title__in={document.title for document in listed})
    others = others.exclude(pk__in=[document.pk for document in listed]).order_by("pk")
    fields = ("title", "filename", "location", "created_at", "collection__name", "collection__hidden")
    return list(others.select_related("collection").only(*fields)[:_RIVALS])


def _marks(same: Sequence[Document]) -> dict[int, str]:
    """Return a mark for each of these, by id; none when there is but one. Those that are still alike get one more."""
    marks = {document.pk: "" for document in same} if len(same) > 1 else {}
    for mark in _MARKS if marks else ():
        alike: dict[str, list[Document]] = {}
        for document in same:
            alike.setdefault(marks[document.pk], []).append(document)
        for tied in alike.values():
            named = {document.pk: mark(document) for document in tied} if len(tied) > 1 else {}
            if len(set(named.values())) > 1:
                marks |= {pk: ", ".join(filter(None, (marks[pk], name))) for pk, name in named.items()}
    return marks


def _added(document: Document) -> str:
    moment = document.created_at
    return date_format(localtime(moment) if is_aware(moment) else moment, "SHORT_DATETIME_FORMAT")
