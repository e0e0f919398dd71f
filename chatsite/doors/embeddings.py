"""`POST v1/embeddings`: the vectors that this site's own search compares."""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from chatsite import errors
from chatsite.doors.door import DoorView, body_of
from chatsite.doors.messages import unknown_model
from retrieval.embedding.embedder import Embedder
from retrieval.errors import EmbeddingRejected, EmbeddingUnavailable
from retrieval.ingestion.spaces import live_space

if TYPE_CHECKING:
    from retrieval.embedding.embedder import Vectors

INPUTS_MOST = 64
CHARACTERS_MOST = 60_000  # of all inputs together: a second or two of a model on this machine
AT_ONCE = 2  # requests of a process: each has a processor to itself
RETRY_SECONDS = 2

_under_way = threading.BoundedSemaphore(AT_ONCE)


def _forget_after_fork() -> None:
    """Begin anew in a forked child: what the parent makes is made there."""
    global _under_way
    _under_way = threading.BoundedSemaphore(AT_ONCE)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)


def embedder() -> Embedder | None:
    """Return what makes the vectors that searches compare; None where words alone rank."""
    return live_space().embedder


class Embeddings(DoorView):
    @extend_schema(exclude=True)
    def post(self, request: Request) -> Response:
        """Return a vector for each text, as documents are embedded; with `"input_type": "query"` as questions are."""
        body = body_of(request)
        maker, texts = _embedder(body.get("model")), _texts(body.get("input"))
        if body.get("dimensions") not in (None, maker.dimension):
            raise errors.invalid("dimensions", _("Must be %d, or left out.") % maker.dimension)
        encoding = body.get("encoding_format") or "float"
        if encoding not in ("float", "base64"):
            raise errors.invalid("encoding_format", _("Must be float or base64."))
        place = _under_way
        if not place.acquire(blocking=False):
            raise errors.busy(AT_ONCE, retry_after=RETRY_SECONDS)
        try:
            vectors = _vectors(maker, texts, as_queries=body.get("input_type") == "query")
            tokens = sum(maker.count_tokens(texts))
        except (EmbeddingUnavailable, EmbeddingRejected) as error:
            fault = _("The embedding model can't be asked right now.")
            raise errors.AnswerError("model_unavailable", fault, status=503, retry_after=RETRY_SECONDS) from error
        finally:
            place.release()
        rows = [
            {"object": "embedding", "index": index, "embedding": _encoded(vector, encoding)}
            for index, vector in enumerate(vectors)
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return Response({"object": "list", "data": rows, "model": maker.name, "usage": usage})


def _vectors(maker: Embedder, texts: Sequence[str], *, as_queries: bool) -> Sequence[Vectors]:
    return [maker.embed_query(text) for text in texts] if as_queries else list(maker.embed_documents(texts))


def _embedder(model: Any) -> Embedder:
    """Return the embedder of that name. Raises AnswerError (400, 404)."""
    if not isinstance(model, str) or not model:
        raise errors.invalid("model", _("Is required."))
    maker = embedder()
    if maker is None or maker.name != model:
        raise unknown_model(model)
    return maker


def _texts(given: Any) -> list[str]:
    """Return the texts to embed. Raises AnswerError (400)."""
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
        raise errors.invalid("input", _("Must be a text, or a list of texts; token numbers are not taken."))
    if len(texts) > INPUTS_MOST:
        fault = _("Has more texts than the limit of %s. Send fewer at once.")
        raise errors.invalid("input", fault % errors.grouped(INPUTS_MOST))
    if sum(map(len, texts)) > CHARACTERS_MOST:
        fault = _("Has more characters than the limit of %s. Send shorter texts, or fewer at once.")
        raise errors.invalid("input", fault % errors.grouped(CHARACTERS_MOST))
    return texts


def _encoded(vector: Vectors, encoding: str) -> str | list[float]:
    if encoding == "float":
        return [float(number) for number in vector]
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()
