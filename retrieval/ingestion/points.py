"""From a chunk to its point in an index: its id, what ranks it, its vector."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from django.db.models import F

from retrieval.configuration import Space
from retrieval.errors import EmbeddingUnavailable
from retrieval.index import Point
from retrieval.models import Chunk, Document
from retrieval.reasons import gettext_noop as _
from retrieval.text.headings import section_name
from retrieval.text.words import plain_letters

if TYPE_CHECKING:
    from retrieval.embedding.embedder import Vectors

ANOTHER_MODEL = _(
    "The index was made with another embedding model (%(model)s) than the one that is configured: run “manage.py "
    "reindex”, or set EMBEDDING_BASE_URL and EMBEDDING_MODEL back."
)
OTHER_DIMENSION = _(
    "The embedding address gives vectors of dimension %(found)s now, the index holds dimension %(wanted)s: run "
    "“manage.py reindex”, or set EMBEDDING_MODEL back."
)
_CHUNK_IDS = uuid.UUID("6a3c1f9e-55b2-4d3b-9f0e-6f7a3f1d2c84")
_ASKED_AT_ONCE = 500  # digests or ids in one question to the database or the index


def chunk_id(document_id: int, *, generation: int, position: int) -> uuid.UUID:
    """Return the chunk's id: the same every time, so that ingesting twice changes nothing."""
    return uuid.uuid5(_CHUNK_IDS, f"{document_id}:{generation}:{position}")


def ranking_text(title: str, *, headings: Sequence[str], text: str) -> str:
    """Return what a chunk is ranked by: where it stands as well as what it says."""
    return plain_letters("\n".join(part for part in (title, section_name(headings), text) if part))


def digest(ranking: str) -> str:
    """Return 32 hexadecimal digits. Equal ones have equal vectors in one space."""
    return hashlib.blake2b(ranking.encode(), digest_size=16).hexdigest()


def point(chunk: Chunk, document: Document, *, text: str, vector: Vectors | None) -> Point:
    """Return the chunk's point. `text` is its ranking text; language and date are the document's."""
    return Point(
        id=chunk.pk,
        document_id=document.pk,
        collection_id=document.collection_id,
        generation=chunk.generation,
        position=chunk.position,
        text=text,
        vector=vector.tolist() if vector is not None else None,
        language=document.language,
        dated=document.dated,
    )


def embed(
    texts: Sequence[str],
    *,
    space: Space,
    known: Mapping[int, Vectors] | None = None,
    report: Callable[[int], None] = lambda done: None,
) -> list[Vectors | None]:
    """Return a vector for each text, float32 [dimension]; None for each in a space of words alone. Those `known`, by
    their place in `texts`, are taken over. `report` is called after each batch with how many there are.

    Raises EmbeddingUnavailable, also when what made this space's vectors is not configured any more.
    """
    vectors: list[Vectors | None] = [None] * len(texts)
    if space.dimension is None:
        return vectors
    if space.embedder is None:
        raise EmbeddingUnavailable(ANOTHER_MODEL, model=space.fingerprint)
    for place, vector in (known or {}).items():
        vectors[place] = vector
    rest = [place for place in range(len(texts)) if vectors[place] is None]
    size = space.embedder.batch_size
    for first in range(0, len(rest), size):
        places = rest[first : first + size]
        batch = space.embedder.embed_documents([texts[place] for place in places])
        if batch.shape[1] != space.dimension:
            raise EmbeddingUnavailable(OTHER_DIMENSION, found=str(batch.shape[1]), wanted=str(space.dimension))
        for place, vector in zip(places, batch, strict=True):
            vectors[place] = vector
        report(len(texts) - len(rest) + first + len(places))
    return vectors


def known_vectors(digests: Sequence[str], *, documents: Collection[int], space: Space) -> dict[int, Vectors]:
    """Return the vectors, by place in `digests`, that live chunks with these digests have in the index: those of former
    generations of these `documents` first."""
    if space.dimension is None:
        return {}
    import numpy as np

    holders = _holders(set(digests), documents=documents)
    ids, found = list(set(holders.values())), dict[uuid.UUID, "Vectors"]()
    for first in range(0, len(ids), _ASKED_AT_ONCE):
        asked = space.index.vectors(ids[first : first + _ASKED_AT_ONCE])
        found |= {key: np.asarray(vector, np.float32) for key, vector in asked.items()}
    return {
        place: found[holders[value]]
        for place, value in enumerate(digests)
        if value in holders and holders[value] in found
    }


def _holders(digests: set[str], *, documents: Collection[int]) -> dict[str, uuid.UUID]:
    """Return a live chunk of each digest that has one."""
    wanted, holders = sorted(digests), dict[str, uuid.UUID]()
    for first in range(0, len(wanted), _ASKED_AT_ONCE):
        live = Chunk.objects.filter(
            digest__in=wanted[first : first + _ASKED_AT_ONCE], generation=F("document__live_generation")
        )
        rows = live.order_by("pk").values_list("digest", "pk", "document_id")
        for value, pk, document_id in rows:
            if value not in holders or document_id in documents:
                holders[value] = pk
    return holders
