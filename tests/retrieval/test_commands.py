"""`manage.py worker`, `reindex`, `reconcile` and `doctor`, in this process and as processes of their own."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings as site_settings
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from retrieval import checks
from retrieval.configuration import RetrievalSettings, configure
from retrieval.index import VERSION
from retrieval.ingestion import ingest, spaces
from retrieval.management.follow import bar
from retrieval.models import Collection, Document, IndexRemoval, Reindex
from tests.configured import configured
from tests.fakes.chat_server import ChatServer
from tests.servers import ROOT, environment, manage, migrate

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


@pytest.fixture
def use(settings: Settings, server: ChatServer, tmp_path: Path) -> Iterator[object]:
    """Restart on the same storage with this model of the embedding server."""
    settings.MEDIA_ROOT, settings.INDEX_DIR = tmp_path / "media", tmp_path / "index"
    settings.DATA_DIR = tmp_path

    def use(model: str) -> None:
        configure(
            RetrievalSettings(
                index_dir=tmp_path / "index",
                model_dir=site_settings.MODEL_DIR,
                embedding_base_url=server.url,
                embedding_model=model,
                drop_after_seconds=0,
            )
        )

    with configured(tmp_path / "index"):
        use("one")
        yield use


@pytest.fixture
def document(use: object, public: Collection) -> Document:
    document, _ = ingest.add_document(public, file=ContentFile(b"The boiler is serviced in May."), filename="a.md")
    while ingest.work():
        pass
    return document


ONE, TWO = f"one-d64-v{VERSION}", f"two-d64-v{VERSION}"


def run(*command: str, status: int = 0) -> str:
    out = StringIO()
    if status == 0:
        call_command(*command, stdout=out)
    else:
        with pytest.raises(SystemExit) as ended:
            call_command(*command, stdout=out)
        assert ended.value.code == status
    return out.getvalue()


# ---- reindex and reconcile -------------------------------------------------------------------------------------------


def test_reindex_builds_and_switches_when_nobody_serves(document: Document, use: object) -> None:
    use("two")  # type: ignore[operator]
    assert run("reindex") == (f"Searches ask {TWO} now. The process that ingests removes {ONE} within a minute.\n")
    assert spaces.live_fingerprint() == TWO
    assert dict(spaces.live_space().index.holdings()) == spaces.live_counts() == {(document.pk, 1): 1}


def test_reindex_says_when_nothing_is_to_be_done(document: Document) -> None:
    assert run("reindex") == "Nothing changed: the live index is the one that the settings ask for.\n"
    with pytest.raises(CommandError, match=r"^Nothing to cancel: no reindex is under way\.$"):
        run("reindex", "--cancel")


def test_reindex_is_asked_for_and_taken_back(document: Document, use: object) -> None:
    use("two")  # type: ignore[operator]
    run("reindex", "--no-wait")
    assert Reindex.objects.get().kind == Reindex.Kind.SWITCH
    assert run("reindex", "--cancel") == f"Cancelled. Searches go on with {ONE}.\n"
    assert not Reindex.objects.exists()


def test_progress_is_a_bar() -> None:
    request = Reindex(kind=Reindex.Kind.SWITCH, done=1_000, total=3_000, error="The embedding address doesn't answer.")
    assert bar(request) == (
        "[##########....................] Building the new index: 1,000 of 3,000 chunks. "
        "It waits: The embedding address doesn't answer."
    )


def test_case_75_reconcile_puts_back_what_is_missing(document: Document) -> None:
    index = spaces.live_space().index
    index.remove(document.pk)
    lacking = "Missing or short in the index: 1 documents, 1 chunks. Left over in it: points of 0 documents.\n"
    assert run("reconcile", "--dry-run") == lacking
    assert spaces.live_space().index.count() == 0
    assert run("reconcile") == lacking + "The index holds what SQL does.\n"
    assert spaces.live_space().index.count() == 1
    assert run("reconcile", "--dry-run").startswith("Missing or short in the index: 0 documents")


def test_mismatch_is_a_warning_of_checks_that_may_ask_the_database(document: Document, use: object) -> None:
    assert checks.check_embedding_model(None, databases=["default"]) == []
    use("two")  # type: ignore[operator]
    (warning,) = checks.check_embedding_model(None, databases=["default"])
    assert (warning.id, warning.hint) == ("retrieval.W001", "Run “manage.py reindex”.")
    assert ONE in warning.msg
    assert checks.check_embedding_model(None) == []


# ---- doctor ----------------------------------------------------------------------------------------------------------


def test_doctor_says_what_another_model_would_give_documents_that_are_not_english(
    public: Collection, settings: Settings, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT, settings.DATA_DIR = tmp_path / "media", tmp_path
    texts = ["Die Pumpe im Keller wird jede Woche geölt, und der Kessel wird im Mai gewartet."] * 3
    with configured(tmp_path / "index"):
        texts[0] = "The pump in the cellar is oiled every week, and the boiler is serviced in May."
        for number, text in enumerate(texts):
            ingest.add_document(public, file=ContentFile(f"{number}. {text}".encode()), filename="a.md")
        while ingest.work():
            pass
        assert "languages   2 of 3 documents are in languages that the embedding model didn't learn" in run("doctor")
        Document.objects.filter(language="de").update(language="en")
        assert "embedding model didn't learn" not in run("doctor")


def test_doctor_finds_a_healthy_site_well(document: Document) -> None:
    said = run("doctor")
    assert "FIX" not in said
    for line in ("sqlite, all migrations applied", "holds 1 points for 1 chunks", "1 ready", "empty, 0 in hand"):
        assert line in said


def test_doctor_names_what_is_wrong_and_the_fix(
    document: Document, use: object, public: Collection, server: ChatServer
) -> None:
    spaces.live_space().index.remove(document.pk)
    ingest.add_document(public, file=ContentFile(b"%PDF-1.4 broken"), filename="b.pdf")
    while ingest.work():
        pass
    ingest.add_document(public, file=ContentFile(b"c"), filename="c.md")
    hour = timezone.now() - timezone.timedelta(hours=1)
    Document.objects.filter(filename="c.md").update(updated_at=hour)
    IndexRemoval.objects.create(document_id=77, up_to_generation=1)
    IndexRemoval.objects.update(created_at=hour)
    use("two")  # type: ignore[operator]
    said = run("doctor", status=1)
    for line in (
        "but would be indexed with another model now",
        "-> Run “manage.py reindex”.",
        "1: The file is broken: it can't be read",
        "1 wait, the oldest for 1 h 0 min; 0 in hand",
        "Nobody ingests: start “manage.py worker”, or the site itself.",
        "points of 1 deletions wait, the oldest for 1 h 0 min",
    ):
        assert line in said, said
    IndexRemoval.objects.all().delete()
    assert "-> Run “manage.py reconcile”." in run("doctor", status=1)


def test_doctor_says_what_a_document_waits_for_and_prints_no_key(
    document: Document, server: ChatServer, settings: Settings
) -> None:
    settings.OPENAI_API_KEY = "sk-secret"
    ingest.enqueue(document)
    Document.objects.update(error="The embedding address doesn't answer: APIConnectionError.")
    said = run("doctor", status=1)
    assert "It waits: The embedding address doesn't answer: APIConnectionError." in said
    assert "sk-secret" not in said


def test_doctor_of_a_site_without_a_database_says_migrate(tmp_path: Path) -> None:
    command = [sys.executable, "manage.py", "doctor"]
    done = subprocess.run(command, cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "-> Run “manage.py migrate”." in done.stdout
    assert done.stderr == ""


# ---- worker ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def site_dir(tmp_path: Path) -> Path:
    """A migrated site with one document that waits."""
    migrate(tmp_path)
    code = (
        "from django.core.files.base import ContentFile; from retrieval.ingestion import ingest;"
        "from retrieval.models import Collection; c = Collection.objects.create(name='C', slug='c');"
        "ingest.add_document(c, file=ContentFile(b'The boiler is serviced in May.'), filename='a.md')"
    )
    manage("shell", "--no-imports", "-c", code, data_dir=tmp_path)
    return tmp_path


def states(data_dir: Path) -> str:
    code = "from retrieval.models import Document; print(*Document.objects.values_list('state', flat=True))"
    return manage("shell", "--no-imports", "-c", code, data_dir=data_dir).strip()


@pytest.mark.hosts
def test_worker_ingests_shares_its_index_and_another_takes_over(site_dir: Path, server: ChatServer) -> None:
    variables = {"EMBEDDING_BASE_URL": server.url, "EMBEDDING_MODEL": "one"}

    def worker() -> subprocess.Popen[str]:
        command = [sys.executable, "-u", "manage.py", "worker"]
        return subprocess.Popen(
            command, cwd=ROOT, env=environment(site_dir, **variables), stdout=subprocess.PIPE, text=True
        )

    def first_line(process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        return process.stdout.readline()

    with worker() as first:
        assert first_line(first).startswith("Ingesting.")
        with worker() as second:
            assert first_line(second).startswith("Another process ingests; this one takes over when that ends.")
            _wait_until_ready(site_dir)
            assert "0 documents" in manage("reconcile", "--dry-run", data_dir=site_dir, **variables)
            manage("reconcile", data_dir=site_dir, **variables)  # done by the worker
            first.kill()
            first.wait()
            manage("shell", "--no-imports", "-c", AGAIN, data_dir=site_dir, **variables)
            _wait_until_ready(site_dir)
            second.send_signal(signal.SIGTERM)
            assert second.wait(timeout=60) == 0


AGAIN = """
from retrieval.ingestion import ingest
from retrieval.models import Document
ingest.enqueue_all(Document.objects.all())
"""


def _wait_until_ready(site_dir: Path) -> None:
    until = time.monotonic() + 60
    while states(site_dir) != "ready":
        assert time.monotonic() < until


@pytest.mark.hosts
def test_worker_can_end_when_nothing_is_left_to_do(site_dir: Path, server: ChatServer) -> None:
    manage("worker", "--until-empty", data_dir=site_dir, EMBEDDING_BASE_URL=server.url)
    assert states(site_dir) == "ready"
