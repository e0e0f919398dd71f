"""The database and the disk fail while documents are ingested: nothing is lost, and it goes on by itself."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from django.core.files.base import ContentFile
from django.db import OperationalError, connection, connections
from psycopg import sql
from pytest_django import Settings

from retrieval.configuration import configure, runtime
from retrieval.ingestion import ingest, spaces
from retrieval.models import Collection, Document
from tests.configured import configured
from tests.fakes.chat_server import ChatServer, Reply, Request
from tests.postgres import Postgres, postgres
from tests.retrieval.index.qdrant_server import qdrant_server
from tests.servers import ROOT, environment, manage


class WatchedServer(ChatServer):
    """Does something, once, when texts arrive to be embedded."""

    meanwhile: Callable[[], object] | None = None

    def reply_to(self, request: Request) -> Reply:
        if self.meanwhile is not None and request.body.get("input") != ["dimension"]:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        return super().reply_to(request)


@pytest.fixture
def server(db: None, settings: Settings, tmp_path: Path) -> Iterator[WatchedServer]:
    settings.MEDIA_ROOT = tmp_path / "media"
    with (
        WatchedServer() as server,
        configured(tmp_path / "index", embedding_base_url=server.url, embedding_model="fake"),
    ):
        yield server


def add(collection: Collection, name: str = "a.md", text: str = "The boiler is serviced in May.") -> Document:
    return ingest.add_document(collection, file=ContentFile(text.encode()), filename=name)[0]


# ---- 77: SQLite is locked --------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="locks are SQLite's")
def test_case_77_locked_database_loses_nothing(server: WatchedServer, public: Collection) -> None:
    """Locked from the moment the texts are embedded; a twentieth of a second stands for the twenty that are waited."""
    document = add(public)
    other = sqlite3.connect(connections["default"].settings_dict["NAME"], check_same_thread=False, isolation_level=None)
    server.meanwhile = lambda: other.execute("BEGIN IMMEDIATE")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 50")
    with pytest.raises(OperationalError, match="database is locked"):
        ingest.ingest_next()
    with pytest.raises(OperationalError, match="database is locked"):
        ingest.ingest_next()
    document.refresh_from_db()
    assert (document.state, document.live_generation) == (Document.State.PROCESSING, 0)
    other.execute("ROLLBACK")
    other.close()
    while ingest.work():
        pass
    document.refresh_from_db()
    assert (document.state, document.attempts, document.error) == (Document.State.READY, 1, "")
    assert dict(spaces.live_space().index.holdings()) == spaces.live_counts() == {(document.pk, 1): 1}
    connection.close()


# ---- 78: the disk is full --------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_case_78_documents_wait_while_there_is_too_little_room(server: WatchedServer, public: Collection) -> None:
    settings = runtime().settings
    document = add(public)
    configure(replace(settings, least_free_bytes=1 << 60))
    assert ingest.ingest_next() is False
    document.refresh_from_db()
    assert (document.state, document.attempts) == (Document.State.QUEUED, 0)
    assert document.error.endswith("1,099,511,627,776 MB are needed: make room.")
    configure(settings)
    Document.objects.update(lease_until=None)
    assert ingest.ingest_next() is True
    document.refresh_from_db()
    assert (document.state, document.error) == (Document.State.READY, "")


FULL_DISK = """
import resource, sys
import django
django.setup()
from django.core.files.base import ContentFile
from django.core.management import call_command
from retrieval.ingestion import ingest, spaces
from retrieval.models import *
call_command("migrate", verbosity=0)
collection = Collection.objects.create(name="C", slug="c")
def put(name, text):
    document, _ = ingest.add_document(collection, file=ContentFile(text.encode()), filename=name)
    return document
put("first.md", "The boiler is serviced in May.")
while ingest.work(): pass
second = put("second.md", "\\n\\n".join(f"Sentence {n} is about pumps. " * 8 for n in range(4_000)))
from django.db import connection
from pathlib import Path
connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
used = Path(connection.settings_dict["NAME"]).stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (used, resource.RLIM_INFINITY))  # writes that grow any file past this fail
try:
    worked = ingest.ingest_next()
