"""A site of django CMS's with the chat, in the environment that the Makefile makes for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hostsite import own_suite
from tests.servers import ROOT

PYTHON = ROOT / ".venv-djangocms" / "bin" / "python"
PROJECT = ROOT / "tests" / "djangocms_project"

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(600)]


def test_declaration_in_the_docs_is_the_one_that_is_tested() -> None:
    shown = (ROOT / "docs" / "pages.md").read_text().partition("## django CMS")[2].split("```python\n")[1]
    assert (PROJECT / "garden" / "docchat.py").read_text().endswith(f"\n\n{shown.partition('```')[0]}")


def test_pages_answer_what_they_show_to_whom_they_show_it(tmp_path: Path) -> None:
    assert "30 passed, 1 skipped" in own_suite(PROJECT, python=PYTHON, folder=tmp_path / "site")


def test_pages_without_versions_are_published_as_they_are_saved(tmp_path: Path) -> None:
    told = own_suite(
        PROJECT,
        "suite/test_pages.py",
        "suite/test_random.py",
        python=PYTHON,
        folder=tmp_path / "site",
        settings="settings_unversioned",
    )
    assert "17 passed, 1 skipped" in told
