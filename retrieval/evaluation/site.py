"""A site of the set's own, filled the way staff fill one; kept, so that the next evaluation of it starts at once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from django.core.files.base import ContentFile

from retrieval import index
from retrieval.configuration import runtime
from retrieval.evaluation.questions import SourceText
from retrieval.ingestion import ingest, queue
from retrieval.models import Chunk, Collection, Document
from retrieval.text import chunks as chunking


def folder_name(sources: Sequence[SourceText]) -> str:
    """Return a name that changes with what would change the results: texts, embedder, index and chunker."""
    digest = hashlib.blake2b(digest_size=8)
    for part in (runtime().fingerprint, str(chunking.VERSION), str(index.VERSION)):
        digest.update(part.encode() + b"\0")
    for source in sources:
        digest.update(f"{source.key}\0{source.title}\0{source.text}\0".encode(errors="replace"))
    return digest.hexdigest()


def fill(sources: Sequence[SourceText], *, report: Callable[[int], None]) -> dict[str, int]:
    """Put every source through the real ingestion, as far as it isn't yet. Return the id of each one's document, by its
    key.

    Sources with the same text share one; a source without text has none. `report` is called with how many documents are
    done.
    """
    collection, _ = Collection.objects.get_or_create(name="Evaluation", slug="evaluation")
    for source in sources if collection.documents.count() < len(_digests(sources)) else ():
        if source.text.strip():
            raw = ContentFile(source.text.encode(errors="replace"), name=source.filename)
            ingest.add_document(collection, file=raw, filename=source.filename, title=source.title or None)
    if not runtime().settings.qdrant_url:  # nobody else ingests here: what a stopped run had in hand, or failed
        queue.take_back()
        queue.requeue(collection.documents.filter(state=Document.State.FAILED))
    done = collection.documents.exclude(state=Document.State.QUEUED).count()
    report(done)
    while ingest.ingest_next():
        done = collection.documents.exclude(state=Document.State.QUEUED).count()
        report(done)
    held = dict(Document.objects.readable().filter(collection=collection).values_list("content_hash", "pk"))
    digests = {source.key: _digest(source) for source in sources}
    return {key: held[digest] for key, digest in digests.items() if digest in held}


def is_held(text: str) -> bool:
    """Return whether a document of this site, or its title, holds the text, in capitals or not."""
    titled = Document.objects.readable().filter(title__icontains=text)
    return titled.exists() or Chunk.objects.filter(text__icontains=text).exists()


def _digests(sources: Sequence[SourceText]) -> set[str]:
    return {_digest(source) for source in sources if source.text.strip()}


def _digest(source: SourceText) -> str:
    return ingest.sha256(ContentFile(source.text.encode(errors="replace")))
