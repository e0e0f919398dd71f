"""Vectors from any address that speaks OpenAI's `POST /v1/embeddings`."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Protocol

from retrieval.embedding.embedder import AS_IT_IS
from retrieval.errors import EmbeddingRejected, EmbeddingUnavailable
from retrieval.reasons import gettext_noop as _
from retrieval.text.chunks import estimate_tokens

if TYPE_CHECKING:
    from openai import OpenAI

    from retrieval.embedding.embedder import Vectors


_RETRIES = 2  # for what may pass: 429, 5xx, a connection refused or broken
_BACKOFF_SECONDS = 0.5  # before the first retry, twice as long before the next one
_SLEPT_SECONDS = 3.0  # at most before a retry, for a reader may be waiting; what takes longer is for the queue
_LEFT_ALONE_SECONDS = 300.0  # at most, whatever the address says


class Clock(Protocol):
    """Seconds that pass: `time` itself, or a clock that a test sets."""

    def monotonic(self) -> float: ...

    def sleep(self, seconds: float, /) -> None: ...


class RemoteEmbedder:
    """Any address that speaks OpenAI's `POST /v1/embeddings`; what it answers is checked before it is believed.

    Its Retry-After is heeded: a short one between two tries, a longer one by not asking anything until it is over.
    """

    batch_size = 64
    languages = frozenset[str]()
    scale = AS_IT_IS  # of a model that is not known here
    default_model = "text-embedding-3-small"

    def __init__(self, *, base_url: str, model: str, api_key: str, timeout: float = 30.0, clock: Clock = time) -> None:
        self.name = model or self.default_model
        self._base_url = base_url
        self._api_key = api_key
        self._timeout = timeout
        self._clock = clock
        self._lock = threading.Lock()
        self._client: OpenAI | None = None
        self._dimension = 0
        self._left_alone_until = 0.0  # of the monotonic clock

    @property
    def dimension(self) -> int:
        """Learned from the first answer; the address is asked for one vector when it isn't known yet."""
        if not self._dimension:
            self.embed_query("dimension")
        return self._dimension

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Raises EmbeddingUnavailable (try again later) or EmbeddingRejected (wrong count, dimension or numbers)."""
        import openai

        try:
            rows = self._asked(texts)
        except openai.APIStatusError as error:
            raise EmbeddingRejected(
                _("The embedding address refused the request (%(status)s)."), status=error.status_code
            ) from error
        except (openai.OpenAIError, ValueError, TypeError, AttributeError) as error:
            raise EmbeddingRejected(_("The embedding address didn't answer with embeddings.")) from error
        return self._checked(rows, count=len(texts))

    def _asked(self, texts: Sequence[str]) -> list[list[float]]:
        """Raises EmbeddingUnavailable, and what openai raises for what no other try can mend."""
        import openai

        attempt = 0
        while True:
            self._leave_alone()
            try:
                client = self._connected()
                response = client.embeddings.create(model=self.name, input=list(texts), encoding_format="float")
                return [item.embedding for item in sorted(response.data, key=lambda item: item.index)]
            except (openai.APIConnectionError, openai.RateLimitError, openai.InternalServerError) as error:
                pause = max(_BACKOFF_SECONDS * 2**attempt, _retry_after(error))
                if pause > _SLEPT_SECONDS:
                    self._left_alone_until = self._clock.monotonic() + min(pause, _LEFT_ALONE_SECONDS)
                    self._leave_alone()
                if attempt == _RETRIES:
                    raise EmbeddingUnavailable(
                        _("The embedding address doesn't answer: %(fault)s."), fault=_named(error)
                    ) from error
                self._clock.sleep(pause)
                attempt += 1

    def _leave_alone(self) -> None:
        """Raises EmbeddingUnavailable as long as the address has asked for."""
        if (left := self._left_alone_until - self._clock.monotonic()) > 0:
            raise EmbeddingUnavailable(_ASKED_TO_WAIT, seconds=math.ceil(left), retry_after=left)

    def embed_query(self, text: str) -> Vectors:
        vector: Vectors = self.embed_documents([text])[0]
        return vector

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return estimate_tokens(texts)

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _connected(self) -> OpenAI:
        with self._lock:
            if self._client is None:
                from openai import OpenAI

                self._client = OpenAI(
                    base_url=self._base_url or "https://api.openai.com/v1",
                    api_key=self._api_key or "none",
                    timeout=self._timeout,
                    max_retries=0,  # it would sleep for as long as the address says, two minutes and more
                )
            return self._client

    def _checked(self, rows: list[list[float]], *, count: int) -> Vectors:
        import numpy as np

        if len(rows) != count:
            raise EmbeddingRejected(_("Asked for %(count)s embeddings, got %(got)s."), count=count, got=len(rows))
        sizes = {len(row) for row in rows}
        expected = self._dimension or len(rows[0])
        if sizes != {expected} or not expected:
            raise EmbeddingRejected(
                _("Embeddings have dimension %(found)s, expected %(wanted)s."),
                found=str(sorted(sizes)),
                wanted=str(expected),
            )
        with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, and is refused below
            vectors: Vectors = np.asarray(rows, np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or not lengths.all():
            raise EmbeddingRejected(_("Embeddings hold values that are not finite numbers, or only zeros."))
        self._dimension = expected
        unit: Vectors = vectors / lengths
        return unit


_ASKED_TO_WAIT = _("The embedding address has too much to do, and asked for a pause: %(seconds)s seconds are left.")


def _retry_after(error: Exception) -> float:
    """Seconds, from a Retry-After header in either of its forms; 0 without one."""
    response = getattr(error, "response", None)
    value = response.headers.get("retry-after", "") if response is not None else ""
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            return 0.0
    return max(0.0, seconds) if math.isfinite(seconds) else 0.0


def _named(error: Exception) -> str:
    """The kind of an error without its message, which may repeat a key or an address."""
    return type(error).__name__
