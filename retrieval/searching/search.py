"""A question in, passages out. The index ranks; SQL decides what may be read, and is where text comes from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from itertools import chain, islice, zip_longest
from time import perf_counter

from django.db import connection
from django.db.models import Q

from retrieval.configuration import runtime
from retrieval.embedding.cross_encoder import LANGUAGES
from retrieval.embedding.embedder import Embedder
from retrieval.errors import (
    UnknownCollection,
    UnknownDocument,
)
from retrieval.index import PREFETCH, Hit, Scope
from retrieval.model_documents.declaring import declared, hides_rows
from retrieval.models import Chunk, Collection, Document
from retrieval.parsing.formats import clean
from retrieval.readers import Readers
from retrieval.searching.confidence import confidence
from retrieval.searching.duplicates import without_repeats
from retrieval.searching.leisure import MILLISECONDS, Spare
from retrieval.searching.names import Name, codes_among, is_said, lacking, missing_names, names_in, phrases_in
from retrieval.searching.passages import ChunkText, Elsewhere, Passage, passage_of
from retrieval.searching.rerank import DEPTH, rerank, reread
from retrieval.searching.spans import NEIGHBOURS, ChunkRange, by_passage, spans
from retrieval.searching.spelling import Correction, spelled
from retrieval.signals import searched
from retrieval.text.asked import asked_in, goes_on
from retrieval.text.language import language_of
from retrieval.text.words import fold, plain_letters

_SPARE = 3  # hits asked for per passage wanted: neighbours merge, and the index may hold what SQL no longer does
_CANDIDATES = 60  # hits whose neighbours count, before the best of them are read
_FILTERED_BY = 50_000  # documents that the index is told to rank among, at most
_FEW = 1_000  # documents that may be read, where rows have rights: of so few the index is told before it ranks
_FOREIGN_TRUST = 0.5  # of vectors, in a language their model doesn't know: docs/retrieval.md


@dataclass(frozen=True)
class Method:
    """A way to search. The default is what measured best: docs/retrieval.md. `rerank` is a name of `rerank.METHODS`.

    `neighbours`: chunks added on each side of a hit. `per_document`: passages that one document may give, 0 for any
    number. `depth`: hits that `rerank` orders anew. `milliseconds`: after which a search no longer reads, 0 for never:
    then it reads whoever else waits.
    """

    words: bool = True
    vectors: bool = True
    rerank: str = ""
    neighbours: int = NEIGHBOURS
    per_document: int = 0
    depth: int = DEPTH
    milliseconds: int = MILLISECONDS


@dataclass(frozen=True)
class SearchResult:
    """The passages, best first; how likely it is, 0 to 1, that they answer the query; the language (ISO 639-1) that the
    query was taken to be in, empty where none is known; the milliseconds that each stage took, in order; the documents
    of the passages, by id; the questions that the query was taken to ask, each of which was searched for; and the names
    in them that none of the passages found for them holds, which makes such a question one that nothing answers; of
    several questions those that nothing answers, though another is answered; and the words that no document holds,
    which were searched for as the words that they were read as as well."""

    passages: tuple[Passage, ...]
    confidence: float = 0.0
    language: str = ""
    stages: tuple[tuple[str, float], ...] = ()
    documents: Mapping[int, Document] = field(default_factory=dict)
    asked: tuple[str, ...] = ()
    missing: tuple[Name, ...] = ()
    unanswered: tuple[str, ...] = ()
    corrections: tuple[Correction, ...] = ()

    @property
    def answers(self) -> bool:
        """Return whether the passages are taken to answer the query, or are only the nearest there are."""
        return self.confidence >= runtime().settings.answer_confidence

    @property
    def total_ms(self) -> float:
        return sum(milliseconds for _, milliseconds in self.stages)


class _Stopwatch:
    """Measures what each stage took since the one before it."""

    def __init__(self) -> None:
        self._stages: dict[str, float] = {}
        self._since = perf_counter()

    def stage(self, name: str) -> None:
        now = perf_counter()
        self._stages[name] = self._stages.get(name, 0.0) + (now - self._since) * 1000
        self._since = now

    def all(self) -> tuple[tuple[str, float], ...]:
        """Return each stage with its milliseconds, of all questions together."""
        return tuple(self._stages.items())


def search(
    query: str,
    *,
    user: Readers,
    collections: Sequence[str] | None = None,
    document_ids: Sequence[int] | None = None,
    languages: Sequence[str] | None = None,
    since: date | None = None,
    until: date | None = None,
    hidden: int | None = None,
    limit: int = 5,
    method: Method | None = None,
    asked: Sequence[str] | None = None,
    follows: str = "",
) -> SearchResult:
    """Return the best `limit` passages that `user` may read, in these collections (slugs) and documents, or in all that
    are listed; only of documents in these languages (ISO 639-1), dated from `since` to `until`, both included.

    `hidden`, a hidden collection of the user's, is searched beside them, however collections and documents are chosen;
    where `document_ids` names some of its documents, those alone.

    Each question of `asked` is searched for by itself; without any, each that `query` asks. The first is searched for
    together with the question that it `follows` as well, and what is surer to answer is kept. Without a `method`, the
    default with the site's own rerank. Raises UnknownCollection, UnknownDocument or IndexUnavailable.
    """
    method = method or Method(rerank=runtime().settings.rerank)
    watch = _Stopwatch()
    where = _scope(user, collections, document_ids, hidden)
    scope = replace(where.scope, languages=languages, since=since, until=until)
    query = clean(query).strip()
    watch.stage("scope")
    if not scope.collection_ids or not query:
        return SearchResult((), stages=watch.all())
    asked = tuple(filter(None, (clean(question).strip() for question in asked or asked_in(query))))
    with runtime().searches.one(milliseconds=method.milliseconds) as spare:
        find = partial(_find, where=where, scope=scope, method=method, limit=limit, watch=watch, spare=spare)
        found = [_surer(find(asked[0]), follows, find), *map(find, asked[1:])]
    passages = merged([one.passages for one in found], limit=limit)
    sure, enough = max(one.confidence for one in found), runtime().settings.answer_confidence
    known = {pk: document for one in found for pk, document in one.documents.items()}
    result = SearchResult(
        passages,
        confidence=sure,
        asked=tuple(one.question for one in found),
        missing=tuple(name for one in found for name in one.missing),
        unanswered=tuple(one.question for one in found if one.confidence < enough <= sure and not one.missing),
        corrections=tuple(correction for one in found for correction in one.corrections),
        language=found[0].language,
        stages=watch.all(),
        documents={pk: known[pk] for passage in passages if (pk := passage.document_id)},
    )
    searched.send_robust(sender=SearchResult, query=query, result=result)
    return result


@dataclass(frozen=True)
class _FoundFor:
    """What was found for one question, as in SearchResult."""

    question: str
    passages: tuple[Passage, ...]
    confidence: float
    missing: Sequence[Name]
    corrections: Sequence[Correction]
    language: str
    documents: Mapping[int, Document]


def _surer(alone: _FoundFor, follows: str, find: Callable[[str], _FoundFor]) -> _FoundFor:
    """Return what was found for a question `alone`, or for it together with the one that it `follows`: whichever is
    surer to answer it. One that doesn't seem to go on is answered by itself, or by passages that answer it so: else
    what answers the question before would pass for its answer."""
    enough, stands_alone = runtime().settings.answer_confidence, not goes_on(alone.question)
    if not follows or (stands_alone and alone.confidence >= enough):
        return alone
    joined = find(f"{follows} {alone.question}")
    by_itself = confidence(alone.question, joined.passages, language=joined.language)
    if stands_alone and by_itself < enough:
        return alone
    return joined if (joined.confidence + by_itself) / 2 > alone.confidence else alone


def _find(
    question: str, *, where: _Where, scope: Scope, method: Method, limit: int, watch: _Stopwatch, spare: Spare
) -> _FoundFor:
    """Search for one question, its misspelt words read as those that were meant."""
    languages = where.languages or ("en",)
    space = runtime().space(where.fingerprint)
    embedder = space.embedder if method.vectors else None
    read = spelled(question, collection_ids=where.worded, languages=languages, knower=space.embedder)
    phrases = phrases_in(question)
    watch.stage("spelling")
    vector = embedder.embed_query(plain_letters(read.question)).tolist() if embedder else None
    watch.stage("embed")
    spoken = language_of(read.question, among=scope.languages or where.languages)
    known = embedder is None or not embedder.languages or spoken in {"", *embedder.languages}
    ranked_in = partial(
        space.index.search,
        " ".join([question, *(one.read_as for one in read.corrections)]) if method.words else "",
        vector=vector,
        limit=PREFETCH if phrases or declared() else max(_CANDIDATES, limit * _SPARE),
        languages=languages,
        trust=1.0 if known else _FOREIGN_TRUST,
    )
    wanted = max(limit * _SPARE, method.depth * bool(method.rerank))
    read_most = PREFETCH if phrases else wanted
    few = _few(where.user, scope) if declared() else None
    hits = ranked_in(scope=scope if few is None else replace(scope, document_ids=few))
    if declared() and few is None:
        hits = _of_readable_rows(hits, user=where.user, scope=scope, least=read_most, ranked_in=ranked_in)
    watch.stage("index")
    hits = [*islice(by_passage(hits) if method.neighbours else hits, read_most)]
    hits = [replace(hit, similarity=_similarity(hit, embedder if known else None)) for hit in hits]
    found = _Found.of(hits, scope=scope, neighbours=method.neighbours)
    watch.stage("text")
    ranked = _looked_at_again(
        read.question,
        found.readable(hits),
        found=found,
        embedder=embedder,
        spoken=spoken,
        method=method,
        watch=watch,
        spare=spare,
    )
    names = names_in(read.question)
    codes = codes_among(names)
    if phrases or codes:
        ranked = sorted(ranked, key=lambda hit: found.lacks(hit, phrases, codes))[:wanted]
    passages = _passages(ranked, found=found, method=method, limit=limit)
    texts = [f"{passage.title}\n{passage.section}\n{passage.text}" for passage in passages]
    missing = missing_names(read.question, texts, unknown=read.unknown, language=spoken, wanted=names)
    read_in = {found.documents[pk].language for passage in passages if (pk := passage.document_id)}
    translated = read_in.isdisjoint({spoken, ""})
    sure = 0.0 if missing else confidence(read.question, passages, language=spoken, translated=translated)
    watch.stage("passages")
    return _FoundFor(read.question, passages, sure, missing, read.corrections, spoken, found.documents)


def _few(user: Readers, scope: Scope) -> list[int] | None:
    """Return the documents of the scope that `user` may read where they are few: then the index ranks those at once.
    None for others."""
    inside = Document.objects.filter(collection__in=scope.collection_ids)
    if scope.document_ids is not None:
        inside = inside.filter(pk__in=scope.document_ids)
    return inside.few_visible_to(user, most=_FEW)


def _of_readable_rows(
    hits: list[Hit], *, user: Readers, scope: Scope, least: int, ranked_in: Callable[..., list[Hit]]
) -> list[Hit]:
    """Leave out the hits in rows of the site that `user` may not read. Where too few are left, the index ranks anew, if
    that can be said, among what they may read."""
    inside = Document.objects.filter(collection__in=scope.collection_ids)
    found = {hit.document_id for hit in hits}
    seen = set(inside.filter(pk__in=found).visible_to(user).values_list("pk", flat=True))
    left = [hit for hit in hits if hit.document_id in seen]
    if len(left) >= min(least, len(hits)):
        return left
    if scope.document_ids is not None:
        inside = inside.filter(pk__in=scope.document_ids)
    ids = inside.ids_visible_to(user, most=_FILTERED_BY + 1)
    return left if len(ids) > _FILTERED_BY else ranked_in(scope=replace(scope, document_ids=ids))


def _looked_at_again(
    question: str,
    ranked: list[Hit],
    *,
    found: _Found,
    embedder: Embedder | None,
    spoken: str,
    method: Method,
    watch: _Stopwatch,
    spare: Spare,
) -> list[Hit]:
    """Return the hits in the order of the method's closer look at them, if it has one."""
    if method.rerank == "maxsim" and embedder:
        ranked = rerank(question, ranked, text_of=found.text_of, embedder=embedder, depth=method.depth)
        watch.stage("rerank")
    if method.rerank == "reader" and LANGUAGES.issuperset({spoken, *map(found.language_of, ranked[: method.depth])}):
        read, ranked = reread(
            question,
            ranked,
            text_of=found.text_of,
            title_of=found.title_of,
            encoder=runtime().cross_encoder,
            depth=method.depth,
            goes_on=spare,
        )
        watch.stage("reading" if read == min(len(ranked), method.depth) else "reading cut short")
    return ranked


