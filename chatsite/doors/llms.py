"""`llms.txt` (https://llmstxt.org) and the Markdown of documents: what everybody may read, for programs.

Who asks makes no difference: whatever is not everybody's is not there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from chatsite.documents.reading import asked_number
from chatsite.doors.cited_text import in_markdown
from chatsite.reader import Reader
from retrieval.models import DocumentQuerySet
from retrieval.texts import document_text

LISTED_MOST = 2_000
CHARACTERS_MOST = 500_000  # of one part of a document
_FIELDS = ("pk", "title", "characters", "collection__name", "collection__description")


@require_safe
def llms_txt(request: HttpRequest) -> HttpResponseBase:
    """List the documents that everybody may read, by collection. Raises Http404 where there is none."""
    rows = list(_public().order_by("collection__name", "title", "pk").values(*_FIELDS)[: LISTED_MOST + 1])
    if not rows:
        raise Http404
    parts = [f"# {request.get_host()}", _("> Documents that everybody may read here, each as Markdown.")]
    for name, found in groupby(rows[:LISTED_MOST], key=lambda row: row["collection__name"]):
        parts += _collection(request, name, list(found))
    if len(rows) > LISTED_MOST:
        library = request.build_absolute_uri(reverse("chatsite:documents"))
        parts += [_("There are more than are listed here: [all of them](%s).") % library]
    return _markdown(request, "\n\n".join(parts) + "\n", kind="text/plain")


@require_safe
def document_markdown(request: HttpRequest, document_id: int) -> HttpResponseBase:
    """Send a document's text as it was read, from the character `start` on. Raises Http404, for one that is not
    everybody's as for one that is not there."""
    found = _public().filter(pk=document_id).first()
    start = asked_number(request, "start") or 0
    if found is None or start >= max(found.characters, 1):
        raise Http404
    end = min(start + CHARACTERS_MOST, found.characters)
    text = document_text(found, start=start, end=end)
    if not start and not text.lstrip().startswith("# "):
        text = f"# {in_markdown(found.title)}\n\n{text}"
    if end < found.characters:
        onwards = f"{request.build_absolute_uri(request.path)}?start={end}"
        text = f"{text.rstrip()}\n\n[" + _("Go on reading") + f"]({onwards})\n"
    return _markdown(request, text, kind="text/markdown")


def _public() -> DocumentQuerySet:
    """Return the documents that somebody who is not signed in may read; none where nobody may ask without that."""
    reader = Reader(AnonymousUser())
    documents = reader.documents().listed().readable()
    return documents if reader.may_ask() else documents.none()


def _collection(request: HttpRequest, name: str, rows: Iterable[Mapping[str, Any]]) -> list[str]:
    rows = list(rows)
    lines = [_line(request, row) for row in rows]
    about = in_markdown(rows[0]["collection__description"], characters=1_000)
    return [part for part in (f"## {in_markdown(name)}", about, "\n".join(lines)) if part]


def _line(request: HttpRequest, row: Mapping[str, Any]) -> str:
    url = request.build_absolute_uri(reverse("chatsite:document-markdown", args=[row["pk"]]))
    size = ngettext("%d character", "%d characters", row["characters"]) % row["characters"]
    return f"- [{in_markdown(row['title'])}]({url}): {size}"


def _markdown(request: HttpRequest, text: str, *, kind: str) -> HttpResponseBase:
    """Return a text that a reader may keep, but asks for anew each time: what is everybody's may cease to be."""
    content = text.encode()
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    response = get_conditional_response(request, etag=etag)
    if response is None:
        response = HttpResponse(content, content_type=f"{kind}; charset=utf-8")
    response["ETag"] = etag
    response["Cache-Control"] = "no-cache"
    response["X-Content-Type-Options"] = "nosniff"
    return response
