"""The suites of the examples, run as a host runs its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostsite import EXAMPLE, _environment
from tests.servers import _share_model

pytestmark = pytest.mark.hosts


@pytest.mark.parametrize(("name", "passed"), [("hostsite", 4), ("newsroom", 18)])
def test_hosts_own_suite_passes_and_leaves_nothing_behind(tmp_path: Path, name: str, passed: int) -> None:
    folder = copied(name, tmp_path)
    _share_model(folder / ".data" / "models")
    done = run(folder, name, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{passed} passed" in done.stdout
    assert {path.name for path in (folder / ".data").iterdir()} <= {"models"}


def test_declarations_that_raise_are_named_by_a_check_and_the_site_goes_on(tmp_path: Path) -> None:
    folder = copied("newsroom", tmp_path)
    declarations = folder / "news" / "docchat.py"
    for wrong, said in (
        ("1 / 0\n", "news.docchat could not be imported: ZeroDivisionError"),
        (declarations.read_text().replace('"lead"', '"leed"'), "ArticleDocuments.fields: news.Article has no 'leed'"),
    ):
        declarations.write_text(wrong)
        done = run(folder, "newsroom", "manage.py", "check")
        assert done.returncode == 0, done.stderr
        assert said in done.stderr
        assert "retrieval.W003" in done.stderr
    synced = run(folder, "newsroom", "manage.py", "sync_models", "--skip-checks")
    assert synced.returncode == 1
    assert "CommandError: news.docchat could not be imported: ModelDocumentsInvalid" in synced.stderr


def test_project_declares_documents_of_apps_that_others_have_written(tmp_path: Path) -> None:
    folder = copied("newsroom", tmp_path)
    (folder / "news" / "docchat.py").rename(folder / "newsroom" / "docchat.py")
    code = "from retrieval.model_documents.declaring import declared; print([one.label for one in declared()])"
    done = run(folder, "newsroom", "-c", f"import django; django.setup(); {code}")
    assert (done.stdout.strip(), done.returncode) == ("['news.article']", 0), done.stderr
    (folder / "newsroom" / "docchat.py").write_text("1 / 0\n")
    checked = run(folder, "newsroom", "manage.py", "check")
    assert "newsroom.docchat could not be imported: ZeroDivisionError" in checked.stderr


def copied(name: str, folder: Path) -> Path:
    ignored = shutil.ignore_patterns("*.sqlite3", ".data")
    return shutil.copytree(EXAMPLE.with_name(name), folder / "site", ignore=ignored)


def run(folder: Path, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = _environment(folder, DJANGO_SETTINGS_MODULE=f"{name}.settings")
    return subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True)
