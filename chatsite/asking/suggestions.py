"""Questions a reader may want to ask next, or first: made from the headings of documents that this reader may read.

A rule, with a language model as without one: it costs nothing, comes at once, and what it suggests is in the documents.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256

from django.core.cache import cache
from django.db.models import Count, F, Max, Q
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from chatsite.models import Citation, Run
from chatsite.reader import Reader
from retrieval.models import Chunk, Document
from retrieval.texts import document_text

Path = tuple[str, ...]
"""The headings above a place, outermost first."""

STARTERS = 4
FOLLOW_UPS = 3
NEAR_CHARACTERS = 6_000  # what stands this far from a cited place is still near it
HEADING_MOST = 70
CACHE_SECONDS = 600
STARTER_DOCUMENTS = 8


def starters(reader: Reader, *, asked: Iterable[str] = ()) -> list[str]:
    """Suggest a question for each of some documents, the newest first, but none that was `asked`."""
    readable = reader.documents().listed().readable()
    collections = readable.order_by("collection").values("collection")
    state = list(collections.annotate(at=Max("updated_at"), count=Count("pk")).values_list("collection", "at", "count"))
    # Kept under what this reader may see, as it is now: a grant that is revoked leads to another key.
    key = f"starters:{sha256(repr((get_language(), state)).encode()).hexdigest()}"
    kept = cache.get(key)
    if kept is None:
        kept = _starters(list(readable.order_by("-updated_at", "pk")[:STARTER_DOCUMENTS]))
        cache.set(key, kept, CACHE_SECONDS)
    known = {question.casefold() for question in asked}
    return [question for question in kept if question.casefold() not in known]


def _starters(documents: list[Document]) -> list[str]:
    by_document: dict[int, list[Path]] = {document.pk: [] for document in documents}
    live = Q(document__in=documents, generation=F("document__live_generation"), position__lt=40)
    below_headings = Chunk.objects.filter(live).exclude(headings=[]).order_by("document", "position")
    for document_id, headings in below_headings.values_list("document_id", "headings"):
        by_document[document_id].append(tuple(headings))
    asked = [_question(document, by_document[document.pk], skip=set()) for document in documents]
    return [question for question in asked if question][:STARTERS]


def follow_ups(
    run: Run, *, documents: Mapping[int, Document], asked: Iterable[str] = (), within: int | None = None
) -> list[str]:
    """Suggest what stands near the places that `run` (with its citations) cites, in those of `documents`; where
    `within` is given, only what can be read in so many characters on each side of them."""
    citations = [c for c in run.citations.all() if c.document_id in documents]
    cited = [(c.document_id, c.start) for c in citations]
    if not cited:
        return []
    near = Q()
    for document_id, start in cited[:4]:
        around = Q(start__gte=max(0, start - NEAR_CHARACTERS), start__lt=start + NEAR_CHARACTERS)
        near |= Q(document=document_id) & around
    chunks = Chunk.objects.filter(near, generation=F("document__live_generation")).exclude(headings=[])
    rows = chunks.order_by("document", "position").values_list("document_id", "start", "end", "headings")
    found = [(document_id, start, end, tuple(headings)) for document_id, start, end, headings in rows]
    if within is not None:
        shown = " ".join(_around(citations[:4], documents, within).split())
        found = [place for place in found if " ".join(_last(place[3]).split()) in shown]
    skip = {path for d, start, end, path in found if any(d == at[0] and start <= at[1] < end for at in cited)}
    questions = list(_near(found, cited, documents, skip={*skip}))
    known = {question.casefold() for question in asked}
    return [question for question in dict.fromkeys(questions) if question.casefold() not in known][:FOLLOW_UPS]


def _around(citations: Iterable[Citation], documents: Mapping[int, Document], within: int) -> str:
    """Return the text that readers of `citations` see around them."""
    spans = ((documents[c.document_id or 0], max(0, c.start - within), c.end + within) for c in citations)
    return "\n".join(document_text(document, start=start, end=end) for document, start, end in spans)


def _last(path: Path) -> str:
    """Return the innermost of a path of headings, as it is asked about."""
    return path[-1].strip().strip("#:").strip()


def _near(
    found: list[tuple[int, int, int, Path]],
    cited: Sequence[tuple[int | None, int]],
    documents: Mapping[int, Document],
    *,
    skip: set[Path],
) -> Iterator[str]:
    """Yield questions about headings, the nearest first; one behind a cited place before one that stands above it."""

    def distance(place: tuple[int, int, int, Path]) -> tuple[int, int]:
        return min((abs(place[1] - at) * (1 if place[1] >= at else 2), place[1]) for d, at in cited if d == place[0])

    for document_id, _start, _end, path in sorted(found, key=distance):
        if question := _question(documents[document_id], [path], skip=skip):
            skip.add(path)
            yield question


def _question(document: Document, paths: Sequence[Path], *, skip: set[Path]) -> str:
    """Ask about the innermost heading of the first path where it says more than the title; return nothing when there
    is none."""
    for path in paths:
        heading = _last(path)
        if path not in skip and heading.casefold() != document.title.casefold() and 2 < len(heading) <= HEADING_MOST:
            if heading.endswith("?"):
                return heading
            return _("What does “%(title)s” say about “%(heading)s”?") % {"title": document.title, "heading": heading}
    return ""
