"""Collections and documents in the admin: upload, watch them become ready, try a query."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.forms import Script
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.formats import localize
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from retrieval import ingest, search
from retrieval.admin_forms import CollectionUploadForm, DocumentForm, QueryForm, UploadForm
from retrieval.admin_index import IndexActions
from retrieval.errors import RetrievalError
from retrieval.models import Chunk, Collection, Document

if TYPE_CHECKING:
    CollectionModelAdmin = admin.ModelAdmin[Collection]
    DocumentModelAdmin = admin.ModelAdmin[Document]
else:
    CollectionModelAdmin = DocumentModelAdmin = admin.ModelAdmin

STATES_PER_REQUEST = 100  # as many as the changelist has rows, and as states.js asks for at once
PASSAGES_SHOWN = 10


def highlighted(text: str, *, query: str) -> SafeString:
    """`text`, escaped, with the query's words of three letters and more marked, also where they begin a longer word."""
    words = sorted({word for word in re.findall(r"\w+", query) if len(word) > 2}, key=len, reverse=True)
    pieces = re.split(rf"\b((?:{'|'.join(words)})\w*)", text, flags=re.IGNORECASE) if words else [text]
    # re.split alternates what lies between two matches and what matched.
    return format_html_join("", "{}<mark>{}</mark>", zip(pieces[:-1:2], pieces[1::2], strict=True)) + format_html(
        "{}", pieces[-1]
    )


def ingestion_fields(document: Document) -> dict[str, str]:
    """What pages show of a document's ingestion and keep current, as text."""
    processing = document.state == Document.State.PROCESSING
    return {
        "state": document.get_state_display() + (f" {document.progress}%" if processing else ""),
        "pages": f"{document.page_count:,}" if document.page_count else "",
        "chunks": f"{document.chunk_count:,}" if document.chunk_count else "",
        "characters": f"{document.characters:,}" if document.characters else "",
        "error": document.error,
    }


def _live(document: Document, field: str) -> SafeString:
    """One of these fields, marked so that states.js finds it."""
    return format_html(
        '<span data-document="{}" data-field="{}" data-state="{}">{}</span>',
        document.pk,
        field,
        document.state,
        ingestion_fields(document)[field],
    )


class UploadMedia:
    css = {"all": ["retrieval/admin/admin.css"]}
    js = [Script("retrieval/admin/states.js", defer=True), Script("retrieval/admin/upload.js", defer=True)]


