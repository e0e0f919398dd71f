"""The page of a collection's contradictions and duplicates: compare its documents, look at what was found, and say that
it is fine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from retrieval.comparing.compare import compare, conflicts, waiting
from retrieval.errors import RetrievalError
from retrieval.models import Collection, Conflict, Document
from retrieval.namesakes import told_apart

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Collection]
else:
    Base = object

SECONDS = 15  # that somebody waits for documents to be compared
ON_A_PAGE = 25
_SHOWN = 400  # characters of a passage
_FIGURE = re.compile(r"(\d[\d.,:/%–-]*)")


class ConflictPages(Base):
    """For the admin of collections. Words of documents are shown to whoever may read both."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.conflicts_view)
        return [path("<int:pk>/conflicts/", view, name="retrieval_collection_conflicts"), *super().get_urls()]

    def conflicts_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show what was found; by POST compare those documents that are new, or put a pair away as fine."""
        verbs = ("view", "change")
        if not any(request.user.has_perm(f"retrieval.{verb}_document") for verb in verbs):
            raise PermissionDenied
        collection = get_object_or_404(self.get_queryset(request), pk=pk)
        if request.method == "POST":
            if not request.user.has_perm("retrieval.change_document"):
                raise PermissionDenied
            self._do(request, collection)
            return redirect("admin:retrieval_collection_conflicts", pk)
        return TemplateResponse(request, "admin/retrieval/collection/conflicts.html", self._found(request, collection))

    def _do(self, request: HttpRequest, collection: Collection) -> None:
        if (asked := request.POST.get("fine", "")).isdecimal() and len(asked) < 19:
            readable = Document.objects.visible_to(request.user)
            conflict = conflicts(collection, readable).filter(pk=int(asked)).first()
            if conflict is not None:
                Conflict.objects.filter(pk=conflict.pk).update(fine=True)
                both, said = [conflict.one, conflict.other], _("A contradiction or duplicate was found to be fine.")
                LogEntry.objects.log_actions(request.user.pk, both, CHANGE, said)  # type: ignore[arg-type]
            return
        try:
            left = compare(collection, seconds=SECONDS)
        except RetrievalError as error:
            self.message_user(request, error.reason.message(), messages.ERROR)
            return
        said = ngettext("%d document is left: compare again.", "%d documents are left: compare again.", left) % left
        self.message_user(request, said if left else _("All documents are compared."))

    def _found(self, request: HttpRequest, collection: Collection) -> dict[str, Any]:
        found = conflicts(collection, Document.objects.visible_to(request.user))
        page = Paginator(found, ON_A_PAGE).get_page(request.GET.get("p"))
        return {
            **self.admin_site.each_context(request),
            "title": _("Contradictions and duplicates"),
            "subtitle": str(collection),
            "collection": collection,
            "page": page,
            "pairs": [(conflict, _sides(conflict)) for conflict in page],
            "waiting": waiting(collection).count(),
            "may_change": request.user.has_perm("retrieval.change_document"),
            "media": self.media,
            "opts": self.opts,
        }


def _sides(conflict: Conflict) -> list[tuple[Document, str, str, SafeString]]:
    """Return both documents, each with what tells it from the other, the address of its passage and its words, those
    figures marked that the other one has not."""
    beside = told_apart([conflict.one, conflict.other])
    quotes = [conflict.one_quote, conflict.other_quote]
    figures = [set(_FIGURE.findall(quote)) for quote in quotes]
    places = [(conflict.one_start, conflict.one_end), (conflict.other_start, conflict.other_end)]
    sides = []
    for number, document in enumerate((conflict.one, conflict.other)):
        start, end = places[number]
        url = document.get_absolute_url()
        url = f"{url}?start={start}&end={end}#quote" if url else ""
        if conflict.kind == Conflict.Kind.COPY:
            shown = format_html("{}", quotes[number][:_SHOWN])
        else:
            shown = _marked(quotes[number], figures[number] - figures[1 - number])
        sides.append((document, beside.get(document.pk, ""), url, shown))
    return sides


def _marked(quote: str, figures: set[str]) -> SafeString:
    pieces = [(format_html("<mark>{}</mark>", piece) if piece in figures else piece,) for piece in _FIGURE.split(quote)]
    return format_html_join("", "{}", pieces)
