"""German is whole: every text of ours, in templates and in Python, has its translation with the same placeholders."""

from __future__ import annotations

import gettext
import re
import shutil
import subprocess
import sys
from pathlib import Path
from string import Formatter

import pytest
from django.test import Client

from retrieval.models import Collection
from tests.servers import ROOT

CATALOG = ROOT / "chatsite" / "locale" / "de" / "LC_MESSAGES"
MADE_FROM = ["chatsite", "retrieval", "templates"]
MARKED = re.compile(
    r"""\{%-?\s*translate\s+(?:"([^"]*)"|'([^']*)')|\b(?:_|gettext|gettext_lazy)\(\s*"((?:[^"\\]|\\.)*)"\s*\)"""
)


def entries(compiled: Path = CATALOG / "django.mo") -> dict[str, list[str]]:
    """English text -> its German forms, as a compiled catalog has them."""
    with compiled.open("rb") as file:
        catalog = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    found: dict[str, list[str]] = {}
    for key, value in catalog.items():
        found.setdefault(key[0] if isinstance(key, tuple) else key, []).append(value)
    return {english: forms for english, forms in found.items() if english}


def placeholders(text: str) -> set[str]:
    braced = {name for _, name, _, _ in Formatter().parse(text) if name} if "{" in text else set()
    return braced | set(re.findall(r"%\(\w+\)[sd]|%[sd]", text))


def texts_of_ours() -> set[str]:
    files = [path for folder in MADE_FROM for path in (ROOT / folder).rglob("*") if path.suffix in {".html", ".py"}]
    return {next(filter(None, found.groups()), "") for path in files for found in MARKED.finditer(path.read_text())}


def test_every_text_has_a_german_one_with_its_placeholders() -> None:
    german = entries()
    assert len(german) > 250
    assert texts_of_ours() - set(german) == set()
    differing = {
        english: forms
        for english, forms in german.items()
        if any(placeholders(english) != placeholders(f) for f in forms)
    }
    assert differing == {}
    assert "#, fuzzy" not in (CATALOG / "django.po").read_text()


@pytest.mark.skipif(shutil.which("xgettext") is None, reason="gettext is not installed")
def test_catalog_is_what_is_extracted_and_compiled(tmp_path: Path) -> None:
    """Also what spans lines or has plurals, by the tools themselves: run `make texts` after changing one."""
    for folder in MADE_FROM:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "locale"))
    (tmp_path / "locale" / "de" / "LC_MESSAGES").mkdir(parents=True)
    kept = tmp_path / "locale" / "de" / "LC_MESSAGES" / "django.po"
    shutil.copy(CATALOG / "django.po", kept)
    command = [
        sys.executable,
        "-m",
        "django",
        "makemessages",
        "-l",
        "de",
        "--no-location",
        "--no-wrap",
        "-e",
        "html,py",
    ]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    compiled = tmp_path / "django.mo"
    checked = subprocess.run(["msgfmt", "--statistics", "-o", compiled, kept], capture_output=True, text=True)
    assert "untranslated" not in checked.stderr, checked.stderr
    assert "fuzzy" not in checked.stderr, checked.stderr
    assert entries(compiled) == entries()


def test_browser_chooses_the_language(client: Client, public: Collection) -> None:
    german = client.get("/documents/", headers={"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"})
    assert '<html lang="de">' in german.content.decode()
    assert "<h1>Dokumente</h1>" in german.content.decode()
    for language in ("en-GB", "fr", "*"):
        english = client.get("/documents/", headers={"Accept-Language": language})
        assert "<h1>Documents</h1>" in english.content.decode()


def test_scripts_get_their_texts_in_german(client: Client, public: Collection) -> None:
    page = client.get("/", headers={"Accept-Language": "de"}).content.decode()
    assert '<span data-text="stopping">Wird angehalten …</span>' in page
    assert "Stopping…" not in page
