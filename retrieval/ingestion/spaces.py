"""Which index searches ask, and how another one takes its place without a search that sees a mixture."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.db.models import Count, F
from django.utils import timezone

from retrieval.configuration import Space, runtime
from retrieval.models import Chunk, Collection, Document, Reindex
from retrieval.reasons import NO_REASON, Reason
from retrieval.reasons import gettext_noop as _


def live_fingerprint() -> str:
    """Return the fingerprint of the space that searches ask; empty before the first document."""
    used = Collection.objects.exclude(fingerprint="").values_list("fingerprint", flat=True).order_by("pk").first()
    return used or ""


def live_space() -> Space:
    """Return the space that searches ask: that of the documents already ingested, before any the one that is
    configured."""
    return runtime().space(live_fingerprint())


def held_spaces() -> list[Space]:
    """Return every space whose index may hold points of a document: the live one, one being filled, one being left."""
    fingerprints = {live_fingerprint(), *Reindex.objects.values_list("fingerprint", flat=True)}
    fingerprints |= set(Reindex.objects.values_list("former", flat=True))
    known = sorted(fingerprints - {""})
    return [runtime().space(fingerprint) for fingerprint in known] or [runtime().space()]


def mismatch() -> Reason:
    """Return what is wrong and what helps, when the settings ask for another space than the live one; else an empty
    reason. It asks no address."""
    live = live_fingerprint()
    if not live or runtime().asks_for(live):
        return NO_REASON
    if Reindex.objects.filter(kind=Reindex.Kind.SWITCH, switched_at=None, cancelled=False).exists():
        return NO_REASON  # it is being mended
    if runtime().is_made_with(live):
        return Reason(_EARLIER)
    space = runtime().space(live)
    return Reason(_GOES_ON if space.embedder or space.dimension is None else _WORDS_ALONE, model=live)


_EARLIER = _(
    "The documents were indexed by an earlier version: searches go on with that index, without what the new one adds, "
    "until “manage.py reindex” has built it."
)
_GOES_ON = _(
    "The documents were indexed with %(model)s, but would be indexed with another model now: searches go on with it "
    "until “manage.py reindex” has built the new index. Or set EMBEDDING_BASE_URL and EMBEDDING_MODEL back."
)
_WORDS_ALONE = _(
    "The documents were indexed with %(model)s, but would be indexed with another model now: searches rank by words "
    "alone until “manage.py reindex” has built the new index. Or set EMBEDDING_BASE_URL and EMBEDDING_MODEL back."
)


def unlearned() -> Reason:
    """Return what another model would give, when most documents are in languages that the model of the live vectors
    didn't learn; else an empty reason."""
    live = live_fingerprint()
    embedder = runtime().space(live).embedder if live and runtime().asks_for(live) else None
    if embedder is None or not embedder.languages:
        return NO_REASON
    told = Document.objects.listed().readable().exclude(language="")
    total, foreign = told.count(), told.exclude(language__in=embedder.languages).count()
    return Reason(_UNLEARNED, foreign=foreign, total=total) if 2 * foreign > total else NO_REASON


_UNLEARNED = _(
    "%(foreign)s of %(total)s documents are in languages that the embedding model didn't learn: words find them, "
    "meaning hardly does, and no question in another language finds them. To change that: install the extra "
    "“vectors”, set EMBEDDING_MODEL=multilingual-e5-small, and run “manage.py reindex”."
)


def adopt_settings() -> None:
    """Forget the space that the site used when no document is live: then nothing binds it to that."""
    with transaction.atomic():
        lock()
        if not Document.objects.filter(live_generation__gt=0).exists():
            Collection.objects.exclude(fingerprint="").update(fingerprint="")


def lock() -> None:
    """Keep others from switching, and documents from going live, until the transaction ends. On SQLite every
    transaction does that by itself: it begins IMMEDIATE."""
    list(Collection.objects.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))


def live_counts() -> dict[tuple[int, int], int]:
    """Return how many chunks each live document has, by (document, generation): what an index must hold."""
    live = Chunk.objects.filter(generation=F("document__live_generation"))
    rows = live.order_by().values_list("document_id", "generation").annotate(total=Count("pk"))
    return {(document_id, generation): total for document_id, generation, total in rows}


def switch(request: Reindex, *, to: Space, holdings: Mapping[tuple[int, int], int]) -> bool:
    """Make all collections ask the other index, in one short transaction.

    Return False, changing nothing, when a document went live that is not in `holdings` (what that index was found to
    hold), or when the request was cancelled.
    """
    with transaction.atomic():
        lock()
        if any(holdings.get(key, 0) != total for key, total in live_counts().items()):
            return False
        row = Reindex.objects.filter(pk=request.pk, cancelled=False)
        if not row.update(former=live_fingerprint(), switched_at=timezone.now()):
            return False
        Collection.objects.exclude(fingerprint="").update(fingerprint=to.fingerprint)
        return True