except Exception as error:
    worked = f"{type(error).__name__}: {error}"
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
second.refresh_from_db()
print("full:", worked, second.state, second.live_generation, second.attempts, second.error)
print("intact:", connection.cursor().execute("PRAGMA integrity_check").fetchone()[0], Chunk.objects.count())
Document.objects.update(lease_until=None)
while ingest.work(): pass
second.refresh_from_db()
held = dict(spaces.live_space().index.holdings())
print("after:", second.state, second.live_generation, held == spaces.live_counts(), len(held))
"""


def test_case_78_full_disk_leaves_the_database_intact_and_the_document_queued(tmp_path: Path) -> None:
    with ChatServer() as embeddings:
        done = subprocess.run(
            [sys.executable, "-c", FULL_DISK],
            cwd=ROOT,
            env=environment(tmp_path, EMBEDDING_BASE_URL=embeddings.url),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    full, intact, after = done.stdout.splitlines()
    assert full.startswith(("full: False queued 0 0 The", "full: OperationalError")), full
    assert intact == "intact: ok 1"
    assert after == "after: ready 1 True 2"


# ---- 79: PostgreSQL --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with postgres(tmp_path_factory.mktemp("postgres") / "server") as server:
        yield server


def shell(code: str, *, data_dir: Path, **variables: str) -> str:
    preamble = "from django.core.files.base import ContentFile; from retrieval.ingestion import ingest, spaces;"
    preamble += "from retrieval.models import *\n"
    return manage("shell", "--no-imports", "-c", preamble + code, data_dir=data_dir, **variables).strip()


ADD = """
collection, _ = Collection.objects.get_or_create(name="C", slug="c")
for n in range({0}):
    text = f"Document {{n}} of {1} is about boilers. " * 60
    ingest.add_document(collection, file=ContentFile(text.encode()), filename=f"{1}-{{n}}.md")
"""
TAKEN = """
print(sorted(set(Document.objects.values_list("state", "attempts", "generation", "live_generation"))))
print(dict(spaces.live_space().index.holdings()) == spaces.live_counts(), len(spaces.live_counts()))
"""


def workers(count: int, *, data_dir: Path, **variables: str) -> list[subprocess.Popen[bytes]]:
    command = [sys.executable, "manage.py", "worker"]
    with (data_dir / "workers.log").open("ab") as out:
        return [
            subprocess.Popen(command, cwd=ROOT, env=environment(data_dir, **variables), stdout=out, stderr=out)
            for _ in range(count)
        ]


def wait_until_ready(url: str, *, log: Path, seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    with psycopg.connect(url, autocommit=True) as connected:
        while connected.execute("SELECT count(*) FROM retrieval_document WHERE state <> 'ready'").fetchone() != (0,):
            assert time.monotonic() < until, log.read_text()[-3_000:]
            time.sleep(0.1)


def end(processes: list[subprocess.Popen[bytes]]) -> list[int]:
    for process in processes:
        process.send_signal(signal.SIGTERM)
    return [process.wait(timeout=60) for process in processes]


@pytest.mark.hosts
def test_case_79_restarted_postgresql_loses_nothing(database: Postgres, tmp_path: Path) -> None:
    with ChatServer() as embeddings:
        site = {"DATABASE_URL": database.url, "EMBEDDING_BASE_URL": embeddings.url}
        manage("migrate", "--verbosity=0", data_dir=tmp_path, **site)
        shell(ADD.format(12, "restart"), data_dir=tmp_path, **site)
        running = workers(1, data_dir=tmp_path, **site)
        try:
            until = time.monotonic() + 60
            while not embeddings.requests:
                assert time.monotonic() < until
                time.sleep(0.02)
            database.stop()
            time.sleep(1.0)
            assert running[0].poll() is None  # it outlives its database
            database.start()
            wait_until_ready(database.url, log=tmp_path / "workers.log")
        finally:
            statuses = end(running)
        assert statuses == [0]
        states, whole = shell(TAKEN, data_dir=tmp_path, **site).splitlines()
    assert states == "[('ready', 1, 1, 1)]"
    assert whole == "True 12"


@pytest.mark.hosts
def test_three_workers_on_postgresql_and_a_qdrant_server_take_each_document_once(
    database: Postgres, tmp_path: Path
) -> None:
    with ChatServer() as embeddings, qdrant_server() as index:
        url = create(database, "several")
        site = {
            "DATABASE_URL": url,
            "EMBEDDING_BASE_URL": embeddings.url,
            "QDRANT_URL": index.url,
            "QDRANT_API_KEY": index.api_key,
        }
        manage("migrate", "--verbosity=0", data_dir=tmp_path, **site)
        shell(ADD.format(24, "several"), data_dir=tmp_path, **site)
        running = workers(3, data_dir=tmp_path, **site)
        try:
            wait_until_ready(url, log=tmp_path / "workers.log")
        finally:
            statuses = end(running)
        assert statuses == [0, 0, 0]
        states, whole = shell(TAKEN, data_dir=tmp_path, **site).splitlines()
    assert states == "[('ready', 1, 1, 1)]"
    assert whole == "True 24"


def create(database: Postgres, name: str) -> str:
    """The address of an empty database of this name."""
    with psycopg.connect(database.url, autocommit=True) as connected:
        connected.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return database.url.rpartition("/")[0] + f"/{name}"
