"""Collections in the admin: what they hold, how far it is, upload into them, and try a query."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_POST

from retrieval.admin.additions import additions
from retrieval.admin.collection_documents import CollectionDocuments
from retrieval.admin.conflicts import ConflictPages
from retrieval.admin.documents import UploadMedia
from retrieval.admin.forms import CollectionUploadForm, QueryForm
from retrieval.admin.index import IndexActions
from retrieval.admin.people import PeopleFields
from retrieval.admin.sources import add_links
from retrieval.admin.synced import SyncedSourcePages
from retrieval.errors import RetrievalError
from retrieval.ingestion.deletion import delete_collection, delete_documents
from retrieval.models import Chunk, Collection, Document
from retrieval.searching import search

if TYPE_CHECKING:
    CollectionModelAdmin = admin.ModelAdmin[Collection]
else:
    CollectionModelAdmin = admin.ModelAdmin


PASSAGES_SHOWN = 10
_REASONS_SHOWN = 10
_REFUSED_SHOWN = 50


def highlighted(text: str, *, query: str) -> SafeString:
    """Return `text`, escaped, with the query's words of three letters and more marked, also where they begin a longer
    word."""
    words = sorted({word for word in re.findall(r"\w+", query) if len(word) > 2}, key=len, reverse=True)
    pieces = re.split(rf"\b((?:{'|'.join(words)})\w*)", text, flags=re.IGNORECASE) if words else [text]
    # re.split alternates what lies between two matches and what matched.
    return format_html_join("", "{}<mark>{}</mark>", zip(pieces[:-1:2], pieces[1::2], strict=True)) + format_html(
        "{}", pieces[-1]
    )


@admin.register(Collection)
class CollectionAdmin(SyncedSourcePages, ConflictPages, IndexActions, PeopleFields, CollectionModelAdmin):
    list_display = ["name", "states", "document_count", "public", "owner", "slug"]
    list_filter = ["public"]
    list_select_related = ["owner"]
    search_fields = ["name", "slug", "description"]
    fields = ["name", "slug", "description", "public", "groups", "owner"]
    prepopulated_fields = {"slug": ["name"]}
    filter_horizontal = ["groups"]
    raw_id_fields = ["owner"]
    Media = UploadMedia

    def get_queryset(self, request: HttpRequest) -> QuerySet[Collection]:
        """Return the collections that staff make; what readers attach to conversations is not for staff to look
        after."""
        return super().get_queryset(request).filter(hidden=False)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the list, with the documents of its collections counted by state in one query."""
        changelist = super().get_changelist_instance(request)
        counts = count_states(changelist.result_list)
        for collection in changelist.result_list:
            collection.counts = counts[collection.pk]
        return changelist

    def get_fieldsets(self, request: HttpRequest, obj: Collection | None = None) -> Any:
        """Return its fields; those of a collection that is there stand below its documents, folded."""
        if obj is None:
            return super().get_fieldsets(request, obj)
        return [(_("Name and readers"), {"fields": self.get_fields(request, obj), "classes": ["collapse"]})]

    @admin.display(description=gettext_lazy("documents"))
    def document_count(self, collection: Collection) -> int:
        return sum(_counts(collection).values())

    @admin.display(description=gettext_lazy("documents by state"))
    def states(self, collection: Collection) -> str:
        """Return how many documents are in each state, each number a link to them."""
        return _state_links(collection, _counts(collection)) or _("none yet")

    def get_urls(self) -> list[URLPattern]:
        query = self.admin_site.admin_view(self.query_view)
        progress = self.admin_site.admin_view(require_GET(self.progress_view))
        documents = self.admin_site.admin_view(self.documents_view)
        refused = self.admin_site.admin_view(require_POST(self.refused_view))
        return [
            path("<int:pk>/query/", query, name="retrieval_collection_query"),
            path("<int:pk>/progress/", progress, name="retrieval_collection_progress"),
            path("<int:pk>/documents/", documents, name="retrieval_collection_documents"),
            path("<int:pk>/refused/", refused, name="retrieval_collection_refused"),
            *super().get_urls(),
        ]

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Collection | None = None,
    ) -> HttpResponse:
        context["may_view"] = request.user.has_perm("retrieval.view_document")
        if obj:
            context |= _progress(obj)
        if obj and context["may_view"]:
            documents = CollectionDocuments(obj, self.admin_site).shown(request)
            if isinstance(documents, HttpResponse):
                return documents
            context["documents"] = documents
            context["media"] += documents["media"]
        if obj and request.user.has_perm("retrieval.add_document"):
            context["upload_form"] = CollectionUploadForm(initial={"collection": obj.pk})
            context["add_links"] = add_links(obj)
            there = Prefetch("document", Document.objects.only("title"))
            context["refused"] = obj.refused_files.select_related("owner").prefetch_related(there)[:_REFUSED_SHOWN]
            context["refused_count"] = obj.refused_files.count()
        return super().render_change_form(request, context, add, change, form_url, obj)

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show how far a collection is, as the part of its page that states.js keeps current."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        collection = get_object_or_404(self.get_queryset(request), pk=pk)
        return TemplateResponse(request, "admin/retrieval/collection/progress.html", _progress(collection))

    def documents_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Do to documents of this collection what its page asks for, and show the page again."""
        collection = get_object_or_404(self.get_queryset(request), pk=pk)
        documents = CollectionDocuments(collection, self.admin_site)
        if not documents.has_view_or_change_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            done = documents.changelist_view(request)
            if "cl" not in (getattr(done, "context_data", None) or {}):  # else it is the list: nothing was asked for
                return done
        response = redirect("admin:retrieval_collection_change", pk)
        response["Location"] += f"?{query}" if (query := request.GET.urlencode()) else ""
        return response

    def refused_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Dismiss the refused file that `dismiss` names, or all up to the newest one that was shown."""
        if not request.user.has_perm("retrieval.add_document"):
            raise PermissionDenied
        collection = get_object_or_404(self.get_queryset(request), pk=pk)
        for name, lookup in (("dismiss", "pk"), ("dismiss_up_to", "pk__lte")):
            if (asked := request.POST.get(name, "")).isdecimal() and len(asked) < 19:
                count, _kinds = collection.refused_files.filter(**{lookup: int(asked)}).delete()
                said = ngettext("Dismissed %d refused file.", "Dismissed %d refused files.", count) % count
                if count:
                    self.log_change(request, collection, said)
        return redirect("admin:retrieval_collection_change", pk)

    def query_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Search this collection as the signed-in user; by POST, for a query may be longer than an address."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        collection = get_object_or_404(self.get_queryset(request), pk=pk)
        form = QueryForm(request.POST or None)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Try a query"),
            "subtitle": str(collection),
            "collection": collection,
            "form": form,
            "media": self.media,
            "opts": self.opts,
        }
        context["answers"] = additions.begin_answer is not None
        if form.is_valid():
            query = form.cleaned_data["query"]
            context |= self._searched(request, collection, query=query)
            if additions.begin_answer and "answer" in request.POST:
                context["answer_url"] = additions.begin_answer(request, query, collection.slug)
        return TemplateResponse(request, "admin/retrieval/collection/query.html", context)

    def _searched(self, request: HttpRequest, collection: Collection, *, query: str) -> dict[str, Any]:
        try:
            result = search.search(query, user=request.user, collections=[collection.slug], limit=PASSAGES_SHOWN)
        except RetrievalError as error:
            return {"problem": error.reason.message()}
        passages = [(passage, highlighted(passage.text, query=query)) for passage in result.passages]
        return {"result": result, "passages": passages}

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Delete the documents first, in a short transaction for each few hundred, so that a large collection keeps
        nobody else from writing. Django then deletes the collection alone in one transaction."""
        collection = self.get_object(request, object_id)
        if request.POST and collection is not None and self.has_delete_permission(request, collection):
            _names, _counts, lacking, _protected = self.get_deleted_objects([collection], request)
            if not lacking:
                delete_documents(Document.objects.filter(collection=collection))
        return super().delete_view(request, object_id, extra_context)

    def delete_model(self, request: HttpRequest, obj: Collection) -> None:
        delete_collection(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Collection]) -> None:
        for collection in queryset:
            delete_collection(collection)

    def get_deleted_objects(
        self, objs: Sequence[Collection] | QuerySet[Collection], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Return the collections by name and what they hold by number: that may be thousands of rows."""
        names = [str(collection) for collection in objs]
        documents = Document.objects.filter(collection__in=objs).count()
        chunks = Chunk.objects.filter(document__collection__in=objs).count()
        may_delete = not documents or request.user.has_perm("retrieval.delete_document")
        counts = {_("collections"): len(names), _("documents"): documents, _("chunks"): chunks}
        return names, counts, set() if may_delete else {_("document")}, []


