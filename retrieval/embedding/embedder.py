"""What every embedder can do: texts in, unit vectors out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]


Scale = tuple[float, float]
"""What brings a model's cosines to the scale that confidence was fitted on, MiniLM's: a factor, and what is added."""

AS_IT_IS: Scale = (1.0, 0.0)


class Embedder(Protocol):
    """Safe to call from several threads at once. Its model learned `languages` (ISO 639-1); empty: any."""

    name: str
    batch_size: int
    languages: frozenset[str]
    scale: Scale

    @property
    def dimension(self) -> int: ...

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, float32 [len(texts), dimension]."""

    def embed_query(self, text: str) -> Vectors:
        """One unit vector, float32 [dimension]."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]: ...

    def close(self) -> None: ...


@runtime_checkable
class WordKnower(Protocol):
    """An embedder whose model was taught words as they are usually spelt."""

    def known_words(self, words: Sequence[str]) -> set[str]:
        """Return those of `words` that the model has in one piece: common words and names of its languages."""


@runtime_checkable
class TokenEmbedder(Protocol):
    """An embedder that also gives the vectors of single tokens."""

    def embed_tokens(self, texts: Sequence[str]) -> list[Vectors]:
        """For each text the unit vectors of its tokens, float32 [tokens, dimension]."""
