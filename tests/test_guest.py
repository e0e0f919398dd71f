"""The wheel in a fresh environment, in a project that has nothing in common with the site's own but Django."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.servers import ROOT, variables

pytestmark = pytest.mark.hosts

PROJECT = ROOT / "tests" / "guest_project"
FOREIGN = {"DATABASE_URL": "psql://u:p@db/host", "PORT": "tcp://10.0.0.1:80", "DEBUG": "WARN"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The product as it is published, built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment, in which are the wheel and what it declares that it needs, with the extra
    `vectors`, and nothing else. What it needs is linked from where these tests have it."""
    folder = tmp_path_factory.mktemp("environment") / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    install = ["-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run([sys.executable, *install], check=True)
    (site_packages,) = folder.glob("lib/python*/site-packages")
    (installed,) = importlib.metadata.distributions(name="django-docchat", path=[str(site_packages)])
    for entry in _entries(installed, extra="vectors"):
        if not (link := site_packages / entry.name).exists():
            link.symlink_to(entry)
    return python


def _entries(wanted: importlib.metadata.Distribution, *, extra: str) -> set[Path]:
    """Return what stands in site-packages of all that `wanted` requires, directly or not."""
    entries: set[Path] = set()
    seen: set[tuple[str, str]] = set()
    waiting = [(wanted, extra)]
    while waiting:
        distribution, chosen = waiting.pop()
        for requirement in map(Requirement, distribution.requires or []):
            name = canonicalize_name(requirement.name)
            if requirement.marker and not requirement.marker.evaluate({"extra": chosen}):
                continue
            for each in {"", *requirement.extras}:
                if (name, each) not in seen:
                    seen.add((name, each))
                    found = importlib.metadata.distribution(name)
                    waiting.append((found, each))
                    entries |= _entries_of(found)
    return entries


def _entries_of(found: importlib.metadata.Distribution) -> set[Path]:
    files = [file for file in found.files or [] if file.parts[0] != ".."]
    return {Path(str(found.locate_file(file.parts[0]))) for file in files}


def run(python: Path, *arguments: str, cwd: Path, fails: bool = False, **environ: str) -> str:
    """Run Python to its end, and return what it printed and logged; in an environment without any setting of ours."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in {*variables(), "PYTHONPATH", "DJANGO_SETTINGS_MODULE"}
    }
    done = subprocess.run(
        [python, *arguments], cwd=cwd, env=kept | environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert (done.returncode != 0) is fails, done.stdout
    return done.stdout


@pytest.fixture(params=["on", "off"], ids=["admin", "no admin"], scope="module")
def admin(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def visited(python: Path, admin: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The project after its first visit, and what that met."""
    folder = tmp_path_factory.mktemp("guest") / "project"
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns("__pycache__"))
    run(python, "manage.py", "migrate", "--verbosity=0", cwd=folder, GUEST_ADMIN=admin, **FOREIGN)
    told = run(python, "manage.py", "visit", cwd=folder, GUEST_ADMIN=admin, **FOREIGN)
    return folder, json.loads(told.splitlines()[-1])


def test_the_guest_is_served_by_the_wheel(visited: tuple[Path, dict[str, Any]], python: Path) -> None:
    _, met = visited
    assert Path(met["package"]).is_relative_to(python.parent.parent)


def test_checks_name_what_is_missing_and_nothing_else(
    visited: tuple[Path, dict[str, Any]], python: Path, admin: str
) -> None:
    folder, _ = visited
    told = run(python, "manage.py", "check", "--database=default", cwd=folder, GUEST_ADMIN=admin, **FOREIGN)
    if admin == "on":
        assert "no issues" in told
    else:
        assert "chatsite.W007" in told
        assert "1 issue" in told


def test_migrations_leave_nothing_to_make(visited: tuple[Path, dict[str, Any]], python: Path, admin: str) -> None:
    folder, _ = visited
    told = run(python, "manage.py", "makemigrations", "--check", "--dry-run", cwd=folder, GUEST_ADMIN=admin)
    assert "No changes detected" in told


@pytest.mark.case(136, 137)
def test_every_page_opens(visited: tuple[Path, dict[str, Any]], admin: str) -> None:
    _, met = visited
    pages = dict(met["pages"])
    assert pages.pop("/nowhere/") == 404
    assert {address: status for address, status in pages.items() if status != 200} == {}
    assert any(address.startswith("/admin/") for address in pages) is (admin == "on")


def test_answer_is_found_by_vectors_and_cites(visited: tuple[Path, dict[str, Any]]) -> None:
    _, met = visited
    assert met["document"] == "ready"
    assert "multilingual-e5-small" in met["embedding"]
    assert met["answer"]["answered"] is met["again"] is met["by a program"] is met["by a visitor"] is True
    assert met["answer"]["citations"][0]["quote"] == "Wait four minutes before you pour the tea."


def test_suite_of_the_guests_has_the_test_kit(python: Path, tmp_path: Path) -> None:
    """With pytest-django in its environment, which the wheel does not ask for."""
    folder = tmp_path / "project"
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (site_packages,) = python.parent.parent.glob("lib/python*/site-packages")
    wanted = importlib.metadata.distribution("pytest-django")
    for entry in _entries(wanted, extra="") | _entries_of(wanted):
        if not (link := site_packages / entry.name).exists():
            link.symlink_to(entry)
    arguments = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--ds=guest.settings", "suite/answers.py"]
    told = run(python, *arguments, cwd=folder, **FOREIGN)
    assert "4 passed" in told


def test_wheel_is_also_a_site_of_its_own(python: Path, tmp_path: Path) -> None:
    """Its pages for signing in, for what isn't there and for faults are in it."""
    environ = {"DJANGO_SETTINGS_MODULE": "chatsite.settings", "DATA_DIR": str(tmp_path / "state")}
    run(python, "-m", "django", "migrate", "--verbosity=0", cwd=tmp_path, **environ)
    code = (
        "import django; django.setup(); from django.test import Client; "
        "from django.template.loader import get_template; "
        "[get_template(f'{name}.html') for name in ('403', '403_csrf', '404', '429', '500', 'registration/login')]; "
        "open_ = Client(headers={'host': 'localhost'}).get; "
        "print([open_(address).status_code for address in ('/', '/accounts/login/', '/nowhere/', '/admin/login/')])"
    )
    assert run(python, "-c", code, cwd=tmp_path, **environ).splitlines()[-1] == "[200, 200, 404, 200]"


def test_wheel_holds_texts_styles_and_scripts(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    packages = [ROOT / name for name in ("chatsite", "agents", "retrieval")]
    endings = {".html", ".md", ".css", ".js", ".mjs", ".svg", ".mo", ".po", ".txt", ".py", ".json"}
    expected = {
        str(path.relative_to(ROOT))
        for package in packages
        for path in package.rglob("*")
        if path.suffix in endings and "__pycache__" not in path.parts
    }
    assert expected - held == set()
