"""How close texts are to a question in meaning, for whoever chooses among a few of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from retrieval.configuration import runtime
from retrieval.errors import EmbeddingRejected, EmbeddingUnavailable
from retrieval.text.words import plain_letters

logger = logging.getLogger(__name__)


def closeness(question: str, texts: Sequence[str], *, language: str = "") -> list[float]:
    """Return the cosine of each text to the question, on the scale that all models share; nothing at all without a
    model that knows their `language` (ISO 639-1). A text of a sentence takes about 4 ms: call it on a thread that may
    wait."""
    embedder = runtime().embedder
    if embedder is None or not texts or (language and embedder.languages and language not in embedder.languages):
        return []
    try:
        asked = embedder.embed_query(plain_letters(question))
        read = embedder.embed_documents([plain_letters(text) for text in texts])
    except (EmbeddingUnavailable, EmbeddingRejected) as error:
        logger.warning("sentences are chosen by their words alone: %s", error)
        return []
    factor, added = embedder.scale
    return [factor * float(cosine) + added for cosine in read @ asked]