def merged(rankings: Sequence[Sequence[Passage]], *, limit: int) -> tuple[Passage, ...]:
    """Return the best `limit` passages of several questions: the first of each, then the second of each. One that
    overlaps another is left out."""
    if len(rankings) == 1:
        return tuple(rankings[0])
    chosen: list[Passage] = []
    for passage in filter(None, chain.from_iterable(zip_longest(*rankings))):
        if len(chosen) < limit and not any(_overlap(passage, other) for other in chosen):
            chosen.append(passage)
    return tuple(chosen)


def _overlap(one: Passage, other: Passage) -> bool:
    return one.document_id == other.document_id and one.start < other.end and other.start < one.end


def _similarity(hit: Hit, embedder: Embedder | None) -> float | None:
    """Return the cosine of a hit on the scale that all models share; None without one, or without an `embedder` that
    knows the language of the question: then it says nothing."""
    if hit.similarity is None or embedder is None:
        return None
    factor, added = embedder.scale
    return max(-1.0, min(factor * hit.similarity + added, 1.0))


def check_scope(
    *,
    user: Readers,
    collections: Sequence[str] | None = None,
    document_ids: Sequence[int] | None = None,
    hidden: int | None = None,
) -> None:
    """Raise UnknownCollection or UnknownDocument, as `search` would, without searching."""
    if collections is not None or document_ids is not None:  # all that is visible needs no check
        _scope(user, collections, document_ids, hidden)


