"""The admin's pages through which documents come in: upload, paste, web addresses."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.helpers import AdminForm
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from retrieval.admin.additions import additions
from retrieval.admin.forms import AddressForm, PasteForm, UploadForm
from retrieval.models import Collection, Document
from retrieval.reasons import NO_REASON, Reason, gettext_noop
from retrieval.sources.refused import keep_refused
from retrieval.sources.uploads import Upload, check_length
from retrieval.sources.web import FetchLimits

if TYPE_CHECKING:
    DocumentModelAdmin = admin.ModelAdmin[Document]
else:
    DocumentModelAdmin = admin.ModelAdmin

_TOGETHER = gettext_noop("%(refusal)s The files of one form count together: choose fewer at once.")


def fetch_limits(*, seconds: float | None = None) -> FetchLimits:
    """Return what one fetch may cost; staff wait for it."""
    wait = settings.FETCH_MAX_SECONDS if seconds is None else seconds
    return FetchLimits(settings.UPLOAD_MAX_BYTES, seconds=wait, hosts=settings.FETCH_HOSTS)


class SourcePages(DocumentModelAdmin):
    """The part of the document admin that adds. Every page takes a collection and lists what became of each thing."""

    def get_urls(self) -> list[URLPattern]:
        def wrap(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
            return self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(view))

        urls = super().get_urls()
        for url in urls:
            if url.name in {"retrieval_document_add", "retrieval_document_change"}:
                url.callback = self._bounded(url.callback)
        return [
            path("paste/", wrap(self.paste_view), name="retrieval_document_paste"),
            path("address/", wrap(self.address_view), name="retrieval_document_address"),
            *urls,
        ]

    def _bounded(self, view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        """Return the admin's `view`, which answers a body too long for it by why, before a CSRF check reads the form:
        `view` has its own check."""
        refuse = self.admin_site.admin_view(csrf_exempt(self.refuse_view))

        @csrf_exempt
        @wraps(view)
        def bounded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            welcome = self.admin_site.has_permission(request) and not _too_long(request)
            return (view if welcome else refuse)(request, *args, **kwargs)

        bounded.takes_files = True  # type: ignore[attr-defined]
        return bounded

    def refuse_view(self, request: HttpRequest, object_id: str | None = None) -> HttpResponse:
        """Show the page again, with what is wrong with a body that nobody reads: the request becomes one for the
        page."""
        refusal, request.method = _too_long(request), "GET"
        if object_id is None:
            self._check_may_add(request)
            refusal = Reason(_TOGETHER, refusal=refusal)
            upload = Upload(_("Documents"), refusal=refusal, too_much=True)
            return self._upload_page(request, UploadForm(initial=_initial(request)), [upload], status=413)
        response = self.change_view(request, object_id)
        if response.status_code == 200:
            self.message_user(request, f"{_('Replace file')}: {refusal.message()}", messages.ERROR)
            response.status_code = 413
        return response

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the upload page; with the header `X-Fragment`, only what became of each file."""
        self._check_may_add(request)
        form = UploadForm(request.POST or None, request.FILES or None, initial=_initial(request))
        uploads = form.save(owner=_owner(request)) if form.is_valid() else []
        return self._upload_page(request, form, uploads, status=self._record(request, form, uploads))

    def _upload_page(
        self, request: HttpRequest, form: UploadForm, uploads: list[Upload], *, status: int
    ) -> HttpResponse:
        context = {"uploads": uploads, "may_view": self.has_view_or_change_permission(request)}
        if "X-Fragment" in request.headers:
            return TemplateResponse(request, "admin/retrieval/upload_results.html", context, status=status)
        context |= {"title": _("Upload documents"), "upload_form": form, "upload_query": request.GET.urlencode()}
        return self._page(request, "upload", context, status=status)

    def paste_view(self, request: HttpRequest) -> HttpResponse:
        """Add text as a document."""
        self._check_may_add(request)
        form = PasteForm(request.POST or None, initial=_initial(request))
        uploads = form.save(owner=_owner(request)) if form.is_valid() else []
        return self._source_page(request, form, uploads, title=_("Paste text"), submit=_("Add"))

    def address_view(self, request: HttpRequest) -> HttpResponse:
        """Add what is at one or more web addresses, each as a document. Staff wait, `FETCH_MAX_SECONDS` at the
        longest."""
        self._check_may_add(request)
        form = AddressForm(request.POST or None, initial=_initial(request))
        uploads = form.save(owner=_owner(request), limits=fetch_limits) if form.is_valid() else []
        return self._source_page(request, form, uploads, title=_("Add web addresses"), submit=_("Fetch"))

    def _source_page(
        self, request: HttpRequest, form: PasteForm | AddressForm, uploads: list[Upload], *, title: str, submit: str
    ) -> HttpResponse:
        status = self._record(request, form, uploads)
        if uploads and not any(upload.refusal for upload in uploads):
            form = type(form)(initial={"collection": form.cleaned_data["collection"]})  # ready for the next
        context = {
            "title": title,
            "submit": submit,
            "uploads": uploads,
            "form": form,
            "adminform": AdminForm(cast(Any, form), [(None, {"fields": list(form.fields)})], {}),
            "may_view": self.has_view_or_change_permission(request),
        }
        return self._page(request, "source", context, status=status)

    def _check_may_add(self, request: HttpRequest) -> None:
        if not self.has_add_permission(request):
            raise PermissionDenied

    def _record(self, request: HttpRequest, form: UploadForm | PasteForm | AddressForm, uploads: list[Upload]) -> int:
        """Log what was added, and keep what was refused. Return the status of the answer."""
        if form.errors or not form.is_bound:
            return 400 if form.errors else 200
        keep_refused(form.cleaned_data["collection"], uploads, owner=_owner(request))
        for upload in uploads:
            if upload.document and not upload.refusal:
                self.log_addition(request, upload.document, [{"added": {}}])
                for note in additions.added:
                    note(request, upload.document)
        refused_for_size = bool(uploads) and all(upload.too_much for upload in uploads)
        return 413 if refused_for_size else 200

    def _page(self, request: HttpRequest, name: str, context: dict[str, Any], *, status: int) -> HttpResponse:
        context |= {
            **self.admin_site.each_context(request),
            **context,
            "has_collections": Collection.objects.listed().exists(),
            "media": self.media,
            "opts": self.opts,
        }
        return TemplateResponse(request, f"admin/retrieval/document/{name}.html", context, status=status)


