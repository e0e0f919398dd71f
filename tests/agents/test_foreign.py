"""Another distribution's package `agents`, imported under another name."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import agents
from agents import foreign

INIT = """
import os, agents.tools as tools
import agents.tools
import agents
from agents import tools as again
from agents.tools import hammer
from . import tools as relative

assert agents.tools is tools is again is relative
"""


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[Path]:
    """A folder with the distribution `toy-agents`, as `pip install --target` leaves it."""
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "__init__.py").write_text(INIT)
    (tmp_path / "agents" / "tools.py").write_text("hammer = __name__\n")
    (tmp_path / "toy_needs.py").write_text("")
    (tmp_path / "toy_agents-1.0.dist-info").mkdir()
    (tmp_path / "toy_agents-1.0.dist-info" / "METADATA").write_text("Name: toy-agents\nVersion: 1.0\n")
    before = sys.meta_path.copy(), sys.path.copy()
    yield tmp_path
    sys.meta_path[:], sys.path[:] = before
    for name in [name for name in sys.modules if name.startswith("toy_")]:
        del sys.modules[name]


def test_load_imports_theirs_under_another_name_and_ours_stays(vendor: Path) -> None:
    toy = foreign.load("toy-agents", path=vendor)
    assert (toy.__name__, toy.hammer) == ("toy_agents", "toy_agents.tools")
    assert foreign.load("toy-agents", path=vendor) is toy
    assert sys.modules["agents"] is agents
    assert "agents.tools" not in toy.__dict__


def test_load_finds_what_theirs_depends_on_in_its_folder(vendor: Path) -> None:
    foreign.load("toy-agents", path=vendor)
    assert __import__("toy_needs").__file__ == str(vendor / "toy_needs.py")


def test_load_writes_nothing(vendor: Path) -> None:
    before = sorted(vendor.rglob("*"))
    foreign.load("toy-agents", path=vendor)
    assert sorted(vendor.rglob("*")) == before


def test_load_of_what_is_not_installed_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(ImportError, match=f"^toy-agents is not installed in {tmp_path}$"):
        foreign.load("toy-agents", path=tmp_path)
    with pytest.raises(ImportError, match="toy-agents is not installed here"):
        foreign.load("toy-agents")
