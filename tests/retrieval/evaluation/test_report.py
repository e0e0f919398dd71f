"""Tables of what was measured, and what is kept of it for another day."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retrieval.errors import EvaluationSetError
from retrieval.evaluation.report import comparison, load_pairs, save, variants_table

VARIANTS = {
    "as-asked": {"recall@5": [100.0, 100.0], "refused": [0.0], "median words": [10.0, 10.0, 90.0], "MRR@10": [1.0]},
    "off-topic": {"refused": [100.0]},
}


def test_variants_are_rows_and_figures_columns_with_quotes_below() -> None:
    searches, quotes = variants_table(VARIANTS).split("\n\n")
    head, asked, elsewhere = searches.splitlines()
    assert [cell.strip() for cell in head.split("   ") if cell.strip()] == [
        *("first passage", "recall@5", "nDCG@10", "answered", "found and answered", "refused")
    ]
    assert asked.split() == ["as-asked", "(3)", "-", *"100.0 (100.0 to 100.0) - - - 0.0 (0.0 to 0.0)".split()]
    assert elsewhere.split() == ["off-topic", "(1)", *"- - - - - 100.0 (100.0 to 100.0)".split()]
    head, asked = quotes.splitlines()
    assert head.endswith("median words")
    assert asked.split() == ["as-asked", "(3)", *"- - - 10.0 (10.0 to 90.0)".split()]


def test_table_of_quotes_is_left_out_where_none_was_measured() -> None:
    assert "\n\n" not in variants_table({"off-topic": VARIANTS["off-topic"]})


def test_saved_variants_are_compared_one_by_one(tmp_path: Path) -> None:
    for name, results in (("before", VARIANTS), ("after", VARIANTS | {"typos-20": {"refused": [1.0]}})):
        save(tmp_path / f"{name}.json", name="set", results=results)
    pairs = load_pairs(tmp_path / "before.json", tmp_path / "after.json")
    assert [list(pair) for pair in pairs] == [
        ["before: as-asked", "after: as-asked"],
        ["before: off-topic", "after: off-topic"],
    ]
    rows = {line[:24].strip(): line.split() for line in comparison(pairs[0]).splitlines()}
    assert rows["recall@5"][-2:] == ["+0.0", "1.000"]
    assert rows["median words"][2] == "10.0"


def test_saved_methods_are_compared_by_the_default_way(tmp_path: Path) -> None:
    save(tmp_path / "one.json", name="set", results={"BM25": {"refused": [0.0]}, "hybrid": {"refused": [100.0]}})
    save(tmp_path / "other.json", name="set", results={"neighbours=0": {"refused": [0.0]}})
    [pair] = load_pairs(tmp_path / "one.json", tmp_path / "other.json")
    assert pair == {"one: hybrid": {"refused": [100.0]}, "other: neighbours=0": {"refused": [0.0]}}


@pytest.mark.parametrize("content", ["", "[]", '{"set": "x"}', json.dumps({"results": {}})])
def test_file_that_holds_no_results_is_named(tmp_path: Path, content: str) -> None:
    for name in ("one.json", "other.json"):
        (tmp_path / name).write_text(content)
    with pytest.raises(EvaluationSetError, match=r"one\.json holds no"):
        load_pairs(tmp_path / "one.json", tmp_path / "other.json")