def add_links(collection: Collection | None = None) -> list[tuple[str, str]]:
    """Return the pages above, for a row of buttons: what each says, and its address."""
    query = f"?collection={collection.pk}" if collection else ""
    names = [("paste", _("Paste text")), ("address", _("Add web addresses"))]
    return [(label, reverse(f"admin:retrieval_document_{name}") + query) for name, label in names]


def _too_long(request: HttpRequest) -> Reason:
    """Return why its body is refused unread; empty when it is not."""
    length = request.META.get("CONTENT_LENGTH") or ""
    return check_length(length, max_bytes=settings.UPLOAD_MAX_BYTES) if request.method == "POST" else NO_REASON


def _owner(request: HttpRequest) -> AbstractBaseUser:
    return cast(AbstractBaseUser, request.user)  # admin_view has let only staff in


def _initial(request: HttpRequest) -> dict[str, Any]:
    """Return the collection that the address names, else the only one there is; and the title, where it names one."""
    asked, title = request.GET.get("collection", ""), request.GET.get("title", "")
    if asked.isdecimal() and len(asked) < 19:
        return {"collection": int(asked), "title": title}
    return {"collection": the_only_collection(), "title": title}


def the_only_collection() -> int | None:
    """Return the id of the only collection there is; None where there are more, or none."""
    collections = Collection.objects.listed().values_list("pk", flat=True)[:2]
    return collections[0] if len(collections) == 1 else None
