"""German is whole: every text of ours, in templates and in Python, has its translation with the same placeholders."""

from __future__ import annotations

import ast
import gettext
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client
from django.utils.translation import override

from chatsite import errors
from retrieval.models import Collection, Document
from retrieval.reasons import Reason
from tests.servers import ROOT

CATALOG = ROOT / "chatsite" / "locale" / "de" / "LC_MESSAGES"
MADE_FROM = ["chatsite", "retrieval", "templates"]
MARKED = re.compile(
    r"""\{%-?\s*translate\s+(?:"([^"]*)"|'([^']*)')|\b(?:_|gettext|gettext_lazy)\(\s*"((?:[^"\\]|\\.)*)"\s*\)"""
)


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    """A request leaves its language active in the thread that served it, here the tests' own."""
    with override("en"):
        yield


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


# ---- why something failed --------------------------------------------------------------------------------------------
RAISED = re.compile(r"(?:ParsingError|NeedsOcr|Duplicate|Refused|Failed|Gone|Stopped|Unavailable|InUse|Full|Rejected)$")
FOR_COMMANDS = {"moving.py"}  # whose errors only a terminal shows


def sentences_built_where_they_are_raised() -> list[str]:
    """Return the errors of `retrieval` whose first argument is a text that `makemessages` can't find."""
    found = []
    for path in (ROOT / "retrieval").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not node.args or not RAISED.search(ast.unparse(node.func)):
                continue
            if path.name not in FOR_COMMANDS and isinstance(node.args[0], ast.Constant | ast.JoinedStr | ast.BinOp):
                found.append(f"{path.name}: {ast.unparse(node)}")
    return found


def test_every_error_is_raised_with_a_marked_template() -> None:
    assert sentences_built_where_they_are_raised() == []


WAITING = Reason(
    "%(what)s. It waits: %(fault)s",
    what=Reason(
        "%(what)s: %(done)s of %(total)s chunks", what=Reason("Building the new index"), done=1000, total=20000
    ),
    fault=Reason("The Qdrant server doesn't answer (QDRANT_URL)."),
)


@pytest.mark.parametrize(
    ("reason", "english", "german"),
    [
        (
            Reason("It holds more than %(limit)s characters: split it.", limit=5_000_000),
            "It holds more than 5,000,000 characters: split it.",
            "Es hat mehr als 5.000.000 Zeichen: Teilen Sie es.",
        ),
        (
            Reason("It did not answer within %(seconds)s seconds.", seconds=2.5),
            "It did not answer within 2.5 seconds.",
            "Es hat nicht innerhalb von 2,5 Sekunden geantwortet.",
        ),
        (
            Reason(
                "It is named .%(ending)s, but its content is %(content)s.",
                ending="pdf",
                content=Reason("a zip archive"),
            ),
            "It is named .pdf, but its content is a zip archive.",
            "Es heißt .pdf, aber sein Inhalt ist ein Zip-Archiv.",
        ),
        (
            WAITING,
            "Building the new index: 1,000 of 20,000 chunks. It waits: The Qdrant server doesn't answer (QDRANT_URL).",
            "Der neue Index wird gebaut: 1.000 von 20.000 Abschnitten. Er wartet: Der Qdrant-Server antwortet nicht "
            "(QDRANT_URL).",
        ),
        (Reason("What a library said, 100 % in its words"), *["What a library said, 100 % in its words"] * 2),
        (Reason(), "", ""),
    ],
)
def test_reason_is_translated_when_it_is_shown(reason: Reason, english: str, german: str) -> None:
    again = Reason.from_text(reason.to_text())
    assert (again, again.template, again.values) == (english, reason.template, reason.values)
    assert again.message() == english
    with override("de"):
        assert (str(again), again.message()) == (english, german)


def test_admin_and_library_tell_in_german_why_a_document_failed(admin_client: Client, public: Collection) -> None:
    reason = Reason("It holds more than %(limit)s files.", limit=20_000)
    Document.objects.create(
        collection=public, title="Scan", filename="scan.pdf", state=Document.State.FAILED, error=reason
    )
    for address in (
        "/documents/",
        "/admin/retrieval/document/",
        f"/admin/retrieval/collection/{public.pk}/change/",
        f"/admin/retrieval/document/states/?id={Document.objects.get().pk}",
    ):
        response = admin_client.get(address, headers={"Accept-Language": "de"})
        shown = str(response.json()) if "states" in address else response.content.decode()
        assert "Es enthält mehr als 20.000 Dateien." in shown, address
        assert "It holds more than" not in shown, address
    page = admin_client.get("/admin/retrieval/document/", headers={"Accept-Language": "de"}).content.decode()
    assert "Fehlgeschlagen" in page


def test_labels_of_what_the_admin_shows_are_german(admin_client: Client, public: Collection) -> None:
    with override("de"):
        assert str(Document._meta.verbose_name_plural) == "Dokumente"
        assert str(apps.get_model("chatsite", "EmbedSite")._meta.get_field("origins").verbose_name) == "Herkünfte"
        assert str(Document.State.NEEDS_OCR.label) == "Braucht Texterkennung"
    page = admin_client.get(f"/admin/retrieval/collection/{public.pk}/change/", headers={"Accept-Language": "de"})
    assert "Mitglieder dieser Gruppen dürfen sie durchsuchen." in page.content.decode()


def test_api_tells_in_german_what_is_wrong(client: Client, reader: User) -> None:
    client.force_login(reader)
    german = {"Accept-Language": "de"}

    def message(body: str) -> str:
        response = client.post("/api/v1/chat/query", body, content_type="application/json", headers=german)
        said: str = response.json()["message"]
        return said

    assert message('{"query": ""}') == "query: Darf nicht leer sein."
    assert message('{"query": "' + "x" * 5000 + '"}').startswith("query: Hat mehr Zeichen als die Grenze von 4000.")
    assert message('{"query": "x", "collections": ["no"]}') == (
        "collections: Diese Sammlung gibt es nicht: no. Das gibt es nicht, oder Sie dürfen es nicht lesen."
    )
    with override("de"):
        assert errors.too_many(20_000, "Fragen", seconds=3).message.startswith("Hier werden höchstens 20.000 Fragen")
        assert errors.message_of("deadline_exceeded").startswith("Das Sprachmodell brauchte zu lange")


def test_what_an_answer_says_of_itself_is_german(client: Client, public: Collection, reader: User, index: None) -> None:
    client.force_login(reader)
    body = {"content_type": "application/json", "headers": {"Accept-Language": "de"}}
    answer = client.post("/api/v1/chat/query", '{"query": "Was wird hier gefragt?"}', **body).json()["answer"]
    assert answer == (
        "Es ist kein Sprachmodell eingerichtet, darum sind dies wörtliche Sätze aus den Dokumenten.\n\n"
        "Keine gefundene Textstelle beantwortet diese Frage."
    )
