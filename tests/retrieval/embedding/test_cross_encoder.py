"""The reader: which part of a text it reads, and what it says of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from retrieval.embedding.cross_encoder import FOLDER, GRAPH_FILE, CrossEncoder, best_window
from retrieval.errors import EmbeddingUnavailable


def test_window_holds_most_of_what_is_asked_and_begins_as_early_as_it_can() -> None:
    tokens = [0] * 40 + [7, 8] + [0] * 40
    assert best_window(tokens, asked=frozenset({7, 8}), room=20) == tokens[32:52]
    assert best_window(tokens, asked=frozenset({9}), room=20) == tokens[:20]
    assert best_window([*tokens, 9], asked=frozenset({9}), room=20) == [*tokens[-19:], 9]
    assert best_window(tokens[:20], asked=frozenset({9}), room=20) == tokens[:20]


def test_what_answers_counts_more_than_what_is_near() -> None:
    encoder = CrossEncoder()
    question = "When was the mill in Harburg built?"
    near = "The mill in Harburg stands beside the river, and many visitors come to see it."
    answering = "The mill in Harburg was built in 1871 and burned down later."
    assert encoder.logit(question, answering) > encoder.logit(question, near)
    assert encoder.logit(question, f"{near} " * 40 + answering) > encoder.logit(question, near)


def test_empty_and_endless_texts_are_read() -> None:
    encoder = CrossEncoder()
    for question, text, title in (("?", "", ""), ("mill " * 900, "mill " * 900, "mill " * 900)):
        assert -50 < encoder.logit(question, text, title=title) < 50


def test_weights_that_are_not_the_published_ones_are_refused(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "reader")
    (folder / GRAPH_FILE).write_bytes(b"another graph")
    with pytest.raises(EmbeddingUnavailable):
        CrossEncoder(folder).logit("Who?", "Nobody.")
