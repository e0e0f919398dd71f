"""What the admin's pages of documents and of questions say about citations: how often each document is cited, by which
questions, and which documents nobody's question ever used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Count, Max, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chatsite.models import Run
from chatsite.overview.counting import bring_up_to_date
from chatsite.reader import Reader
from chatsite.usage import citing
from retrieval.admin.additions import DocumentColumn, DocumentSection, additions
from retrieval.models import Document

SHOWN = 10  # wordings on a document's page


def add_to_documents() -> None:
    """Add them to the pages of documents."""
    additions.columns.append(DocumentColumn("cited", gettext_lazy("cited"), _cells, ordering=citing.count_expression))
    additions.filters.append(UseFilter)
    additions.sections.append(DocumentSection("admin/chatsite/citing.html", _section))


class UseFilter(admin.SimpleListFilter):
    """The documents by whether questions are answered from them. A list of documents asks for its choices first, so the
    counts that it shows, sorts by and narrows by are brought up to date here, once."""

    title = gettext_lazy("use")
    parameter_name = "use"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        bring_up_to_date()
        days, unused = {"days": citing.DAYS}, {"days": citing.UNUSED_DAYS}
        return [
            ("cited", _("Cited in %(days)s days") % days),
            ("idle", _("Not cited in %(days)s days") % days),
            ("never", _("Never used in %(days)s days and more") % unused),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Document]) -> QuerySet[Document]:
        match self.value():
            case "cited":
                return citing.cited(queryset)
            case "idle":
                return citing.not_cited(queryset)
            case "never":
                return citing.never_used(queryset, now=timezone.now())
        return queryset


class CitesFilter(admin.SimpleListFilter):
    """The questions that were answered from a document, which pages of documents link to; of one that whoever looks may
    not read, none."""

    title = gettext_lazy("cited document")
    parameter_name = "cites"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        document = _named(request)
        return [(str(document.pk), document.title)] if document else [("0", "–")] if self._asked(request) else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        if not self.value():
            return queryset
        document = _named(request)
        if document is None:
            return queryset.none()
        return queryset.filter(pk__in=citing.runs_citing(document.pk).order_by().values("pk"))

    def _asked(self, request: HttpRequest) -> bool:
        return self.parameter_name in request.GET


def _named(request: HttpRequest) -> Document | None:
    asked = request.GET.get(CitesFilter.parameter_name, "")
    if not (asked.isdecimal() and len(asked) < 19):
        return None
    return Reader(request.user).documents().filter(pk=int(asked)).only("title").first()


def _cells(request: HttpRequest, documents: Sequence[Document]) -> Mapping[int, str]:
    """Return how often each was cited, as a link to the questions where they may be seen."""
    ids = [document.pk for document in documents]
    counts = citing.counts_of(ids)
    linked = _linked(request, list(counts))
    return {pk: _cell(pk, counts.get(pk, 0), is_link=pk in linked) for pk in ids}


def _linked(request: HttpRequest, ids: list[int]) -> set[int]:
    """Return those of the documents whose questions this user may see."""
    if not ids or not request.user.has_perm("chatsite.view_run"):
        return set()
    return set(Reader(request.user).documents().filter(pk__in=ids).values_list("pk", flat=True))


def _cell(pk: int, count: int, *, is_link: bool) -> str:
    said = number_format(count, force_grouping=True)
    return format_html('<a href="{}">{}</a>', questions_url(pk), said) if is_link else said


def questions_url(document: int) -> str:
    """Return the address of the list of the questions that were answered from a document."""
    return f"{reverse('admin:chatsite_run_changelist')}?{CitesFilter.parameter_name}={document}"


def _section(request: HttpRequest, document: Document) -> Mapping[str, Any]:
    may_see = bool(_linked(request, [document.pk]))
    runs = citing.runs_citing(document.pk)
    return {
        "count": runs.count(),
        "days": citing.DAYS,
        "wordings": _wordings(runs) if may_see else (),
        "url": questions_url(document.pk) if may_see else "",
        "is_never_used": citing.never_used(Document.objects.filter(pk=document.pk), now=timezone.now()).exists(),
    }


def _wordings(runs: QuerySet[Run]) -> list[Any]:
    """Return what was asked most, with how often and when last."""
    wordings = runs.order_by().values("question").annotate(times=Count("pk"), latest=Max("created_at"))
    return list(wordings.order_by("-times", "-latest", "question")[:SHOWN])
