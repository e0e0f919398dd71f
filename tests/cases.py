"""The cases that the site must survive: which tests prove each, and a table of them with `--cases`.

A test proves a case by its name, `test_case_07_08_what_it_proves`, or by the mark `case`, where it proves it beside its
own matter.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
WORST_FIRST = ("failed", "passed", "skipped")


@dataclass(frozen=True)
class Case:
    number: int
    text: str
    reason: str  # why no test holds it; empty where one does


def all_cases() -> dict[int, Case]:
    """Return the cases of `cases.txt` by their numbers."""
    cases = {}
    for line in (TESTS / "cases.txt").read_text().splitlines():
        if not line.startswith("#"):
            number, text, *reason = (part.strip() for part in line.split("|"))
            cases[int(number)] = Case(int(number), text, "".join(reason))
    return cases


def numbers_in(name: str) -> set[int]:
    """Return the cases that a test's name says it proves: `test_case_56_to_59_…`, `test_case_34_and_36_…`."""
    if not (found := re.match(r"test_cases?_((?:(?:and_|to_)?\d+_)+)", name)):
        return set()
    numbers: set[int] = set()
    last = 0
    for to, digits in re.findall(r"(to_)?(\d+)_", found[1]):
        if (number := int(digits)) > max(KNOWN):  # 429 and the like: the name goes on
            break
        numbers |= set(range(last + 1, number + 1)) if to else {number}
        last = number
    return numbers


KNOWN = all_cases()


def proofs() -> dict[int, list[str]]:
    """Return the tests that prove each case, `folder/file.py::name`, without running or importing any."""
    found = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        for function in ast.parse(path.read_text()).body:
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                marked = {number for mark in function.decorator_list for number in _marked(mark)}
                for number in numbers_in(function.name) | marked:
                    found[number].append(f"{path.relative_to(TESTS)}::{function.name}")
    return found


def _marked(decorator: ast.expr) -> Iterator[int]:
    if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.case":
        yield from (ast.literal_eval(argument) for argument in decorator.args)


# ---- while pytest runs -----------------------------------------------------------------------------------------------
def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cases", action="store_true", help="run the tests of the cases alone, and show a table of them")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each test its cases; with `--cases`, leave out the tests that prove none."""
    for item in items:
        numbers = numbers_in(item.name)
        for mark in item.iter_markers("case"):
            numbers |= set(mark.args)
        item.user_properties += [("case", number) for number in sorted(numbers)]
    if config.getoption("--cases"):
        others = [item for item in items if not item.user_properties]
        items[:] = [item for item in items if item.user_properties]
        config.hook.pytest_deselected(items=others)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print each case with the tests that proved it, their result, or why there is none."""
    if not config.getoption("--cases"):
        return
    results: dict[int, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for outcome in ("passed", "skipped", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            for key, number in getattr(report, "user_properties", ()):
                if key == "case":
                    name = report.nodeid.partition("[")[0].removeprefix("tests/")
                    results[number][name].add("failed" if outcome == "error" else outcome)
    terminalreporter.section("cases")
    for line in table(results):
        terminalreporter.write_line(line)


def table(results: dict[int, dict[str, set[str]]]) -> list[str]:
    """Return the rows: number, result, case, then a row for each test; and a last row that counts."""
    rows = []
    counts: dict[str, int] = defaultdict(int)
    for case in KNOWN.values():
        tests = results.get(case.number, {})
        outcomes = set().union(*tests.values()) if tests else set()
        without = "no test" if case.reason else "not run"
        result = next((outcome for outcome in WORST_FIRST if outcome in outcomes), without)
        counts[result] += 1
        rows.append(f"{case.number:4}  {result:8} {case.text}")
        rows += [f"{'':16}{name}" for name in sorted(tests)]
        if case.reason and not tests:
            rows.append(f"{'':16}why: {case.reason}")
    counted = ", ".join(f"{count} {result}" for result, count in sorted(counts.items()))
    return [*rows, f"{len(KNOWN)} cases: {counted}"]
