"""Documents in the admin: watch them become ready, replace, re-index, refresh and delete them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, cast

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import Script
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.formats import localize
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import is_aware, localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_POST

from retrieval.admin.additions import additions
from retrieval.admin.bulk import BulkActions
from retrieval.admin.forms import DocumentForm
from retrieval.admin.sources import SourcePages, add_links, fetch_limits
from retrieval.admin.synced import synced_place
from retrieval.ingestion import ingest, vocabulary
from retrieval.ingestion.deletion import delete_documents
from retrieval.models import Chunk, Document
from retrieval.namesakes import full_name, told_apart
from retrieval.sources.addresses import RefreshOutcome, refresh

STATES_PER_REQUEST = 100  # as many as the changelist has rows, and as states.js asks for at once
_REFRESHED_AT_ONCE = 500
_REASONS_SHOWN = 10  # of each kind
_TITLES_SHOWN = 100  # of those that are about to be deleted
_LOSSES_SHOWN = 2  # sentences below a state in the list; its own page tells all
_NOTED = "noted"  # how the state looks of what was read and lost something


def ingestion_fields(document: Document) -> dict[str, Any]:
    """Return what pages show of a document's ingestion and keep current: texts, and its notes, those of what it lost
    first."""
    return {
        "state": _state_text(document),
        "pages": f"{document.page_count:,}" if document.page_count else "",
        "chunks": f"{document.chunk_count:,}" if document.chunk_count else "",
        "characters": f"{document.characters:,}" if document.characters else "",
        "language": document.language,
        "notes": [{"text": note.reason.message(), "lost": note.loses} for note in document.ordered_notes],
        "losses": " ".join(_losses(document)[:_LOSSES_SHOWN]),
        "error": document.error.message(),
    }


def _state_text(document: Document) -> str:
    if document.state == Document.State.PROCESSING:
        return f"{document.get_state_display()} {document.progress}%"
    return _("Read with notes") if state_look(document) == _NOTED else document.get_state_display()


def state_look(document: Document) -> str:
    """Return how its state looks in lists: a document that was read and lost something is no plain "ready"."""
    return _NOTED if document.state == Document.State.READY and document.has_losses else document.state


def _losses(document: Document) -> list[str]:
    """Return a sentence for each thing that the text which searches see has lost."""
    return [note.reason.message() for note in document.ordered_notes if note.loses]


def _live(document: Document, field: str) -> SafeString:
    """Return one of these fields, marked so that states.js finds it."""
    return format_html(
        '<span data-document="{}" data-field="{}" data-state="{}">{}</span>',
        document.pk,
        field,
        state_look(document),
        ingestion_fields(document)[field],
    )


def _live_notes(document: Document) -> SafeString:
    """Return the notes as a list, marked so that states.js finds it."""
    notes = ingestion_fields(document)["notes"]
    items = [(SafeString(" data-lost") if note["lost"] else "", note["text"]) for note in notes]
    return format_html(
        '<ul data-document="{}" data-field="notes" data-state="{}">{}</ul>',
        document.pk,
        state_look(document),
        format_html_join("", "<li{}>{}</li>", items),
    )


def _time(moment: datetime) -> SafeString:
    local = localtime(moment) if is_aware(moment) else moment
    return format_html('<time title="{}">{}</time>', localize(local), naturaltime(moment))


def _location_link(document: Document, label: str) -> SafeString:
    """Return a link to the page itself, which does not learn where its visitor comes from."""
    return format_html('<a href="{}" title="{}" rel="noreferrer">{}</a>', document.location, document.location, label)


class LanguageFilter(admin.AllValuesFieldListFilter):
    """Also the documents whose language nothing tells have a name to be chosen by."""

    def choices(self, changelist: Any) -> Any:
        for choice in super().choices(changelist):
            yield choice if choice["display"] else choice | {"display": _("Unknown")}


class NotesFilter(admin.SimpleListFilter):
    """The documents by what reading them left out, by a column that holds it."""

    title = gettext_lazy("notes")
    parameter_name = "noted"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("lost", gettext_lazy("Lost something")),
            ("pages", gettext_lazy("Pages not read")),
            ("any", gettext_lazy("With notes")),
            ("none", gettext_lazy("Without notes")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Document]) -> QuerySet[Document]:
        read = queryset.filter(live_generation__gt=0)
        match self.value():
            case "lost":
                return read.filter(noted=Document.Noted.LOSSES)
            case "pages":
                return queryset.filter(pk__in=Document.objects.with_unread_pages())
            case "any":
                return read.exclude(noted=Document.Noted.NOTHING)
            case "none":
                return read.filter(noted=Document.Noted.NOTHING)
        return queryset


class UploadMedia:
    css = {"all": ["retrieval/admin/admin.css"]}
    js = [Script("retrieval/admin/states.js", defer=True), Script("retrieval/admin/upload.js", defer=True)]


def with_hidden(documents: QuerySet[Document], request: HttpRequest) -> QuerySet[Document]:
    """Return the documents that the user sees. What readers have attached to their conversations only superusers see,
    who have to look after it."""
    return documents if getattr(request.user, "is_superuser", False) else documents.filter(collection__hidden=False)


@admin.register(Document)
class DocumentAdmin(BulkActions, SourcePages):
    form = DocumentForm
    list_display = ["named", "state_and_error", "collection", "source_and_language", "chunks", "updated"]
    list_filter = ["state", NotesFilter, "source", "collection", ("language", LanguageFilter)]
    list_select_related = ["collection"]
    search_fields = ["title", "filename", "location"]
    ordering = ["-updated_at", "-pk"]
    readonly_fields = [
        *["original", "source", "place", "checked", "size_text", "owner"],
        *["state_badge", "notes_list", "language_live", "pages", "chunks", "characters_text", "error_text"],
    ]
    actions = ["move", "rename", "reindex", "refresh", "delete_selected"]
    delete_selected_confirmation_template = "admin/retrieval/document/delete_selected_confirmation.html"
    view_on_site = False  # "Open in reader" is that link
    Media = UploadMedia

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        return with_hidden(super().get_queryset(request), request).defer("page_starts", "page_labels")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Note what tells the documents of the page apart from others of the same title."""
        changelist = super().get_changelist_instance(request)
        beside = told_apart(changelist.result_list, among=self.get_queryset(request))
        for document in changelist.result_list:
            vars(document)["beside"] = beside.get(document.pk, "")
        return changelist

    @admin.display(description=gettext_lazy("title"), ordering="title")
    def named(self, document: Document) -> SafeString | str:
        beside = vars(document).get("beside", "")
        return format_html('{} <span class="beside">{}</span>', document.title, beside) if beside else document.title

    def has_change_permission(self, request: HttpRequest, obj: Document | None = None) -> bool:
        """Return whether the user may change it: never what a reader has attached to a conversation."""
        return super().has_change_permission(request, obj) and not (obj and obj.collection.hidden)

    def get_fieldsets(self, request: HttpRequest, obj: Document | None = None) -> Any:
        described = ["title", "collection", "original"]
        if self.has_change_permission(request, obj):
            described.append("replacement")
        source = ["source", "size_text", "owner"]
        if obj and obj.location:
            source[1:1] = ["place", *(["checked"] if obj.checked_at else [])]
        ingestion = self.readonly_fields[6:]
        return [
            (None, {"fields": described}),
            (_("Source"), {"fields": source}),
            (_("Ingestion"), {"fields": ingestion}),
        ]

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_and_error(self, document: Document) -> SafeString:
        losses = _live(document, "losses")
        if sentences := _losses(document):
            losses = format_html('<span title="{}">{}</span>', "\n".join(sentences), losses)
        return format_html("{} {} {}", _live(document, "state"), _live(document, "error"), losses)

    @admin.display(description=gettext_lazy("updated"), ordering="updated_at")
    def updated(self, document: Document) -> SafeString:
        return _time(document.updated_at)

    @admin.display(description=gettext_lazy("last looked at"))
    def checked(self, document: Document) -> SafeString:
        return _time(document.checked_at) if document.checked_at else SafeString("")

    @admin.display(description=gettext_lazy("source"), ordering="source")
    def source_and_language(self, document: Document) -> SafeString:
        label = document.get_source_display()
        source = _location_link(document, label) if document.source == Document.Source.URL else label
        return format_html("{} {}", source, _live(document, "language"))

    @admin.display(description=gettext_lazy("location"))
    def place(self, document: Document) -> SafeString:
        if document.source == Document.Source.URL:
            return _location_link(document, document.location)
        if document.source == Document.Source.SYNCED:
            return synced_place(document)
        return format_html("{} {}", document.location, f"({document.folder})" if document.folder else "")

    @admin.display(description=gettext_lazy("size"), ordering="size")
    def size_text(self, document: Document) -> str:
        return filesizeformat(document.size)

    @admin.display(description=gettext_lazy("language"), ordering="language")
    def language_live(self, document: Document) -> SafeString:
        return _live(document, "language")

    @admin.display(description=gettext_lazy("state"))
    def state_badge(self, document: Document) -> SafeString:
        return _live(document, "state")

    @admin.display(description=gettext_lazy("pages"), ordering="page_count")
    def pages(self, document: Document) -> SafeString:
        return _live(document, "pages")

    @admin.display(description=gettext_lazy("chunks"), ordering="chunk_count")
    def chunks(self, document: Document) -> SafeString:
        return _live(document, "chunks")

    @admin.display(description=gettext_lazy("characters"))
    def characters_text(self, document: Document) -> SafeString:
        return _live(document, "characters")

    @admin.display(description=gettext_lazy("notes"))
    def notes_list(self, document: Document) -> SafeString:
        return _live_notes(document)

    @admin.display(description=gettext_lazy("error"))
    def error_text(self, document: Document) -> SafeString:
        return _live(document, "error")

    @admin.display(description=gettext_lazy("original file"))
    def original(self, document: Document) -> SafeString:
        address = reverse("admin:retrieval_document_original", args=[document.pk])
        return format_html('<a href="{}" download>{}</a>', address, document.filename)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("states/", wrap(require_GET(self.states_view)), name="retrieval_document_states"),
            path("<int:pk>/original/", wrap(require_GET(self.original_view)), name="retrieval_document_original"),
            path("<int:pk>/reindex/", wrap(require_POST(self.reindex_view)), name="retrieval_document_reindex"),
            path("<int:pk>/refresh/", wrap(require_POST(self.refresh_view)), name="retrieval_document_refresh"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"add_links": add_links(), **(extra_context or {})})

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
        context["may_refresh"] = obj is not None and obj.source == Document.Source.URL
        if obj and not obj.collection.hidden:
            context["sections"] = [(each.template, each.facts(request, obj)) for each in additions.sections]
        return super().render_change_form(request, context, add, change, form_url, obj)

    def save_model(self, request: HttpRequest, obj: Document, form: Any, change: bool) -> None:
        changed = {"title", "collection"} & set(form.changed_data)
        obj.title_given = obj.title_given or "title" in changed
        obj.save(update_fields=[*changed, "title_given", "updated_at"])  # only these: ingestion may write the others
        if "collection" in changed:
            vocabulary.move_document(obj.pk, source=form.initial["collection"], target=obj.collection_id)
        replacement = form.cleaned_data["replacement"]
        if replacement and ingest.replace_file(obj, file=replacement, filename=replacement.name):
            # At its address is something else now, whatever version that has.
            Document.objects.filter(pk=obj.pk).update(etag="", last_modified="")
            return
        if form.changed_data:
            ingest.enqueue(obj)  # what the index ranks by (title) or filters by (collection)

    def states_view(self, request: HttpRequest) -> HttpResponse:
        """Return the ingestion of the documents named by `id`, for states.js; those that are gone are left out."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        ids = request.GET.getlist("id")[:STATES_PER_REQUEST]
        if not all(id_.isdecimal() and len(id_) < 19 for id_ in ids):
            return HttpResponseBadRequest("id must be a number")
        documents = {
            document.pk: {
                "title": document.title,
                "state": state_look(document),
                "fields": ingestion_fields(document),
            }
            for document in self.get_queryset(request).filter(pk__in=ids)
        }
        return JsonResponse({"documents": documents})

    def original_view(self, request: HttpRequest, pk: int) -> FileResponse:
        """Return the file as it was uploaded, always as a download: it may be a page with scripts."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        document = get_object_or_404(self.get_queryset(request), pk=pk)
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
        document = get_object_or_404(self.get_queryset(request), pk=pk)
        self.reindex(request, Document.objects.filter(pk=document.pk))
        return redirect("admin:retrieval_document_change", pk)

    @admin.action(description=gettext_lazy("Re-index selected documents"), permissions=["change"])
    def reindex(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        """Queue all of them in a few queries, for they may be ten thousand."""
        LogEntry.objects.log_actions(_user_id(request), queryset, CHANGE, _("Re-indexed."))
        count = ingest.enqueue_all(queryset)
        self.message_user(
            request,
            ngettext("%d document will be indexed again.", "%d documents will be indexed again.", count) % count,
        )

    def refresh_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        document = get_object_or_404(self.get_queryset(request), pk=pk, source=Document.Source.URL)
        self._refresh(request, [document])
        return redirect("admin:retrieval_document_change", document.pk)

    @admin.action(description=gettext_lazy("Refresh selected web addresses"), permissions=["change"])
    def refresh(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        documents = queryset.filter(source=Document.Source.URL).order_by("checked_at", "pk")
        self._refresh(request, documents[:_REFRESHED_AT_ONCE])

    def _refresh(self, request: HttpRequest, documents: Iterable[Document]) -> None:
        """Refresh those looked at longest ago first, as many as can be within the seconds that staff may wait."""
        deadline = time.monotonic() + settings.FETCH_MAX_SECONDS
        counts: Counter[RefreshOutcome] = Counter()
        left_over = 0
        for document in documents:
            if (left := deadline - time.monotonic()) <= 0:
                left_over += 1
                continue
            refreshed = refresh(document, limits=fetch_limits(seconds=left))
            counts[refreshed.outcome] += 1
            if refreshed.outcome is RefreshOutcome.CHANGED:
                self.log_change(request, document, _("Refreshed."))
            if refreshed.reason and counts[refreshed.outcome] <= _REASONS_SHOWN:
                self.message_user(request, f"{document.title}: {refreshed.reason.message()}", messages.WARNING)
        self.message_user(request, _refreshed_sentence(counts, left_over))

    @admin.action(description=gettext_lazy("Delete selected documents"), permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[Document]) -> HttpResponse | None:
        """Delete as Django does, but for all that match a filter ask with one number, not with a field for each:
        requests may have a thousand fields. When that number is another by then, ask again."""
        across = request.POST.get("select_across") == "1"
        counted = queryset.count()
        if across and request.POST.get("post") and request.POST.get("counted") != str(counted):
            asked = request.POST.copy()
            del asked["post"]
            request.POST = asked  # type: ignore[assignment]
        response = delete_selected(self, request, queryset)
        if isinstance(response, TemplateResponse) and across:
            response.context_data = {**(response.context_data or {}), "queryset": queryset[:1], "counted": counted}
        return response

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        delete_documents(queryset)

    def get_deleted_objects(
        self, objs: Sequence[Document] | QuerySet[Document], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Return the first documents by title, the rest and all chunks by number: a book has thousands."""
        count = objs.count() if isinstance(objs, QuerySet) else len(objs)
        named = list(objs[:_TITLES_SHOWN])
        beside = told_apart(named)
        titles = [full_name(document, beside.get(document.pk, "")) for document in named]
        if count > len(titles):
            titles.append(_("and %s more") % f"{count - len(titles):,}")
        chunks = Chunk.objects.filter(document__in=objs).count()
        return titles, {_("documents"): count, _("chunks"): chunks}, set(), []


def _user_id(request: HttpRequest) -> int:
    return cast(int, request.user.pk)  # of whatever kind the project's users have


def _refreshed_sentence(counts: Counter[RefreshOutcome], left_over: int) -> str:
    parts = [
        (counts[RefreshOutcome.CHANGED], _("%d changed and will be indexed again")),
        (counts[RefreshOutcome.UNCHANGED], _("%d unchanged")),
        (counts[RefreshOutcome.GONE], _("%d gone, their text is kept")),
        (counts[RefreshOutcome.FAILED], _("%d could not be fetched")),
        (left_over, _("%d not looked at, for time was over: refresh again")),
    ]
    return (
        ", ".join(text % count for count, text in parts if count) + "."
        if any(count for count, _text in parts)
        else _("No web address is among them.")
    )
