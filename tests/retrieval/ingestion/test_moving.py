"""From the embedded index to a Qdrant server and back, over the wire."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings as site_settings
from django.contrib.auth.models import AnonymousUser
from django.core.management import CommandError, call_command
from pytest_django import Settings

from retrieval.configuration import RetrievalSettings, configure, runtime
from retrieval.index.storage import StoragePart, release
from retrieval.models import Chunk, Collection, Document
from retrieval.searching.search import search
from tests.retrieval.index.qdrant_server import QdrantServer, qdrant_server

pytestmark = pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")

Put = Callable[[Collection, str, str | bytes], Document]
TEXT = "# {0}\n\n" + "The {0} is serviced in May by its owner. " * 60 + "\n\n## Price\n\nThe {0} costs twelve.\n"


@pytest.fixture
def server() -> Iterator[QdrantServer]:
    with qdrant_server() as server:
        yield server


@pytest.fixture
def moved_from(put: Put, public: Collection, tmp_path: Path) -> Iterator[Path]:
    """The folder of an embedded index with two documents, which no process holds open."""
    for name in ("boiler", "pump"):
        put(public, f"{name}.md", TEXT.format(name))
    runtime().close()
    yield tmp_path / "index"
    release(tmp_path / "index", StoragePart.INDEX)


def use(index_dir: Path, server: QdrantServer | None) -> None:
    address = {"qdrant_url": server.url, "qdrant_api_key": server.api_key} if server else {}
    configure(RetrievalSettings(index_dir=index_dir, model_dir=site_settings.MODEL_DIR, **address))


def found(query: str) -> list[tuple[int, int, float]]:
    passages = search(query, user=AnonymousUser()).passages
    return [(passage.document_id, passage.start, round(passage.score, 3)) for passage in passages]


def move(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    call_command("move_index", *options)
    return capsys.readouterr().out


def test_moved_index_answers_the_same(
    moved_from: Path, server: QdrantServer, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    use(moved_from, None)
    before = found("What does the pump cost?")
    use(moved_from, server)
    settings.INDEX_DIR = moved_from
    chunks = Chunk.objects.count()
    said = move(capsys)
    assert said == (
        f"Copied {chunks} chunks. The index moved to holds 2 documents, {chunks} chunks, as SQL does; "
        f"{chunks} searches gave the same in both.\n"
        f"Next: start the site with QDRANT_URL set, and “manage.py worker” beside it. The folder {moved_from} is as it "
        "was: remove it when you don't want to go back.\n"
    )
    assert len(before) > 0
    assert found("What does the pump cost?") == before


def test_move_goes_on_where_it_was_and_removes_what_sql_does_not_know(
    moved_from: Path, server: QdrantServer, capsys: pytest.CaptureFixture[str]
) -> None:
    use(moved_from, server)
    move(capsys)
    space = runtime().space(Collection.objects.get().fingerprint)
    first, second = Document.objects.order_by("pk")
    space.index.remove(first.pk)
    second.delete()
    assert move(capsys).startswith(f"Copied {first.chunk_count} chunks. The index moved to holds 1 documents")
    assert {document_id for document_id, _ in space.index.holdings()} == set(
        Document.objects.values_list("pk", flat=True)
    )


def test_moved_back_it_is_whole_again(
    moved_from: Path, server: QdrantServer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    use(moved_from, server)
    move(capsys)
    before, elsewhere = found("boiler"), tmp_path / "elsewhere"
    use(elsewhere, server)
    assert "Next: unset QDRANT_URL and start the site." in move(capsys, "--back")
    use(elsewhere, None)
    assert found("boiler") == before
    runtime().close()
    release(elsewhere, StoragePart.INDEX)


def test_move_without_a_server_or_with_one_that_fails_is_refused(moved_from: Path, server: QdrantServer) -> None:
    use(moved_from, None)
    with pytest.raises(CommandError, match="QDRANT_URL is not set"):
        call_command("move_index")
    use(moved_from, server)
    server.status = 403
    with pytest.raises(CommandError, match="answered 403"):
        call_command("move_index")


def test_case_89_move_is_refused_while_another_process_owns_the_folder(moved_from: Path, server: QdrantServer) -> None:
    release(moved_from, StoragePart.INDEX)
    script = (
        "import pathlib, sys; from retrieval.index.storage import StoragePart, claim;"
        f"claim(pathlib.Path({str(moved_from)!r}), StoragePart.INDEX); print('owned', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout
        assert owner.stdout.readline() == b"owned\n"
        use(moved_from, server)
        with pytest.raises(CommandError, match=rf"^Process {owner.pid} owns the embedded index"):
            call_command("move_index")
        owner.communicate()


def test_index_that_lacks_chunks_is_not_moved_as_if_it_were_whole(moved_from: Path, server: QdrantServer) -> None:
    use(moved_from, None)
    space = runtime().space(Collection.objects.get().fingerprint)
    space.index.remove(Document.objects.earliest("pk").pk)
    runtime().close()
    use(moved_from, server)
    with pytest.raises(CommandError, match=r"manage\.py reconcile"):
        call_command("move_index")
