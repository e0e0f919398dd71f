"""SECOND_FACTOR is off, asks for its extra, and is what the tests beside this one are run with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import NoReverseMatch, reverse

from tests.servers import ROOT, environment


def start(data_dir: Path, before: str = "", **variables: str) -> str:
    """Load the settings in a process of their own, and return what it said."""
    command = [sys.executable, "-c", f"{before}\nfrom chatsite import settings; print(settings.INSTALLED_APPS)"]
    done = subprocess.run(command, cwd=ROOT, env=environment(data_dir, **variables), capture_output=True, text=True)
    return done.stdout + done.stderr


def test_nothing_of_it_is_there_when_it_is_off(tmp_path: Path) -> None:
    assert "allauth" not in start(tmp_path)
    assert "allauth" in start(tmp_path, SECOND_FACTOR="staff")
    if not settings.SECOND_FACTOR:
        with pytest.raises(NoReverseMatch):
            reverse("mfa_index")


def test_site_does_not_start_without_the_factor_it_was_told_to_ask_for(tmp_path: Path) -> None:
    told = start(tmp_path, "import sys; sys.modules['allauth'] = None", SECOND_FACTOR="staff")
    assert "SECOND_FACTOR" in told
    assert "pip install 'django-docchat[accounts]'" in told


def test_unknown_choice_stops_the_start(tmp_path: Path) -> None:
    assert "must be empty, or one of: staff, all" in start(tmp_path, SECOND_FACTOR="everybody")


@pytest.mark.parametrize("whom", ["staff", "all"])
def test_site_that_asks_for_it(whom: str) -> None:
    run_with(Path(__file__).with_name("test_views.py"), SECOND_FACTOR=whom)


def run_with(tests: Path, **variables: str) -> None:
    """Run tests in a process with these variables, which say which apps there are."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "TEST_"))}
    changed = {f"TEST_{name}": value for name, value in variables.items()}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests)]
    done = subprocess.run(command, cwd=ROOT, env=kept | changed, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
