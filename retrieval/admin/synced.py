"""The sources of a collection in the admin: how they are, what their runs did, and what staff may do with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.contrib.admin.helpers import AdminForm
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from retrieval.admin.synced_forms import KindForm, SyncedSourceForm, kinds_offered
from retrieval.ingestion.deletion import delete_documents
from retrieval.models import Collection, Document, SyncedSource, SyncEvent, SyncRun
from retrieval.syncing.declaring import source_kinds
from retrieval.syncing.due import ask_for
from retrieval.syncing.running import confirm_gone, place_of
from retrieval.syncing.schedule import next_due

if TYPE_CHECKING:
    CollectionModelAdmin = admin.ModelAdmin[Collection]
else:
    CollectionModelAdmin = object

SOURCES = 100  # of a collection
_RUNS_SHOWN = 10
_EVENTS_ON_A_PAGE = 50
_MISSING = 20  # that are named where a person has to say whether they go
State = SyncRun.State


@dataclass(frozen=True)
class ShownSource:
    """A source as a page shows it: `look` is how its state looks, as those of documents do."""

    source: SyncedSource
    kind: Any
    place: str
    run: SyncRun | None
    state: str
    look: str

    @classmethod
    def of(cls, source: SyncedSource, run: SyncRun | None) -> ShownSource:
        kind = source_kinds().get(source.kind)
        state, look = _state(source, run)
        return cls(source, kind.label if kind else source.kind, place_of(source), run, state, look)


def _state(source: SyncedSource, run: SyncRun | None) -> tuple[str, str]:
    if source.token:
        return _("Running"), "processing"
    if source.held:
        return _("Waits for your word"), "failed"
    if not source.active:
        return _("Paused"), "queued"
    if source.next_due and source.next_due <= timezone.now():
        return _("Queued"), "queued"
    if run is None:
        return _("Not looked at yet"), "queued"
    looks = {State.DONE: "ready", State.INCOMPLETE: "noted", State.INTERRUPTED: "processing"}
    return run.get_state_display(), looks.get(State(run.state), "failed")


def synced_place(document: Document) -> SafeString:
    """Return the entry of a document, linked to its own page where it has one, and its source, linked to its page."""
    entry = format_html("{}", document.location)
    if document.address:
        entry = format_html('<a href="{}" rel="noreferrer">{}</a>', document.address, document.location)
    number = document.folder.removeprefix("source:")
    source = SyncedSource.objects.filter(pk=int(number)).first() if number.isdecimal() else None
    if source is None:
        return entry
    url = reverse("admin:retrieval_collection_source", args=[source.collection_id, source.pk])
    return format_html('{} (<a href="{}">{}</a>)', entry, url, source.name)


class SyncedSourcePages(CollectionModelAdmin):
    """For the admin of collections. Whoever may see documents sees sources; adding one takes the right to add
    documents, running and pausing that to change them, and whatever deletes documents that to delete them."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        edit = require_http_methods(["GET", "HEAD", "POST"])
        one = "<int:pk>/sources/<int:source_pk>/"
        return [
            path("<int:pk>/sources/", wrap(require_GET(self.sources_view)), name="retrieval_collection_sources"),
            path("<int:pk>/sources/add/", wrap(edit(self.source_add_view)), name="retrieval_collection_source_add"),
            path(one, wrap(require_GET(self.source_view)), name="retrieval_collection_source"),
            path(f"{one}state/", wrap(require_GET(self.source_state_view)), name="retrieval_collection_source_state"),
            path(f"{one}change/", wrap(edit(self.source_change_view)), name="retrieval_collection_source_change"),
            path(f"{one}do/", wrap(require_POST(self.source_do_view)), name="retrieval_collection_source_do"),
            *super().get_urls(),
        ]

    # ---- what is shown -----------------------------------------------------------------------------------------------
    def sources_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """List the sources of a collection."""
        collection = self._seen_collection(request, pk)
        sources = collection.synced_sources.annotate(newest=Max("runs")).order_by("name", "pk")[:SOURCES]
        runs = SyncRun.objects.in_bulk([source.newest for source in sources if source.newest])
        shown = [ShownSource.of(source, runs.get(source.newest)) for source in sources]
        context = self._context(request, collection, _("Sources")) | {"sources": shown, "kinds": kinds_offered()}
        return TemplateResponse(request, "admin/retrieval/collection/sources.html", context)

    def source_view(self, request: HttpRequest, pk: int, source_pk: int) -> HttpResponse:
        """Show a source, its last runs and what one of them did."""
        collection, source = self._seen_source(request, pk, source_pk)
        runs = list(source.runs.all()[:_RUNS_SHOWN])
        asked = request.GET.get("run", "")
        run = next((run for run in runs if str(run.pk) == asked), runs[0] if runs else None)
        events = SyncEvent.objects.filter(run=run).select_related("document") if run else SyncEvent.objects.none()
        if (what := request.GET.get("what", "")) in SyncEvent.What:
            events = events.filter(what=what)
        context = self._context(request, collection, source.name) | {
            "shown": ShownSource.of(source, runs[0] if runs else None),
            "runs": runs,
            "run": run,
            "what": what,
            "whats": SyncEvent.What.choices,
            "missing": source.entries.filter(missing=True, document__isnull=False).select_related("document")[
                :_MISSING
            ],
            "page": Paginator(events, _EVENTS_ON_A_PAGE).get_page(request.GET.get("p")),
            "documents": Document.objects.filter(source=Document.Source.SYNCED, folder=source.folder).count(),
        }
        return TemplateResponse(request, "admin/retrieval/collection/source.html", context)

    def source_state_view(self, request: HttpRequest, pk: int, source_pk: int) -> HttpResponse:
        """Show how a source is, as the part of its page that states.js keeps current."""
        collection, source = self._seen_source(request, pk, source_pk)
        context = {"collection": collection, "shown": ShownSource.of(source, source.runs.first())}
        return TemplateResponse(request, "admin/retrieval/collection/source_state.html", context)

    # ---- what is changed ---------------------------------------------------------------------------------------------
    def source_add_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for a source of the kind that the address names, and add it. It is looked at at once."""
        self._check(request, "add")
        collection = self._seen_collection(request, pk)
        kind = request.GET.get("kind", "")
        if kind not in source_kinds():
            return redirect("admin:retrieval_collection_sources", pk)
        if collection.synced_sources.count() >= SOURCES:
            self.message_user(request, _("A collection has up to %d sources.") % SOURCES, messages.ERROR)
            return redirect("admin:retrieval_collection_sources", pk)
        return self._edit(request, collection, SyncedSource(collection=collection, kind=kind))

    def source_change_view(self, request: HttpRequest, pk: int, source_pk: int) -> HttpResponse:
        self._check(request, "change")
        collection, source = self._seen_source(request, pk, source_pk)
        if source.kind not in source_kinds():
            raise Http404
        return self._edit(request, collection, source)

    def _edit(self, request: HttpRequest, collection: Collection, source: SyncedSource) -> HttpResponse:
        kind, is_new = source_kinds()[source.kind], source.pk is None
        form = SyncedSourceForm(request.POST or None, instance=source, collection=collection)
        of_kind = KindForm(kind, request.POST or None, source.settings)
        settings = of_kind.settings() if request.method == "POST" else None
        if request.method == "POST" and form.is_valid() and settings is not None:
            self._save(request, form, settings)
            return redirect("admin:retrieval_collection_source", collection.pk, source.pk)
        title = _("Add a source: %s") % kind.label if is_new else _("Change %s") % source.name
        fieldsets = [
            AdminForm(
                cast(Any, of_kind.form), [(None, {"fields": list(of_kind.form.fields), "description": kind.help})], {}
            ),
            AdminForm(form, [(_("Name and schedule"), {"fields": list(form.fields)})], {}),
        ]
        context = self._context(request, collection, title) | {
            "adminforms": fieldsets,
            "has_errors": form.errors or of_kind.form.errors,
            "faults": of_kind.form.non_field_errors(),
            "source": None if is_new else source,
        }
        return TemplateResponse(request, "admin/retrieval/collection/source_form.html", context)

    def _save(self, request: HttpRequest, form: SyncedSourceForm, settings: dict[str, Any]) -> None:
        source, is_new, now = form.instance, form.instance.pk is None, timezone.now()
        source.settings = settings
        by_schedule = next_due(source, after=now)
        if is_new:
            source.next_due = now
            source.save()
            text = _("Added the source “%s”.") % source
        else:
            # Only these: a run may write the others.
            source.next_due, source.mark = by_schedule, ""
            source.save(update_fields=["name", "settings", "every", "at", "weekday", "next_due", "mark"])
            text = _("Changed the source “%s”.") % source
        self.log_change(request, source.collection, text)
        self.message_user(request, text)

    def source_do_view(self, request: HttpRequest, pk: int, source_pk: int) -> HttpResponse:
        """Do what the button says: run it now, pause it, have it go on, delete what is gone, or the source."""
        doing = {
            "run": ("change", self._run),
            "pause": ("change", self._pause),
            "resume": ("change", self._resume),
            "confirm": ("delete", self._confirm),
            "delete": ("delete", self._delete),
        }
        asked = request.POST.get("do", "")
        if asked not in doing:
            raise Http404
        right, do = doing[asked]
        self._check(request, right)
        collection, source = self._seen_source(request, pk, source_pk)
        text = do(request, source)
        if text:
            self.log_change(request, collection, text)
            self.message_user(request, text)
        if asked == "delete":
            return redirect("admin:retrieval_collection_sources", pk)
        return redirect("admin:retrieval_collection_source", pk, source_pk)

    def _run(self, request: HttpRequest, source: SyncedSource) -> str:
        ask_for(source)
        return _("Asked for a run of the source “%s”.") % source

    def _pause(self, request: HttpRequest, source: SyncedSource) -> str:
        """Let go of it also where a run is under way: that ends at its next entry."""
        SyncedSource.objects.filter(pk=source.pk).update(active=False, token="", lease_until=None)
        source.runs.filter(state=State.RUNNING).update(state=State.INTERRUPTED, ended_at=timezone.now())
        return _("Paused the source “%s”.") % source

    def _resume(self, request: HttpRequest, source: SyncedSource) -> str:
        source.active = True
        source.next_due = next_due(source, after=timezone.now())
        source.save(update_fields=["active", "next_due"])
        return _("The source “%s” goes on.") % source

    def _confirm(self, request: HttpRequest, source: SyncedSource) -> str:
        """Delete what was shown as gone; when that is another number by now, it is to be looked at again."""
        if request.POST.get("count") != str(source.held):
            self.message_user(request, _("The number has changed meanwhile: look again."), messages.WARNING)
            return ""
        count = confirm_gone(source)
        text = ngettext(
            "Deleted %(count)d document that is gone from the source “%(name)s”.",
            "Deleted %(count)d documents that are gone from the source “%(name)s”.",
            count,
        )
        return text % {"count": count, "name": source}

    def _delete(self, request: HttpRequest, source: SyncedSource) -> str:
        """Delete the source; its documents only where that was asked for."""
        name, folder = source.name, source.folder
        source.delete()
        if not request.POST.get("documents"):
            return _("Deleted the source “%s”. Its documents stay.") % name
        delete_documents(Document.objects.filter(source=Document.Source.SYNCED, folder=folder))
        return _("Deleted the source “%s” with its documents.") % name

    # ---- what all of them ask ----------------------------------------------------------------------------------------
    def _check(self, request: HttpRequest, verb: str) -> None:
        if not request.user.has_perm(f"retrieval.{verb}_document"):
            raise PermissionDenied

    def _seen_collection(self, request: HttpRequest, pk: int) -> Collection:
        if not any(request.user.has_perm(f"retrieval.{verb}_document") for verb in ("view", "change", "add")):
            raise PermissionDenied
        return get_object_or_404(self.get_queryset(request), pk=pk)

    def _seen_source(self, request: HttpRequest, pk: int, source_pk: int) -> tuple[Collection, SyncedSource]:
        collection = self._seen_collection(request, pk)
        return collection, get_object_or_404(
            SyncedSource.objects.select_related("collection"), pk=source_pk, collection=pk
        )

    def _context(self, request: HttpRequest, collection: Collection, title: str) -> dict[str, Any]:
        rights = {f"may_{verb}": request.user.has_perm(f"retrieval.{verb}_document") for verb in _VERBS}
        return {
            **self.admin_site.each_context(request),
            **rights,
            "title": title,
            "subtitle": str(collection),
            "collection": collection,
            "media": self.media,
            "opts": self.opts,
        }


_VERBS = ("view", "add", "change", "delete")
