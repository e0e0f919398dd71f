"""Questions a reader may want to ask next, or first: made from the headings and first sentences of documents that this
reader may read, and each checked to have an answer.

By rules, with a language model as without one: it costs no tokens, comes at once, and what it suggests is in the
documents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import chain, groupby, islice, zip_longest
from math import inf
from time import monotonic

from django.core.cache import cache
from django.db.models import F, Q

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
CHECK_SECONDS = 2.0  # that checking may take, of which it takes a tenth on an idle machine
CACHE_SECONDS = 3_600
TOO_FEW_SECONDS = 30  # for which they are kept where the time was too short for all
STARTER_DOCUMENTS = 8
_BEGINNING = 24  # chunks of a document that starters are made from
_FIRST_PASSAGES = 2  # that an answer is looked for in: the section asked about is among them

Readable = tuple[Document, Sequence[Section]]
"""A document, and those of its sections that questions may be made of."""

Suggested = tuple[str, Section, Document]
"""A question, and the section of a document that it was made from."""


class _TimeIsOver(Exception):
    """Not all could be checked."""


def starters(reader: Reader, *, asked: Iterable[str] = (), collections: Sequence[str] | None = None) -> list[str]:
    """Suggest what can be asked of some documents, the newest first, but nothing that was `asked`; only of these
    collections (slugs), if any are named."""
    readable = reader.documents().listed().readable().defer("page_starts", "page_labels")
    if collections is not None:
        readable = readable.filter(collection__slug__in=collections)
    documents = list(readable.order_by("-updated_at", "pk")[:STARTER_DOCUMENTS])
    state = [(document.pk, document.live_hash, document.title) for document in documents]

    def checked() -> Iterator[str]:
        return _answered(list(_of_beginnings(documents)), reader, most=STARTERS + 1)

    # Kept under the documents that they are made of: one that is deleted, moved or withdrawn leads to another key.
    return _unasked(_kept(f"starters:{state}", checked), asked)[:STARTERS]


def follow_ups(run: Run, *, reader: Reader, documents: Mapping[int, Document], asked: Iterable[str] = ()) -> list[str]:
    """Suggest what stands near the places that `run` (with its citations) cites, in those of `documents`; to visitors
    only what they can read around them."""
    citations = [c for c in run.citations.all() if c.document_id in documents][:4]
    if not citations:
        return []
    state = sorted((c.document_id or 0, documents[c.document_id or 0].live_hash, c.start) for c in citations)

    def checked() -> Iterator[str]:
        near = list(_near(citations, documents, within=reader.opens_around))
        return _answered(near, reader, most=FOLLOW_UPS + 2)

    return _unasked(_kept(f"follow-ups:{run.pk}:{reader.opens_around}:{state}", checked), asked)[:FOLLOW_UPS]


def _kept(what: str, checked: Callable[[], Iterator[str]]) -> list[str]:
    """Return what is kept under `what`, made by whoever comes first; who comes meanwhile gets none."""
    key = f"suggestions:{sha256(what.encode()).hexdigest()}"
    kept: list[str] | None = cache.get(key)
    if kept is not None:
        return kept
    if not cache.add(f"{key}:made", 1, CHECK_SECONDS * 4):
        return []
    kept, seconds = [], CACHE_SECONDS
    try:
        for question in checked():
            kept.append(question)
    except (SearchUnavailable, _TimeIsOver):
        seconds = TOO_FEW_SECONDS
    cache.set(key, kept, seconds)
    cache.delete(f"{key}:made")
    return kept


def _unasked(questions: Sequence[str], asked: Iterable[str]) -> list[str]:
    known = {question.casefold() for question in asked}
    return [question for question in questions if question.casefold() not in known]


# ---- what may be suggested -------------------------------------------------------------------------------------------
def _of_beginnings(documents: Sequence[Document]) -> Iterator[Readable]:
    """Yield each document with the sections it begins with."""
    live = Q(document__in=documents, generation=F("document__live_generation"), position__lt=_BEGINNING)
    rows = Chunk.objects.filter(live).order_by("document", "position")
    chunks = {document_id: list(group) for document_id, group in groupby(rows, key=lambda chunk: chunk.document_id)}
    for document in documents:
        yield document, list(sections(document.title, chunks.get(document.pk, [])))


def _questions(document: Document, found: Sequence[Section]) -> list[Suggested]:
    language = document.language or language_of_terms(*(section.body for section in found))
    return [(question, section, document) for question, section in questions_about(found, language=language)]


def _topics(document: Document, found: Sequence[Section]) -> list[Suggested]:
    return [(topic, section, document) for topic, section in topics_of(found)]


def _in_turns(candidates: Iterable[Iterable[Suggested]]) -> Iterator[Suggested]:
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
def _answered(readable: Sequence[Readable], reader: Reader, *, most: int) -> Iterator[str]:
    """Yield what `reader` would get an answer to: questions, or topics where there is none. Raises SearchUnavailable or
    _TimeIsOver."""
    for made in (_questions, _topics):
        candidates = _in_turns(made(document, found) for document, found in readable)
        asked = None
        for asked in islice(_with_answers(candidates, reader), most):
            yield asked
        if asked:
            break


def _with_answers(candidates: Iterable[Suggested], reader: Reader) -> Iterator[str]:
    """Yield those of `candidates` that have an answer, one of each section."""
    until = inf
    used = set[tuple[int, int] | str]()
    for question, section, document in candidates:
        place = document.pk, section.start
        if monotonic() > until:
            raise _TimeIsOver
        if used.isdisjoint({place, question}) and _is_answered(question, section, document, reader):
            used |= {place, question}
            yield question
        until = min(until, monotonic() + CHECK_SECONDS)  # from the first check on, which may have to open the index


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
    models = answering_models(
        search.asked, search.candidates, missing=search.missing, unanswered=search.unanswered, mode=Run.Mode.RETRIEVAL
    )
    quoted = models.extractive.quoted()
    return any(f"[{marker}]" in quoted for marker in here)
