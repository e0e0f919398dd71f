"""The places an answer cites, in its order: so that a reader can go from one to the next and check them in one pass."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest

from chatsite.documents.finding import find
from chatsite.models import Citation, Run
from chatsite.reader import reader_of
from retrieval.models import Document


@dataclass(frozen=True, slots=True)
class AnswerQuotes:
    """Where the reader is among the places that `run` cites: `number` of `count`, and the addresses around it."""

    run: Run
    number: int
    count: int
    previous_url: str | None
    next_url: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """A document whose text is another since it was cited: the quote as it was, and whether the new text has it."""

    quote: str
    found: bool


def cited_here(request: HttpRequest, document: Document, *, start: int, end: int) -> Citation | None:
    """Return the citation of this place in an answer of this reader's: in the one that the address names, else the
    latest."""
    named = _run_id(request)
    own = reader_of(request).conversations()
    own = own if named else own.exclude(browser="", user=None)  # a program's conversation is for who knows its id
    cited = Citation.objects.filter(document=document, start=start, end=end, run__conversation__in=own)
    return (cited.filter(run=named) if named else cited).select_related("run").order_by("-pk").first()


def answer_quotes(citation: Citation, *, request: HttpRequest) -> AnswerQuotes:
    """Return the places around `citation`, each once, in documents that this reader may read now."""
    reader = reader_of(request)
    cited = citation.run.citations.filter(document__in=reader.documents().readable())
    places = list(dict.fromkeys((c.document_id or 0, c.start, c.end) for c in cited.select_related(None)))
    urls = [reader.link(pk, start=start, end=end, run=citation.run_id) for pk, start, end in places]
    at = places.index((citation.document_id or 0, citation.start, citation.end))
    return AnswerQuotes(citation.run, at + 1, len(places), *_around(urls, at))


def _around(urls: Sequence[str], at: int) -> tuple[str | None, str | None]:
    return (urls[at - 1] if at else None), (urls[at + 1] if at + 1 < len(urls) else None)


def changed(citation: Citation, document: Document) -> tuple[Change | None, tuple[int, int]]:
    """Return what has become of the quote when the document's text is another by now, and where it stands; where it
    stood when it is gone."""
    place = (citation.start, citation.end)
    if citation.content_hash == document.live_hash:
        return None, place
    found = find(document, citation.quote, limit=1).places
    near = min(citation.start, document.characters)
    return Change(citation.quote, bool(found)), found[0] if found else (near, near)


def _run_id(request: HttpRequest) -> uuid.UUID | None:
    try:
        return uuid.UUID(request.GET.get("run", ""))
    except ValueError:
        return None
