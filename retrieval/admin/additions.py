"""What a site adds to the admin's pages of documents: this package shows it, and knows nothing of where it is from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from retrieval.models import Document


@dataclass(frozen=True)
class DocumentColumn:
    """A column in the list of a collection's documents. `cells` returns what stands in it for each of the documents of
    a page, by id, in a bounded number of queries; `ordering` what the list is sorted by."""

    name: str
    label: Any
    cells: Callable[[HttpRequest, Sequence[Document]], Mapping[int, str]]
    ordering: Callable[[], Any]


@dataclass(frozen=True)
class DocumentSection:
    """A part of a document's page: a template, and what it finds as `facts`."""

    template: str
    facts: Callable[[HttpRequest, Document], Mapping[str, Any]]


@dataclass
class Additions:
    """All that is added; empty where this package is used alone. `added` is told of each document that staff have
    added, with the request that brought it. `begin_answer` begins to answer a query in the collection of this slug, as
    the signed-in user, and returns the address of what shows the answer, part of a page; empty where there will be
    none, which it has said as a message."""

    columns: list[DocumentColumn] = field(default_factory=list)
    filters: list[type[admin.SimpleListFilter]] = field(default_factory=list)
    sections: list[DocumentSection] = field(default_factory=list)
    begin_answer: Callable[[HttpRequest, str, str], str] | None = None
    added: list[Callable[[HttpRequest, Document], None]] = field(default_factory=list)


additions = Additions()
