"""A project's own tests, before the chat is added to it and after."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.projects.declared import Project
from benchmarks.projects.environments import Environment
from benchmarks.projects.site import write_place

SUITE_SECONDS = 1500
WITH_CHAT = "docchat_place"

QUICK = 'PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]\n'
SETTINGS = """
from {settings} import *
import chatsite
THEIR_URLCONF, ROOT_URLCONF = ROOT_URLCONF, "{package}.urls"
INSTALLED_APPS = [*INSTALLED_APPS, *chatsite.APPS]
"""
URLS = """
from importlib import import_module
from django.conf import settings
from django.urls import include, path
theirs = import_module(settings.THEIR_URLCONF)
urlpatterns = [path("docs/", include("chatsite.urls")), *theirs.urlpatterns]
for name in ("handler400", "handler403", "handler404", "handler500"):
    if hasattr(theirs, name):
        globals()[name] = getattr(theirs, name)
"""


@dataclass(frozen=True)
class Counted:
    """How a suite ended."""

    passed: int
    failed: int
    names: Sequence[str] = ()  # of those that failed

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed" if self.failed else f"{self.passed} passed"


def run_suite(project: Project, environment: Environment, *, chat: bool) -> Counted:
    """Run the tests in the project's source, with its own settings or with the chat added to them. Raises ProjectFault
    for tests that don't even begin."""
    suite = project.suite
    assert suite is not None
    folder = environment.folder / "suite" if suite.in_wheel else environment.source() / suite.folder
    theirs = suite.settings
    if not theirs:
        write_place(folder, project, adds=QUICK + suite.adds)
        theirs = "place.settings"
    settings = _with_chat(project, theirs, folder) if chat else theirs
    command = [part.format(settings=settings) for part in suite.command]
    printed = environment.run(
        *command, cwd=folder, seconds=SUITE_SECONDS, fails=True, DJANGO_SETTINGS_MODULE=settings, PYTHONPATH=str(folder)
    )
    (environment.folder / f"tests-{'after' if chat else 'before'}.log").write_text(printed)
    return count(printed)


def _with_chat(project: Project, theirs: str, folder: Path) -> str:
    package = folder / WITH_CHAT
    package.mkdir(exist_ok=True)
    (package / "__init__.py").touch()
    (package / "settings.py").write_text(SETTINGS.format(settings=theirs, package=WITH_CHAT))
    (package / "urls.py").write_text(URLS)
    (package / "docchat.py").write_text(project.docchat)
    return f"{WITH_CHAT}.settings"


def count(printed: str) -> Counted:
    """Return what pytest or Django's runner printed at its end; nothing passed where neither is found."""
    ran = re.findall(r"^Ran (\d+) tests? in", printed, re.M)
    if ran:
        end = printed[printed.rindex("\nRan ") :]
        failed = sum(int(found) for found in re.findall(r"(?:failures|errors|unexpected successes)=(\d+)", end))
        skipped = sum(int(found) for found in re.findall(r"(?:skipped|expected failures)=(\d+)", end))
        names = re.findall(r"^(?:FAIL|ERROR): (.+)$", printed, re.M)
        return Counted(int(ran[-1]) - failed - skipped, failed, names)
    last = next((line for line in reversed(printed.splitlines()) if re.search(r" in [\d.]+s", line)), "")
    passed, failed, errors = (
        sum(int(found) for found in re.findall(rf"(\d+) {word}", last)) for word in ("passed", "failed", "error")
    )
    names = re.findall(r"^(?:FAILED|ERROR) (\S+)", printed, re.M)
    return Counted(passed, failed + errors, names)
