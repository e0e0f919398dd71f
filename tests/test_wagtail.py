"""A site of Wagtail's with the chat, in the environment that the Makefile makes for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hostsite import own_suite
from tests.servers import ROOT

PYTHON = ROOT / ".venv-wagtail" / "bin" / "python"
PROJECT = ROOT / "tests" / "wagtail_project"

pytestmark = pytest.mark.hosts


def test_declaration_in_the_docs_is_the_one_that_is_tested() -> None:
    shown = (ROOT / "docs" / "pages.md").read_text().partition("## Wagtail")[2].split("```python\n")[1]
    assert (PROJECT / "home" / "docchat.py").read_text().endswith(f"\n\n{shown.partition('```')[0]}")


def test_pages_answer_what_they_show_to_whom_they_show_it(tmp_path: Path) -> None:
    assert "18 passed" in own_suite(PROJECT, python=PYTHON, folder=tmp_path / "site")
