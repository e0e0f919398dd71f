"""Pairs that the reader learns from: read, kept apart from tests, made, cut into tokens."""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from retrieval.embedding import minilm_graph
from retrieval.embedding.local import open_tokenizer
from training.pairs import MAX_TOKENS, Pair, apart_from, as_arrays, read_pairs, texts_in
from training.variants import claims, exchanged_names, parts_without
from training.written import functions, manuals, tables

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PASSAGE = (
    "The mill stood in Harburg for long. The mill of Harburg was built by Anna Brandt in 1871. It burned down later."
)
BUILT = Pair("Who built the mill of Harburg?", PASSAGE, answers=True, title="Mills", span=(69, 80))


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    weights = minilm_graph.locate()
    assert weights
    return open_tokenizer(weights / "tokenizer.json")


def answer(pair: Pair) -> str:
    assert pair.span
    return pair.passage[slice(*pair.span)]


def test_pairs_are_read_as_they_were_written(tmp_path: Path) -> None:
    row = {"question": BUILT.question, "title": "Mills", "passage": PASSAGE, "span": [69, 80], "answers": 1}
    path = tmp_path / "pairs.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(row).encode()))
    assert [*read_pairs(path)] == [BUILT]
    assert answer(BUILT) == "Anna Brandt"


def test_pairs_that_share_twelve_words_with_a_text_kept_for_tests_are_left_out(tmp_path: Path) -> None:
    paragraphs = [{"context": f"Long ago, {PASSAGE}"}]
    kept = {"data": [{"title": "Mills", "paragraphs": paragraphs}, {"title": "Bees", "paragraphs": []}]}
    (tmp_path / "kept.json").write_text(json.dumps(kept))
    other = Pair("Who?", "A text of a dozen words and more that stands in no set kept apart from these.", answers=False)
    for articles, left in ((["Mills"], [other]), (["Bees"], [BUILT, other])):
        texts = texts_in([tmp_path / "kept.json"], articles=articles)
        assert [*apart_from([BUILT, other], texts)] == left


def test_a_window_of_a_long_passage_holds_its_answer(tokenizer: Tokenizer) -> None:
    before = "Nothing of this is what anybody asked for. " * 40
    shifted = len(before)
    long = replace(BUILT, passage=before + PASSAGE + before, span=(69 + shifted, 80 + shifted))
    held = as_arrays([long, replace(long, answers=False, span=None), replace(long, span=None)], tokenizer, seed=1)
    assert [*held["answers"]] == [1, 0, 1]
    assert (held["begins"][1:] - held["begins"][:-1]).tolist() == [MAX_TOKENS] * 3
    first, last = held["spans"][0]
    assert tokenizer.decode(held["tokens"][first : last + 1].tolist()) == "anna brandt"
    assert held["spans"][1:].tolist() == [[0, 0], [-1, -1]]  # none, and nobody said where
    assert tokenizer.decode(held["tokens"][: held["passages"][0]].tolist()) == "who built the mill of harburg?"


def test_an_answer_longer_than_a_window_is_left_out(tokenizer: Tokenizer) -> None:
    long = Pair("Why?", "because " * 200, answers=True, span=(0, 1600))
    assert as_arrays([long], tokenizer, seed=1)["answers"].size == 0


def test_claims_say_what_was_asked_of_the_passage_and_of_another() -> None:
    beside = replace(BUILT, passage="Mills grind corn. Nobody is named here.", answers=False, span=None)
    claim, wrong = claims([replace(BUILT, question="Who owned the mill?"), beside], random.Random(1))
    assert (claim.question, claim.answers) == ("Anna Brandt owned the mill.", True)
    assert (wrong.question, wrong.answers, wrong.passage) == (claim.question, False, beside.passage)


def test_names_are_exchanged_for_ones_that_the_passage_lacks() -> None:
    other = Pair("When was the tower of Lisbon built?", "The tower of Lisbon is old.", answers=True)
    made = {pair.question for seed in range(9) for pair in exchanged_names([BUILT, other], random.Random(seed))}
    assert made == {"Who built the mill of Lisbon?", "When was the tower of Harburg built?"}


def test_the_rest_of_a_passage_does_not_answer() -> None:
    behind = "It burned down later, and was never built again by those who lived there. " * 5
    [part] = parts_without([replace(BUILT, passage=f"{PASSAGE} {behind}")])
    assert "Brandt" not in part.passage
    assert not part.answers


@pytest.mark.parametrize("written", [tables, manuals])
def test_what_is_written_by_rule_holds_what_is_asked_for_or_lacks_it(written: type) -> None:
    pairs = [*written(random.Random(1), 50)]
    assert sum(pair.answers for pair in pairs) == 50
    for right, wrong in zip(pairs[::2], pairs[1::2], strict=True):
        assert answer(right).strip()
        assert right.passage == wrong.passage
        assert right.question != wrong.question


def test_functions_are_told_from_their_neighbours(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        'def add(a, b):\n    """Return the sum of two numbers."""\n    return a + b\n\n'
        'def sub(a, b):\n    """Return the difference of two numbers."""\n    return a - b\n'
    )
    pairs = {(pair.question, pair.answers): pair.passage for pair in functions(tmp_path, random.Random(1))}
    assert pairs["Return the sum of two numbers.", True] == "def add(a, b):\n    return a + b"
    assert pairs["Return the sum of two numbers.", False] == "def sub(a, b):\n    return a - b"