@dataclass(frozen=True)
class _Where:
    """The part of the site that may be searched, the fingerprint of the index that holds it, and the languages its
    documents are in."""

    scope: Scope
    fingerprint: str
    languages: tuple[str, ...]
    user: Readers
    worded: Sequence[int]  # collections whose words may be told: whoever may search them may read all of them


def _scope(
    user: Readers, slugs: Sequence[str] | None, document_ids: Sequence[int] | None, hidden: int | None
) -> _Where:
    """Return what this user may search of what was asked for. Raises UnknownCollection or UnknownDocument, which name
    what isn't there or isn't theirs."""
    asked = Q(hidden=False) if slugs is None else Q(hidden=False, slug__in=slugs)
    if hidden is not None:
        asked |= Q(hidden=True, pk=hidden)
    visible = Collection.objects.visible_to(user).filter(asked).order_by("pk")
    found = list(visible.values_list("slug", "pk", "fingerprint", "languages", "holds_rows"))
    if unknown := set(slugs or []) - {slug for slug, *_ in found}:
        raise UnknownCollection([slug for slug in slugs or [] if slug in unknown])
    collection_ids = [pk for _, pk, *_ in found]
    if document_ids is not None:
        document_ids = _documents_in(collection_ids, user, document_ids, hidden)
    return _Where(
        Scope(collection_ids, document_ids),
        fingerprint=max((fingerprint for _, _, fingerprint, *_ in found), default=""),
        languages=tuple(sorted({language for *_, languages, _ in found for language in languages})),
        user=user,
        worded=[pk for slug, pk, *_, holds in found if not hides_rows(slug, holds)],
    )


