"""The documents of one collection, listed on its page: the admin's list of documents, narrowed to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IS_POPUP_VAR, TO_FIELD_VAR
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from retrieval.admin.additions import DocumentColumn, additions
from retrieval.admin.documents import DocumentAdmin, NotesFilter
from retrieval.models import Collection, Document

_OF_THE_PAGE = {"_changelist_filters", IS_POPUP_VAR, TO_FIELD_VAR}  # in its address, and nothing that narrows a list

_SORTED_BY_ADDED = 10_000  # documents: to sort by what the site counts, all of them have to be counted for


class CollectionDocuments(DocumentAdmin):
    """The list, its search, filters and actions; each document has the one page that it has in the admin."""

    list_filter = ["state", NotesFilter, "source"]
    list_per_page = 25
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def __init__(self, collection: Collection, admin_site: admin.AdminSite) -> None:
        super().__init__(Document, admin_site)
        self.collection = collection

    @property
    def url(self) -> str:
        """Return where its forms are sent to."""
        return reverse("admin:retrieval_collection_documents", args=[self.collection.pk])

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        return super().get_queryset(request).filter(collection=self.collection)

    def get_list_display(self, request: HttpRequest) -> Any:
        are_few = self.get_queryset(request).count() <= _SORTED_BY_ADDED
        added = [_cell(column, is_sorted=are_few) for column in additions.columns]
        return ["named", "state_and_error", "pages", "size_text", *added, "updated"]

    def get_list_filter(self, request: HttpRequest) -> Any:
        return [*self.list_filter, *additions.filters]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Note on each document of the page what stands in the columns that the site adds."""
        changelist = super().get_changelist_instance(request)
        if not (changelist.query or changelist.has_active_filters):
            changelist.full_result_count = changelist.result_count
        documents = list(changelist.result_list)
        for column in additions.columns:
            cells = column.cells(request, documents)
            for document in documents:
                vars(document)[column.name] = cells.get(document.pk, "")
        return changelist

    def shown(self, request: HttpRequest) -> dict[str, Any] | HttpResponse:
        """Return what the collection's page shows of the list; where its address narrows it by what can't be, the way
        back."""
        asked = _as_of_the_list(request)
        response = self.changelist_view(asked)
        if not isinstance(response, TemplateResponse):
            return response
        context, query = response.context_data or {}, asked.GET.urlencode()
        changelist = context["cl"]
        return {
            **context,
            "filters": [(spec.title, list(spec.choices(changelist))) for spec in changelist.filter_specs],
            "actions_url": f"{self.url}?{query}" if query else self.url,
        }


def _as_of_the_list(request: HttpRequest) -> HttpRequest:
    """Return a request for the list alone, of one for the whole page."""
    asked = HttpRequest()
    asked.__dict__ |= request.__dict__
    asked.method = "GET"
    query = request.GET.copy()
    for name in _OF_THE_PAGE & query.keys():
        del query[name]
    asked.GET = query  # type: ignore[assignment]
    return asked


def _cell(column: DocumentColumn, *, is_sorted: bool) -> Callable[[Document], str]:
    @admin.display(description=column.label, ordering=column.ordering() if is_sorted else None)
    def cell(document: Document) -> str:
        said: str = vars(document)[column.name]
        return said

    cell.__name__ = column.name
    return cell
