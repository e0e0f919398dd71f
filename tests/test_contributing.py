"""The house as CONTRIBUTING.md shows it: its folders, its limits, and the hops of the two walks."""

from __future__ import annotations

import ast
import re

import pytest

from benchmarks.house import FILE_LIMIT, FOLDER_LIMIT, FUNCTION_LIMIT, ROOT, read_checkout

PAGE = (ROOT / "CONTRIBUTING.md").read_text()
HOPS = re.findall(r"`([\w/]+\.py):([\w.]+)`", PAGE)
WALKS = ["walk", "document walk"]


def walk(name: str) -> list[str]:
    """Return the lines between the two marks of that name."""
    return PAGE.split(f"<!-- {name} -->")[1].strip().splitlines()


def definitions(source: str) -> set[str]:
    """Return what a module defines at its top and in its classes, as `search` and `Reader.link`."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    top = [node for node in ast.parse(source).body if isinstance(node, (*functions, ast.ClassDef))]
    inner = [(node, member) for node in top for member in node.body if isinstance(member, functions)]
    return {node.name for node in top} | {f"{node.name}.{member.name}" for node, member in inner}


def test_every_folder_is_in_the_layout() -> None:
    layout = PAGE.partition("## The layout")[2].partition("\n## ")[0]
    rows = [row.split("|")[1] for row in layout.splitlines() if row.startswith("| `")]
    listed = [folder for row in rows for folder in re.findall(r"`(.+?)`", row)]
    assert sorted(listed) == sorted(read_checkout(ROOT).modules_by_folder())


def test_limits_are_those_that_are_counted() -> None:
    sentence = f"{FOLDER_LIMIT} modules, no file more than {FILE_LIMIT} lines, no function more than {FUNCTION_LIMIT}"
    assert sentence in PAGE


@pytest.mark.parametrize(("file", "name"), HOPS, ids=":".join)
def test_function_of_a_hop_exists(file: str, name: str) -> None:
    assert name in definitions((ROOT / file).read_text())


@pytest.mark.parametrize("name", WALKS)
def test_each_line_of_a_walk_names_its_hop(name: str) -> None:
    lines = walk(name)
    assert [line for line in lines if not re.match(r"\d+\. `[\w/]+\.py:[\w.]+`", line)] == []
    assert [int(line.split(".")[0]) for line in lines] == list(range(1, len(lines) + 1))


def test_question_takes_twelve_hops_at_most() -> None:
    assert len(walk("walk")) <= 12