def count_states(collections: Iterable[Collection]) -> dict[int, Counter[str]]:
    """Return for each collection how many of its documents are in each state."""
    counts: dict[int, Counter[str]] = {collection.pk: Counter() for collection in collections}
    rows = Document.objects.filter(collection__in=counts).order_by().values_list("collection", "state")
    for pk, state, number in rows.annotate(number=Count("pk")):
        counts[pk][state] = number
    return counts


def _counts(collection: Collection) -> Counter[str]:
    """Return the counts that the list has stored on the collection."""
    return cast("Counter[str]", vars(collection)["counts"])


def _state_links(collection: Collection, counts: Counter[str]) -> SafeString:
    changelist = reverse("admin:retrieval_document_changelist")
    link = '<a data-field="state" data-state="{}" href="{}?collection__id__exact={}&amp;state__exact={}">{} {}</a>'
    rows = [
        (state, changelist, collection.pk, state, f"{counts[state]:,}", state.label.lower())
        for state in Document.State
        if counts[state]
    ]
    return format_html_join(" ", link, rows)


def _progress(collection: Collection) -> dict[str, Any]:
    """Return what progress.html shows: how many documents are ready, and why others are not."""
    counts = count_states([collection])[collection.pk]
    stuck = [Document.State.FAILED, Document.State.NEEDS_OCR]
    reasons = Document.objects.filter(collection=collection, state__in=stuck).order_by().values("error")
    return {
        "collection": collection,
        "total": sum(counts.values()),
        "ready": counts[Document.State.READY],
        "unfinished": counts[Document.State.QUEUED] + counts[Document.State.PROCESSING],
        "state_links": _state_links(collection, counts),
        "reasons": reasons.annotate(count=Count("pk")).order_by("-count", "error")[:_REASONS_SHOWN],
    }
