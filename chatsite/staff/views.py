"""The assistant in the admin: the chat's frame for its pages, and the admin's own search for a question."""

from __future__ import annotations

from urllib.parse import urlencode

from django.apps import apps
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from chatsite.reader import reader_of
from chatsite.widget.views import frame_page, framed_by

QUESTION_MOST = 1_000  # characters of a question that is looked for


@require_safe
@xframe_options_exempt
@ensure_csrf_cookie
def panel(request: HttpRequest) -> HttpResponse:
    """Show the chat for a page of the admin; who may enter no admin site gets that of any page."""
    if not _is_of_the_staff(request):
        return redirect(f"{reverse('chatsite:embed')}?{request.GET.urlencode()}")
    page = frame_page(request, reader_of(request))
    site = urlencode({"site": request.GET.get("site", "")[:100]})
    page["admin_search_url"] = f"{reverse('chatsite:staff-matches')}?{site}"
    return framed_by(render(request, "chatsite/embed.html", page), "'self'")


@require_safe
def matches(request: HttpRequest) -> HttpResponse:
    """Show which lists of the admin have rows that match a question."""
    if not _is_of_the_staff(request):
        raise Http404
    from chatsite.staff.matches import admin_matches  # a project without the admin has this address, too

    question = request.GET.get("question", "")[:QUESTION_MOST]
    found = admin_matches(request, question, site=request.GET.get("site", "")[:100])
    return render(request, "chatsite/fragments/admin_matches.html", {"matches": found})


def _is_of_the_staff(request: HttpRequest) -> bool:
    """Say whether the project has this assistant, and an admin site that the request may enter."""
    if not settings.ADMIN_ASSISTANT or not apps.is_installed("django.contrib.admin"):
        return False
    from chatsite.staff.lists import admin_sites, as_asked_by  # likewise

    asker = as_asked_by(request)
    return asker is not None and bool(admin_sites(asker))
