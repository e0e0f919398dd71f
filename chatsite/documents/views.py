"""The pages that show documents: the library, the reader, the pictures of a PDF's pages, the original file."""

from __future__ import annotations

from django.contrib.auth.views import redirect_to_login
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from chatsite.documents.library import library_page
from chatsite.documents.reading import VIEW_COOKIE, Reading, asked_number
from chatsite.reader import reader_of
from retrieval.errors import PagesBusy, PagesUnavailable
from retrieval.models import Document
from retrieval.pages.cache import FAILED_SECONDS
from retrieval.pages.pages import WIDTHS, has_pages, render_page

_BUSY_SECONDS = 5  # a page is drawn within one, as a rule
_YEAR = 365 * 24 * 3600


@require_safe
def library(request: HttpRequest) -> HttpResponseBase:
    """Show the collections and documents this reader may see, and what is in them."""
    if not reader_of(request).may_ask():
        return redirect_to_login(request.get_full_path())
    return render(request, "chatsite/library.html", library_page(request))


@require_safe
def document(request: HttpRequest, document_id: int) -> HttpResponseBase:
    """Show a document, opened at a place: characters `start` to `end`, a `page`, or the `hit`th place where the words
    `find` stand. With `X-Fragment: 1`, without the page around it. The quoted words of a row of the site are shown on
    its own page."""
    found = _readable_document(request, document_id)
    if found is None:
        return _missing_document(request)
    chosen = request.GET.get("view")
    page = Reading(request, found).page()
    if page["own_url"] and not chosen and not request.headers.get("X-Fragment"):
        return redirect(page["own_url"])
    template = "chatsite/fragments/document.html" if request.headers.get("X-Fragment") else "chatsite/reader.html"
    response = render(request, template, page)
    if chosen in ("pages", "text"):
        response.set_cookie(
            VIEW_COOKIE, chosen, max_age=_YEAR, samesite="Lax", httponly=True, secure=request.is_secure()
        )
    return response


@require_safe
def page_picture(request: HttpRequest, document_id: int, page: int) -> HttpResponseBase:
    """Send a page of a PDF as WebP, as wide as one of the widths there are: 800 or 1600 pixels."""
    found = _readable_document(request, document_id)
    if found is None:
        return _missing_document(request)
    width = asked_number(request, "width") or WIDTHS[0]
    if not has_pages(found) or width not in WIDTHS or not 1 <= page <= (found.page_count or 0):
        raise Http404
    etag = f'"{found.live_hash[:32]}-{page}-{width}"'
    response = get_conditional_response(request, etag=etag)
    if response is None:
        try:
            response = HttpResponse(render_page(found, page=page, width=width), content_type="image/webp")
        except PagesUnavailable as error:
            seconds = _BUSY_SECONDS if isinstance(error, PagesBusy) else FAILED_SECONDS
            headers = {"Retry-After": str(seconds)}
            return HttpResponse(error.reason.message(), status=503, content_type="text/plain", headers=headers)
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"  # kept by this reader's browser, which asks each time if it may
    response["X-Content-Type-Options"] = "nosniff"
    return response


@require_safe
def original(request: HttpRequest, document_id: int) -> HttpResponseBase:
    """Send the file as it was put in: always a download, never a page of this site."""
    found = _readable_document(request, document_id)
    if found is None:
        return _missing_document(request)
    response = FileResponse(found.file.open("rb"), as_attachment=True, filename=found.filename)
    response["Content-Type"] = "application/octet-stream"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


def _readable_document(request: HttpRequest, document_id: int) -> Document | None:
    reader = reader_of(request)
    if not reader.may_ask():
        return None
    return reader.documents().readable().select_related("collection").filter(pk=document_id).first()


def _missing_document(request: HttpRequest) -> HttpResponseBase:
    """Not there, or not this reader's: the same answer for both. Someone who is not signed in may sign in first."""
    if request.user.is_authenticated:
        raise Http404
    return redirect_to_login(request.get_full_path())
