"""Questions a reader may want to ask next, or first: made from the headings and first sentences of documents that this
reader may read, and each checked to have an answer.

By rules, with a language model as without one: it costs no tokens, comes at once, and what it suggests is in the
documents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import chain, groupby, zip_longest
from time import monotonic

from django.core.cache import cache
from django.db.models import Count, F, Max, Q

from chatsite.answering.assistant import DocumentSearch, SearchUnavailable
from chatsite.answering.language_models import answering_models
from chatsite.asking.question import Question, SearchScope
from chatsite.asking.sections import Section, sections
from chatsite.asking.wording import questions_about, topics_of
from chatsite.models import Citation, Conversation, Run
from chatsite.reader import Reader
from retrieval.models import Chunk, Document
from retrieval.searching.passages import Passage
from retrieval.text.terms import language_of_terms
from retrieval.texts import document_text

STARTERS = 4
FOLLOW_UPS = 3
NEAR_CHARACTERS = 6_000  # what stands this far from a cited place is still near it
CHECK_SECONDS = 0.5  # that checking may take; what is not checked by then is not suggested
CACHE_SECONDS = 3_600
STARTER_DOCUMENTS = 8
_BEGINNING = 24  # chunks of a document that starters are made from
_FIRST_PASSAGES = 2  # that an answer is looked for in: the section asked about is among them

Readable = tuple[Document, Sequence[Section]]
"""A document, and those of its sections that questions may be made of."""

Candidate = tuple[str, Section, Document]
"""A question, and the section of a document that it was made from."""


def starters(reader: Reader, *, asked: Iterable[str] = ()) -> list[str]:
    """Suggest what can be asked of some documents, the newest first, but nothing that was `asked`."""
    readable = reader.documents().listed().readable()
    collections = readable.order_by("collection").values("collection")
    state = list(collections.annotate(at=Max("updated_at"), count=Count("pk")).values_list("collection", "at", "count"))

    def checked() -> list[str]:
        documents = list(readable.order_by("-updated_at", "pk")[:STARTER_DOCUMENTS])
        return _answered(list(_of_beginnings(documents)), reader, most=STARTERS + 1)

    # Kept under what this reader may see, as it is now: a grant that is revoked leads to another key.
    return _unasked(_kept(f"starters:{state}", checked), asked)[:STARTERS]


def follow_ups(run: Run, *, reader: Reader, documents: Mapping[int, Document], asked: Iterable[str] = ()) -> list[str]:
    """Suggest what stands near the places that `run` (with its citations) cites, in those of `documents`; to visitors
    only what they can read around them."""
    citations = [c for c in run.citations.all() if c.document_id in documents][:4]
    if not citations:
        return []
    state = sorted((c.document_id or 0, documents[c.document_id or 0].live_hash, c.start) for c in citations)

    def checked() -> list[str]:
        near = list(_near(citations, documents, within=reader.opens_around))
        return _answered(near, reader, most=FOLLOW_UPS + 2)

    return _unasked(_kept(f"follow-ups:{run.pk}:{reader.opens_around}:{state}", checked), asked)[:FOLLOW_UPS]


def _kept(what: str, checked: Callable[[], list[str]]) -> list[str]:
    """Return what is kept under `what`, made by whoever comes first; who comes meanwhile gets none."""
    key = f"suggestions:{sha256(what.encode()).hexdigest()}"
    kept: list[str] | None = cache.get(key)
    if kept is None:
        if not cache.add(f"{key}:made", 1, CHECK_SECONDS * 4):
            return []
        try:
            kept = checked()
        except SearchUnavailable:  # nothing can be asked now
            return []
        cache.set(key, kept, CACHE_SECONDS)
        cache.delete(f"{key}:made")
    return kept


def _unasked(questions: Sequence[str], asked: Iterable[str]) -> list[str]:
    known = {question.casefold() for question in asked}
    return [question for question in questions if question.casefold() not in known]


# ---- candidates ------------------------------------------------------------------------------------------------------
def _of_beginnings(documents: Sequence[Document]) -> Iterator[Readable]:
    """Yield each document with the sections it begins with."""
    live = Q(document__in=documents, generation=F("document__live_generation"), position__lt=_BEGINNING)
    rows = Chunk.objects.filter(live).order_by("document", "position")
    chunks = {document_id: list(group) for document_id, group in groupby(rows, key=lambda chunk: chunk.document_id)}
    for document in documents:
        yield document, list(sections(document.title, chunks.get(document.pk, [])))


def _questions(document: Document, found: Sequence[Section]) -> list[Candidate]:
    language = document.language or language_of_terms(*(section.body for section in found))
    return [(question, section, document) for question, section in questions_about(found, language=language)]


def _topics(document: Document, found: Sequence[Section]) -> list[Candidate]:
    return [(topic, section, document) for topic, section in topics_of(found)]


def _in_turns(candidates: Iterable[Iterable[Candidate]]) -> Iterator[Candidate]:
    """Yield a candidate of each document, then another of each."""
    return filter(None, chain.from_iterable(zip_longest(*candidates)))


def _near(
    citations: Sequence[Citation], documents: Mapping[int, Document], *, within: int | None
) -> Iterator[Readable]:
    """Yield each cited document with the sections around the cited places, the nearest first: one behind a place before
    one that stands above it, and not the section of the place itself."""
    near = Q()
    for citation in citations:
        around = Q(start__gte=max(0, citation.start - NEAR_CHARACTERS), start__lt=citation.start + NEAR_CHARACTERS)
        near |= Q(document=citation.document_id) & around
    rows = Chunk.objects.filter(near, generation=F("document__live_generation")).order_by("document", "position")
    for document_id, chunks in groupby(rows, key=lambda chunk: chunk.document_id):
        places = [citation.start for citation in citations if citation.document_id == document_id]
        found = [section for section in sections(documents[document_id].title, chunks) if not _holds(section, places)]
        if within is not None:
            shown = _around(documents[document_id], citations, within)
            found = [section for section in found if section.title in shown]
        found.sort(key=lambda section: min(_distance(section, place) for place in places))
        yield documents[document_id], found


def _holds(section: Section, places: Iterable[int]) -> bool:
    return any(section.start <= place < section.end for place in places)


def _distance(section: Section, place: int) -> tuple[int, int]:
    return abs(section.start - place) * (1 if section.start >= place else 2), section.start


def _around(document: Document, citations: Iterable[Citation], within: int) -> str:
    """Return the text that readers of `citations` see around those of `document`."""
    spans = ((max(0, c.start - within), c.end + within) for c in citations if c.document_id == document.pk)
    return " ".join(" ".join(document_text(document, start=start, end=end) for start, end in spans).split())


# ---- their check -----------------------------------------------------------------------------------------------------
def _answered(readable: Sequence[Readable], reader: Reader, *, most: int) -> list[str]:
    """Return what `reader` would get an answer to: questions, or topics where there is none, as far as the time goes.
    Raises SearchUnavailable."""
    until = monotonic() + CHECK_SECONDS
    for made in (_questions, _topics):
        candidates = _in_turns(made(document, found) for document, found in readable)
        if answered := _first_answered(candidates, reader, most=most, until=until):
            return answered
    return []


def _first_answered(candidates: Iterable[Candidate], reader: Reader, *, most: int, until: float) -> list[str]:
    """Return the first `most` of `candidates` that have an answer, one of each section."""
    found: list[str] = []
    used = set[tuple[int, int]]()
    for question, section, document in candidates:
        if len(found) == most or monotonic() > until:
            break
        place = document.pk, section.start
        if place not in used and question not in found and _is_answered(question, section, document, reader):
            used.add(place)
            found.append(question)
    return found


def _is_answered(question: str, section: Section, document: Document, reader: Reader) -> bool:
    """Return whether a search finds the section and takes it for an answer, and a sentence of it can be quoted."""
    scope = SearchScope(collections=reader.searched(None))
    passages: dict[int, Passage] = {}
    asked = Question(reader, Conversation(), question, scope=scope, asked=(question,))
    search = DocumentSearch(asked, passages=passages, steps=[])
    if not search.first()["answers"]:
        return False
    here = [
        marker
        for marker, passage in list(passages.items())[:_FIRST_PASSAGES]
        if passage.document_id == document.pk and passage.start < section.end and section.start < passage.end
    ]
    quoted = answering_models([question], search.candidates, mode=Run.Mode.RETRIEVAL).extractive.quoted()
    return any(f"[{marker}]" in quoted for marker in here)
