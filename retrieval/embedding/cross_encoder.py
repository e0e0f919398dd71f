"""A small cross-encoder that reads a question beside a passage, and says how well the passage answers. English only.

Where its weights come from, and what they may be used for: CARD.md beside them.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.embedding.bert_graph import check_weights
from retrieval.embedding.local import Graph, open_graph, open_tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FOLDER = Path(__file__).parent / "reader"
NAME = "reader-minilm-l6-int8-v1"
GRAPH_FILE, TOKENIZER_FILE = f"{NAME}.onnx", "tokenizer.json"
GRAPH_SHA256 = "12b3d0d3de3ead0dacdef7ec46baa375d83c9f79bfa94db7815bbde3dd7afd57"
LANGUAGES = frozenset({"", "en"})  # empty: not known to be another
WINDOW = 128  # tokens of question, title and passage together: what it was trained to read
_QUESTION = 64  # tokens of a question, at most
_TITLE = 16
_STEP = 16  # tokens between two windows that are compared


class CrossEncoder:
    """Loaded at the first passage; safe to call from several threads at once."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._building = threading.Lock()

    def logit(self, question: str, text: str, *, title: str = "") -> float:
        """Return how well the text answers the question: above 0, rather yes. Of a long text, the window is read that
        holds most of the question's tokens. Raises EmbeddingUnavailable when its weights aren't the published ones."""
        graph, tokenizer = self._built
        start, *asked, end = tokenizer.encode(question).ids
        lead = tokenizer.encode(f"{title}. ", add_special_tokens=False).ids[:_TITLE] if title else []
        tokens = tokenizer.encode(text, add_special_tokens=False).ids
        first = [start, *asked[:_QUESTION], end]
        window = best_window(tokens, asked=frozenset(asked), room=WINDOW - len(first) - len(lead) - 1)
        ids = [*first, *lead, *window, end]
        types = [0] * len(first) + [1] * (len(ids) - len(first))
        return float(graph(input_ids=ids, token_type_ids=types, attention_mask=[1] * len(ids))[0])

    @property
    def _built(self) -> tuple[Graph, Tokenizer]:
        with self._building:
            return self._loaded

    @cached_property
    def _loaded(self) -> tuple[Graph, Tokenizer]:
        graph = self._folder / GRAPH_FILE
        check_weights(graph, sha256=GRAPH_SHA256, name=NAME)
        return open_graph(graph), open_tokenizer(self._folder / TOKENIZER_FILE)


def best_window(tokens: Sequence[int], *, asked: frozenset[int], room: int) -> Sequence[int]:
    """Return the `room` tokens in a row that hold most of those `asked`; of several, the first."""
    if len(tokens) <= room:
        return tokens
    starts = chain(range(0, len(tokens) - room, _STEP), [len(tokens) - room])
    return max((tokens[start : start + room] for start in starts), key=lambda window: len(asked.intersection(window)))