@admin.register(Collection)
class CollectionAdmin(IndexActions, CollectionModelAdmin):
    list_display = ["name", "states", "document_count", "public", "slug"]
    list_filter = ["public"]
    search_fields = ["name", "slug", "description"]
    fields = ["name", "slug", "description", "public", "groups"]
    readonly_fields = ["states"]
    prepopulated_fields = {"slug": ["name"]}
    filter_horizontal = ["groups"]
    Media = UploadMedia

    def get_queryset(self, request: HttpRequest) -> QuerySet[Collection]:
        by_state = {state: Count("documents", filter=Q(documents__state=state)) for state in Document.State.values}
        return super().get_queryset(request).annotate(total=Count("documents"), **by_state)

    def get_fields(self, request: HttpRequest, obj: Collection | None = None) -> Any:
        return ["states", *self.fields] if obj else self.fields

    @admin.display(description="documents", ordering="total")
    def document_count(self, collection: Collection) -> int:
        return sum(getattr(collection, state) for state in Document.State.values)

    @admin.display(description="documents by state", empty_value="none yet")
    def states(self, collection: Collection) -> SafeString | None:
        """How many documents are in each state, each number a link to them."""
        changelist = reverse("admin:retrieval_document_changelist")
        counts = [(state, getattr(collection, state)) for state in Document.State]
        link = '<a data-field="state" data-state="{}" href="{}?collection__id__exact={}&amp;state__exact={}">{} {}</a>'
        rows = [(state, changelist, collection.pk, state, n, state.label.lower()) for state, n in counts if n]
        return format_html_join(" ", link, rows) or None

    def get_urls(self) -> list[URLPattern]:
        query = self.admin_site.admin_view(self.query_view)
        return [path("<int:pk>/query/", query, name="retrieval_collection_query"), *super().get_urls()]

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
        if obj and request.user.has_perm("retrieval.add_document"):
            context["upload_form"] = CollectionUploadForm(initial={"collection": obj.pk})
        return super().render_change_form(request, context, add, change, form_url, obj)

    def query_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Search this collection as the signed-in user; by POST, for a query may be longer than an address."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        collection = get_object_or_404(Collection, pk=pk)
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
        if form.is_valid():
            context |= self._searched(request, collection, query=form.cleaned_data["query"])
        return TemplateResponse(request, "admin/retrieval/collection/query.html", context)

    def _searched(self, request: HttpRequest, collection: Collection, *, query: str) -> dict[str, Any]:
        try:
            result = search.search(query, user=request.user, collections=[collection.slug], limit=PASSAGES_SHOWN)
        except RetrievalError as error:
            return {"problem": str(error)}
        passages = [(passage, highlighted(passage.text, query=query)) for passage in result.passages]
        return {"result": result, "passages": passages}

    def get_deleted_objects(
        self, objs: Sequence[Collection] | QuerySet[Collection], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """The collections by name and what they hold by number: that may be thousands of rows."""
        names = [str(collection) for collection in objs]
        documents = Document.objects.filter(collection__in=objs).count()
        chunks = Chunk.objects.filter(document__collection__in=objs).count()
        may_delete = not documents or request.user.has_perm("retrieval.delete_document")
        counts = {_("collections"): len(names), _("documents"): documents, _("chunks"): chunks}
        return names, counts, set() if may_delete else {_("document")}, []


@admin.register(Document)
class DocumentAdmin(DocumentModelAdmin):
    form = DocumentForm
    list_display = ["title", "state_and_error", "collection", "pages", "chunks", "updated"]
    list_filter = ["collection", "state"]
    list_select_related = ["collection"]
    search_fields = ["title", "filename"]
    ordering = ["-updated_at", "-pk"]
    readonly_fields = ["original", "state_badge", "pages", "chunks", "characters_text", "error_text", "owner"]
    actions = ["reindex"]
    view_on_site = False  # "Open in reader" is that link
    Media = UploadMedia

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        return super().get_queryset(request).defer("page_starts")

    def get_fieldsets(self, request: HttpRequest, obj: Document | None = None) -> Any:
        described = ["title", "collection", "original"]
        if self.has_change_permission(request, obj):
            described.append("replacement")
        return [(None, {"fields": described}), (_("Ingestion"), {"fields": self.readonly_fields[1:]})]

    @admin.display(description="state", ordering="state")
    def state_and_error(self, document: Document) -> SafeString:
        return format_html("{} {}", _live(document, "state"), _live(document, "error"))

    @admin.display(description="updated", ordering="updated_at")
    def updated(self, document: Document) -> SafeString:
        exact = localize(localtime(document.updated_at))
        return format_html('<time title="{}">{}</time>', exact, naturaltime(document.updated_at))

    @admin.display(description="state")
    def state_badge(self, document: Document) -> SafeString:
        return _live(document, "state")

    @admin.display(description="pages", ordering="page_count")
    def pages(self, document: Document) -> SafeString:
        return _live(document, "pages")

    @admin.display(description="chunks", ordering="chunk_count")
    def chunks(self, document: Document) -> SafeString:
        return _live(document, "chunks")

    @admin.display(description="characters")
    def characters_text(self, document: Document) -> SafeString:
        return _live(document, "characters")

    @admin.display(description="error")
    def error_text(self, document: Document) -> SafeString:
        return _live(document, "error")

    @admin.display(description="original file")
    def original(self, document: Document) -> SafeString:
        address = reverse("admin:retrieval_document_original", args=[document.pk])
        return format_html('<a href="{}" download>{}</a>', address, document.filename)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("states/", wrap(require_GET(self.states_view)), name="retrieval_document_states"),
            path("<int:pk>/original/", wrap(require_GET(self.original_view)), name="retrieval_document_original"),
            path("<int:pk>/reindex/", wrap(require_POST(self.reindex_view)), name="retrieval_document_reindex"),
            *super().get_urls(),
        ]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The upload page; with the header `X-Fragment`, only what became of each file."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        collections = Collection.objects.values_list("pk", flat=True)[:2]
        only = collections[0] if len(collections) == 1 else None
        form = UploadForm(request.POST or None, request.FILES or None, initial={"collection": only})
        owner = cast(AbstractBaseUser, request.user)  # admin_view has let only staff in
        uploads = form.save(owner=owner) if form.is_valid() else []
        for upload in uploads:
            if upload.document and not upload.refusal:
                self.log_addition(request, upload.document, [{"added": {}}])
        context = {"uploads": uploads, "may_view": self.has_view_or_change_permission(request)}
        status = 400 if form.errors else 200
        if "X-Fragment" in request.headers:
            return TemplateResponse(request, "admin/retrieval/upload_results.html", context, status=status)
        context |= {
            **self.admin_site.each_context(request),
            "title": _("Upload documents"),
            "upload_form": form,
            "has_collections": bool(collections),
            "media": self.media,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/retrieval/document/upload.html", context, status=status)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Document | None = None,
    ) -> HttpResponse:
        if obj and Document.objects.visible_to(request.user).readable().filter(pk=obj.pk).exists():
            context["reader_url"] = obj.get_absolute_url()
        return super().render_change_form(request, context, add, change, form_url, obj)

    def save_model(self, request: HttpRequest, obj: Document, form: Any, change: bool) -> None:
        obj.save(update_fields=["title", "collection", "updated_at"])  # only these: ingestion may be writing the others
        replacement = form.cleaned_data["replacement"]
        if replacement and ingest.replace_file(obj, file=replacement, filename=replacement.name):
            return
        if form.changed_data:
            ingest.enqueue(obj)  # what the index ranks by (title) or filters by (collection)

    def states_view(self, request: HttpRequest) -> HttpResponse:
        """The ingestion of the documents named by `id`, for states.js; those that are gone are left out."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        ids = request.GET.getlist("id")[:STATES_PER_REQUEST]
        if not all(id_.isdecimal() and len(id_) < 19 for id_ in ids):
            return HttpResponseBadRequest("id must be a number")
        documents = {
            document.pk: {"title": document.title, "state": document.state, "fields": ingestion_fields(document)}
            for document in self.get_queryset(request).filter(pk__in=ids)
        }
        return JsonResponse({"documents": documents})

    def original_view(self, request: HttpRequest, pk: int) -> FileResponse:
        """The file as it was uploaded, always as a download: it may be a page with scripts."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        document = get_object_or_404(Document, pk=pk)
        try:
            file = document.file.open()
        except FileNotFoundError as error:
            raise Http404(_("The file is no longer stored.")) from error
        headers = {"Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff"}
        return FileResponse(
            file,
            as_attachment=True,
            filename=document.filename,
            content_type="application/octet-stream",
            headers=headers,
        )

    def reindex_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        document = get_object_or_404(Document, pk=pk)
        self._enqueue(request, [document])
        return redirect("admin:retrieval_document_change", document.pk)

    @admin.action(description="Re-index selected documents", permissions=["change"])
    def reindex(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        self._enqueue(request, queryset)

    def _enqueue(self, request: HttpRequest, documents: Iterable[Document]) -> None:
        documents = list(documents)
        for document in documents:
            ingest.enqueue(document)
            self.log_change(request, document, _("Re-indexed."))
        count = len(documents)
        self.message_user(
            request,
            ngettext("%d document will be indexed again.", "%d documents will be indexed again.", count) % count,
        )

    def get_deleted_objects(
        self, objs: Sequence[Document] | QuerySet[Document], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """The documents by title and their chunks by number: a book has thousands."""
        titles = [str(document) for document in objs]
        chunks = Chunk.objects.filter(document__in=objs).count()
        return titles, {_("documents"): len(titles), _("chunks"): chunks}, set(), []