def _documents_in(
    collection_ids: Sequence[int], user: Readers, document_ids: Sequence[int], hidden: int | None
) -> Sequence[int]:
    """Return these documents, and those of the hidden collection unless some of them are among these. Raises
    UnknownDocument."""
    inside = Document.objects.visible_to(user).filter(collection__in=collection_ids)
    rows = inside.filter(Q(pk__in=document_ids) | Q(collection=hidden)).order_by("pk")
    known = dict(rows.values_list("pk", "collection"))
    if missing := [document_id for document_id in document_ids if document_id not in known]:
        raise UnknownDocument(missing)
    beside = [pk for pk, collection in known.items() if collection == hidden]
    return document_ids if set(beside) & set(document_ids) else [*document_ids, *beside]


@dataclass(frozen=True)
class _Found:
    """The rows of the hits: their documents, and they and their neighbours by (document, position)."""

    documents: dict[int, Document]
    pieces: dict[tuple[int, int], ChunkText]

    @classmethod
    def of(cls, hits: Sequence[Hit], *, scope: Scope, neighbours: int) -> _Found:
        """Read what is in the scope (which holds what its reader may read) and of the live generation."""
        documents = _documents(hits, scope.collection_ids)
        live = {document.pk: document.live_generation for document in documents.values()}
        return cls(documents, _pieces([hit for hit in hits if hit.generation == live.get(hit.document_id)], neighbours))

    def readable(self, hits: Sequence[Hit]) -> list[Hit]:
        return [hit for hit in hits if (hit.document_id, hit.position) in self.pieces]

    def text_of(self, hit: Hit) -> str:
        return self.pieces[hit.document_id, hit.position].text

    def lacks(self, hit: Hit, phrases: Sequence[str], codes: Sequence[Name]) -> int:
        """Return how many of these folded phrases and codes stand neither in the hit nor across its edges."""
        places = ((hit.document_id, hit.position + step) for step in (-1, 0, 1))
        text = fold("".join(self.pieces[place].text for place in places if place in self.pieces))
        return sum(not is_said(phrase, text) for phrase in phrases) + lacking(codes, text)

    def title_of(self, hit: Hit) -> str:
        return self.documents[hit.document_id].title

    def language_of(self, hit: Hit) -> str:
        return self.documents[hit.document_id].language


