"""`agents/` in numbers: small enough to read, and of no framework.

    python -m tests.agents.test_numbers

prints a table of its files.
"""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "agents"
LONGEST_FUNCTION = 60
LONGEST_FILE = 500


@dataclass(frozen=True)
class Function:
    file: str
    name: str
    lines: int
    imports: frozenset[str]  # the packages it imports


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def functions(file: Path) -> list[Function]:
    tree = ast.parse(file.read_text())
    found = (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
    return [
        Function(file.name, each.name, (each.end_lineno or 0) - each.lineno + 1, frozenset(imported(each)))
        for each in found
    ]


def imported(tree: ast.AST) -> Iterator[str]:
    for each in ast.walk(tree):
        if isinstance(each, ast.Import):
            yield from (alias.name.split(".")[0] for alias in each.names)
        elif isinstance(each, ast.ImportFrom) and each.module and not each.level:
            yield each.module.split(".")[0]


def lines(file: Path) -> int:
    return len(file.read_text().splitlines())


def test_no_function_is_longer_than_a_screen() -> None:
    assert [f for file in files() for f in functions(file) if f.lines > LONGEST_FUNCTION] == []


def test_no_file_is_longer_than_a_sitting() -> None:
    assert [file.name for file in files() if lines(file) > LONGEST_FILE] == []


def test_django_is_imported_in_two_functions_alone() -> None:
    """Where it is asked whether it is set up, and where a thread that ends gives back its database connections."""
    importers = [file.name for file in files() if "django" in imported(ast.parse(file.read_text()))]
    assert importers == ["bridge.py"]
    assert [f.name for f in functions(PACKAGE / "bridge.py") if "django" in f.imports] == [
        "in_django",
        "close_connections",
    ]
    outside = [
        each for each in ast.parse((PACKAGE / "bridge.py").read_text()).body if not isinstance(each, ast.FunctionDef)
    ]
    assert not any("django" in imported(each) for each in outside)


def main() -> None:
    print(f"{'file':<24}{'lines':>7}{'functions':>11}{'longest':>9}")
    every: list[Function] = []
    for file in files():
        its = functions(file)
        every += its
        print(f"{file.name:<24}{lines(file):>7}{len(its):>11}{max((f.lines for f in its), default=0):>9}")
    lengths = sorted(f.lines for f in every)
    longest = max(every, key=lambda f: f.lines)
    print(f"{'together':<24}{sum(map(lines, files())):>7}{len(every):>11}{longest.lines:>9}  {longest.name}")
    print(f"nine functions of ten have at most {statistics.quantiles(lengths, n=10)[8]:.0f} lines")


if __name__ == "__main__":
    main()
