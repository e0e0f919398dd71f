"""A site of Wagtail's with the chat, in the environment that the Makefile makes for it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.hostsite import _environment
from tests.servers import ROOT, _share_model

PYTHON = ROOT / ".venv-wagtail" / "bin" / "python"
PROJECT = ROOT / "tests" / "wagtail_project"

pytestmark = pytest.mark.hosts


def test_declaration_in_the_docs_is_the_one_that_is_tested() -> None:
    shown = (ROOT / "docs" / "pages.md").read_text().partition("## Wagtail")[2].split("```python\n")[1]
    assert (PROJECT / "home" / "docchat.py").read_text().endswith(f"\n\n{shown.partition('```')[0]}")


def test_pages_answer_what_they_show_to_whom_they_show_it(tmp_path: Path) -> None:
    folder = shutil.copytree(PROJECT, tmp_path / "site", ignore=shutil.ignore_patterns("*.sqlite3", ".data"))
    _share_model(folder / ".data" / "models")
    command = [str(PYTHON), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    environment = _environment(folder, DJANGO_SETTINGS_MODULE="settings")
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "18 passed" in done.stdout