# Both in SQL as it is: the ORM takes ten times as long to write these queries as they take to run.
_SHOWN = (
    "id, title, filename, language, live_generation, live_hash, page_count, page_starts, page_labels, dated, created_at"
)


def _documents(hits: Sequence[Hit], collection_ids: Sequence[int]) -> dict[int, Document]:
    wanted = {hit.document_id for hit in hits}
    if not wanted:
        return {}
    ids, collections = (", ".join(["%s"] * len(numbers)) for numbers in (wanted, collection_ids))
    table = Document._meta.db_table
    rows = "" if declared() else f" AND source <> '{Document.Source.MODEL}'"  # nobody says who may read them
    sql = f"SELECT {_SHOWN} FROM {table} WHERE id IN ({ids}) AND collection_id IN ({collections}){rows}"  # noqa: S608  # nosec
    return {document.pk: document for document in Document.objects.raw(sql, [*wanted, *collection_ids])}


def _pieces(hits: Sequence[Hit], neighbours: int) -> dict[tuple[int, int], ChunkText]:
    if not hits:
        return {}
    where = " OR ".join(["document_id = %s AND generation = %s AND position BETWEEN %s AND %s"] * len(hits))
    places = ((hit.document_id, hit.generation, hit.position - neighbours, hit.position + neighbours) for hit in hits)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT document_id, position, start, headings, text FROM {Chunk._meta.db_table} WHERE {where}",  # noqa: S608  # nosec
            [*chain.from_iterable(places)],
        )
        return {
            (document_id, position): ChunkText(start, json.loads(headings) if headings != "[]" else [], text)
            for document_id, position, start, headings, text in cursor.fetchall()
        }


def _passages(ranked: Sequence[Hit], *, found: _Found, method: Method, limit: int) -> tuple[Passage, ...]:
    """Return the first `limit` passages around these hits; hits whose surroundings overlap share one."""
    different, elsewhere = without_repeats(ranked, text_of=found.text_of)
    chosen = spans(different, limit=limit, neighbours=method.neighbours, per_document=method.per_document)
    return tuple(_around(span, found, elsewhere.get(span.hit, [])) for span in chosen)


def _around(span: ChunkRange, found: _Found, elsewhere: Sequence[int]) -> Passage:
    document_id, hit = span.hit.document_id, span.hit
    places = [(document_id, position) for position in range(span.first, span.last + 1)]
    others = [found.documents[other] for other in elsewhere]
    return passage_of(
        found.documents[document_id],
        [found.pieces[place] for place in places if place in found.pieces],
        chunk_id=hit.id,
        found=found.pieces.get((document_id, hit.position)),
        score=hit.score,
        similarity=hit.similarity,
        also_in=tuple(Elsewhere(other.pk, other.title, other.get_absolute_url()) for other in others),
    )
