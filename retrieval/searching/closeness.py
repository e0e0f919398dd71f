"""How close texts are to a question in meaning, for whoever chooses among a few of them."""

from __future__ import annotations

from collections.abc import Sequence

from retrieval.configuration import runtime
from retrieval.embedding.remote import RemoteEmbedder
from retrieval.text.words import plain_letters


def closeness(question: str, texts: Sequence[str], *, language: str) -> list[float]:
    """Return the cosine of each text to the question, on the scale that all models share. Nothing without a model on
    this machine that knows their `language` (ISO 639-1): an address would be waited for a second time.

    A sentence takes about 4 ms: call it on a thread that may wait.
    """
    embedder = runtime().embedder
    if embedder is None or isinstance(embedder, RemoteEmbedder) or not texts:
        return []
    if embedder.languages and language not in embedder.languages:
        return []
    asked = embedder.embed_query(plain_letters(question))
    read = embedder.embed_documents([plain_letters(text) for text in texts])
    factor, added = embedder.scale
    return [factor * float(cosine) + added for cosine in read @ asked]
