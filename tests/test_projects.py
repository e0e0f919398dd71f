"""`make bench-projects` on an app that nobody has to download, and what it makes of what it reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.projects.catalogue import PROJECTS
from benchmarks.projects.environments import unpacked_product
from benchmarks.projects.pages import FLATPAGES
from benchmarks.projects.run import MOST_LINES, MOST_SECONDS, Tried, kept, try_project
from benchmarks.projects.suites import Counted, count
from benchmarks.projects.table import table
from tests.servers import ROOT, _share_model

PYTEST = """
FAILED tests/test_post.py::test_slug - AssertionError: assert 'a' == 'b'
ERROR tests/test_page.py::test_tree
1 failed, 7 passed, 2 skipped, 1 error in 3.14s
"""
UNITTEST = """
FAIL: test_title (news.tests.PostTests.test_title)
----------------------------------------------------------------------
Ran 12 tests in 0.201s

FAILED (failures=1, errors=1, skipped=2)
"""


@pytest.mark.hosts
def test_flatpages_answer_follow_their_rows_and_are_told_in_the_table(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    _share_model(cache / "models")
    product = unpacked_product(tmp_path)
    tried = try_project(FLATPAGES, product, cache=cache)
    assert tried.fault == ""
    assert tried.passed
    assert tried.page.startswith("/pages/ferry/#:~:text=")
    assert kept(FLATPAGES, cache) == tried
    assert table([tried]).splitlines()[2].startswith("| django | ")
    wrong = replace(FLATPAGES, docchat=FLATPAGES.docchat.replace('"content"', '"kontent"'))
    missing = try_project(wrong, product, cache=cache)
    assert not missing.passed
    assert "flatpages.FlatPage has no 'kontent'" in missing.fault


@pytest.mark.parametrize(
    ("printed", "counted"),
    [
        (PYTEST, Counted(7, 2, ["tests/test_post.py::test_slug", "tests/test_page.py::test_tree"])),
        (UNITTEST, Counted(8, 2, ["test_title (news.tests.PostTests.test_title)"])),
        ("\nRan 1 test in 0.1s\n\nOK\n", Counted(1, 0, [])),
        ("No module named 'news'", Counted(0, 0, [])),
    ],
)
def test_runners_last_lines_are_counted(printed: str, counted: Counted) -> None:
    assert count(printed) == counted


def test_project_whose_tests_fail_with_the_chat_has_not_passed() -> None:
    green = Tried(
        next(project for project in PROJECTS if project.suite), seconds=20.0, before=Counted(8, 1), after=Counted(8, 1)
    )
    assert green.passed
    assert not replace(green, after=Counted(7, 2)).passed
    assert not replace(green, after=None).passed
    assert not replace(green, before=Counted(0, 1), after=Counted(0, 1)).passed
    assert not replace(green, seconds=181.0).passed


def test_no_project_needs_more_than_five_lines() -> None:
    assert {project.package: project.lines for project in PROJECTS if not 3 <= project.lines <= MOST_LINES} == {}
    assert len({project.package for project in PROJECTS}) == len(PROJECTS)


def test_page_has_every_project_with_what_is_declared_of_it_and_none_that_failed() -> None:
    printed = (ROOT / "docs" / "projects.md").read_text().partition("| project |")[2].partition("<!--")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in printed.splitlines()[2:]]
    assert [row[:5] for row in rows] == [
        [one.package, one.version, one.kind, one.model, str(one.lines)] for one in PROJECTS
    ]
    assert len(rows) >= 20
    for row, project in zip(rows, PROJECTS, strict=True):
        assert row[-1].startswith(project.met)
        assert "Failed" not in row[-1]
        assert 0 < float(row[5]) <= MOST_SECONDS
        assert (row[8] != "–") is (project.suite is not None)
