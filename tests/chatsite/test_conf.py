"""The chat's settings inside a project that has settings of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostsite import EXAMPLE
from tests.servers import ROOT, variables

SHOW = "import django, json; django.setup(); from django.conf import settings; print(json.dumps({}, default=str))"


def shown(*names: str, settings: str = "", cwd: Path, **environ: str) -> dict[str, object]:
    """Return the Django settings `names` in the example project, with the lines `settings` at the end of its own.
    Raises AssertionError with what the project says when it does not start."""
    (cwd / "own.py").write_text(f"from hostsite.settings import *\nBASE_DIR = {str(cwd)!r}\n{settings}\n")
    kept = {name: value for name, value in os.environ.items() if name not in variables()}
    path = os.pathsep.join(map(str, (cwd, EXAMPLE, ROOT)))
    asked = "{" + ", ".join(f'"{name}": settings.{name}' for name in names) + "}"
    done = subprocess.run(
        [sys.executable, "-c", SHOW.replace("{}", asked, 1)],
        env=kept | {"PYTHONPATH": path, "DJANGO_SETTINGS_MODULE": "own"} | environ,
        cwd=cwd,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    values: dict[str, object] = json.loads(done.stdout)
    return values


@pytest.mark.case(136)
def test_variables_of_the_project_itself_are_not_read(tmp_path: Path) -> None:
    foreign = {"DATABASE_URL": "psql://u:p@db/host", "PORT": "tcp://10.0.0.1:80", "DEBUG": "WARN", "HTTPS": "maybe"}
    values = shown("DEBUG", "SECRET_KEY", "SITE_INGESTS", cwd=tmp_path, **foreign)
    assert values == {"DEBUG": True, "SECRET_KEY": "only-for-this-example", "SITE_INGESTS": True}
    assert not (tmp_path / ".data").exists()


def test_docchat_wins_over_a_setting_over_a_variable_over_the_default(tmp_path: Path) -> None:
    names = ("CHAT_MODEL", "RUNS_PER_USER", "ATTACHMENTS", "QUERY_MAX_CHARACTERS", "RUNS_PER_PROCESS")
    settings = """
DOCCHAT = {"CHAT_MODEL": "of DOCCHAT", "ATTACHMENTS": 3, "QUERY_MAX_CHARACTERS": 100}
CHAT_MODEL = "of a setting"
RUNS_PER_USER = 2
"""
    environ = {"CHAT_MODEL": "of a variable", "RUNS_PER_USER": "many", "ATTACHMENTS": "many", "RUNS_PER_PROCESS": "9"}
    values = shown(*names, settings=settings, cwd=tmp_path, **environ)
    assert list(values.values()) == ["of DOCCHAT", 2, 3, 100, 9]


def test_state_lies_in_the_projects_folder_or_where_the_project_says(tmp_path: Path) -> None:
    names = ("DATA_DIR", "INDEX_DIR", "MODEL_DIR", "MEDIA_ROOT")
    assert shown(*names, cwd=tmp_path) == {
        "DATA_DIR": f"{tmp_path}/.data",
        "INDEX_DIR": f"{tmp_path}/.data/index",
        "MODEL_DIR": f"{tmp_path}/.data/models",
        "MEDIA_ROOT": f"{tmp_path}/.data/media",
    }
    said = 'DOCCHAT = {"DATA_DIR": "/srv/chat", "MODEL_DIR": "/srv/models", "QDRANT_URL": "http://qdrant:6333"}'
    assert shown("INDEX_DIR", "MODEL_DIR", "SITE_INGESTS", settings=said, cwd=tmp_path) == {
        "INDEX_DIR": "/srv/chat/index",
        "MODEL_DIR": "/srv/models",
        "SITE_INGESTS": False,
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [("RUNS_PER_USER", "0"), ("RUNS_PER_USER", "'four'"), ("ATTACHMENTS", "True"), ("QDRANT_URL", "'qdrant'")],
)
def test_wrong_value_of_docchat_stops_the_start_and_names_the_key(key: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=rf'ImproperlyConfigured: DOCCHAT\["{key}"\]: '):
        shown(settings=f'DOCCHAT = {{"{key}": {value}}}', cwd=tmp_path)


def test_wrong_variable_stops_the_start_and_names_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"ATTACHMENTS.*A value in DOCCHAT"):
        shown(cwd=tmp_path, ATTACHMENTS="/var/attachments")
