"""The figures of `make house`, counted in a checkout of a few lines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.house import ROOT, Checkout, read_checkout

SAME = "\n".join(f"    total += {number}" for number in range(6))
FILES = {
    "agents/__init__.py": "",
    "agents/one.py": f'''"""The first module."""
import agents.two

class Result:
    pass

def add(total: int) -> int:
{SAME}

    # a comment ends no block
    total += 6
    return total
''',
    "agents/two.py": f'''from __future__ import annotations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agents.three import three

class Result:
    """What comes out."""

def _add(total: int) -> int:
{SAME}
    total += 6
    return -total

def act() -> None:
    from . import one

    try:
        one.add(1)
    except (ValueError, Exception):
        pass
''',
    "agents/three.py": """from agents.two import act

def three() -> None:
    try:
        act()
    except ValueError:
        pass
""",
    "chatsite/migrations/0001_initial.py": "class Result: ...\n",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    for name, source in FILES.items():
        (path := tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return read_checkout(tmp_path)


def test_modules_are_counted_without_their_package_and_migrations(checkout: Checkout) -> None:
    assert checkout.modules_by_folder() == {"agents": 3}


def test_circle_runs_through_imports_inside_functions(checkout: Checkout) -> None:
    assert checkout.import_circles() == [["agents.one", "agents.two"]]


def test_circle_of_types_is_told_apart(checkout: Checkout) -> None:
    assert checkout.import_circles(with_types=True) == [["agents.one", "agents.three", "agents.two"]]


def test_names_that_two_modules_define(checkout: Checkout) -> None:
    assert checkout.repeated_names() == {"Result": ["agents/one.py", "agents/two.py"]}


def test_broad_except_may_hide_in_a_tuple(checkout: Checkout) -> None:
    assert [str(place) for place in checkout.broad_excepts()] == ["agents/two.py:25"]


def test_block_of_equal_lines_is_found_once_and_whole(checkout: Checkout) -> None:
    [(one, other, lines)] = checkout.duplicate_blocks()
    assert ({one.path.name, other.path.name}, lines) == ({"one.py", "two.py"}, 7)


def test_docstrings_without_a_verb(checkout: Checkout) -> None:
    assert checkout.docstrings_without_a_verb() == [
        "agents/one.py:1 The first module.",
        "agents/two.py:7 What comes out.",
    ]


def test_longest_function_is_last(checkout: Checkout) -> None:
    assert checkout.function_lengths()[-1] == (11, "agents/one.py:7 add")


def test_command_puts_two_checkouts_beside_each_other(tmp_path: Path, checkout: Checkout) -> None:
    command = [sys.executable, "-m", "benchmarks.house", str(tmp_path), "--beside", str(tmp_path)]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert printed.splitlines()[0].split() == [tmp_path.name, tmp_path.name]
    assert "import circles" in printed
