"""What the embedded index alone promises: its folder, its owner, its tidying."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from uuid import UUID, uuid5

import pytest

from retrieval.errors import IndexRejected, IndexUnavailable, StorageInUse
from retrieval.index import Point, Scope, edge
from retrieval.index.edge import EdgeIndex
from retrieval.index.storage import StoragePart, claim, release
from retrieval.index.tidying import optimised_copy, place_taken
from tests.retrieval.index.indexes import EVERYWHERE, ROOT, VECTORS, found, point


def test_edge_keeps_points_when_it_is_opened_again(tmp_path: Path) -> None:
    first = EdgeIndex(tmp_path, name="test", dimension=3)
    first.upsert([point(0)])
    first.close()
    second = EdgeIndex(tmp_path, name="test", dimension=3)
    assert found(second, "boiler", VECTORS[0]) == [(1, 0)]
    second.close()
    release(tmp_path, StoragePart.INDEX)


def test_edge_says_whether_it_is_unwell_or_was_asked_for_something_impossible(tmp_path: Path) -> None:
    index = EdgeIndex(tmp_path, name="test", dimension=3)
    with pytest.raises(IndexRejected, match=r"^The index refused it: Vector dimension error: expected dim: 3, got 2$"):
        index.upsert([Point(UUID(int=7), 1, 1, 1, 0, "a text", [1.0, 0.0])])
    index.close()
    (tmp_path / "test" / "edge_config.json").write_text("{broken")
    with pytest.raises(IndexUnavailable, match=r"^The embedded index failed: Service runtime error"):
        index.count()
    release(tmp_path, StoragePart.INDEX)


def test_mistake_of_ours_is_not_called_an_unavailable_index(tmp_path: Path) -> None:
    index = EdgeIndex(tmp_path, name="test", dimension="three")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        index.count()
    release(tmp_path, StoragePart.INDEX)


def test_edge_gives_back_the_room_of_removed_points_and_of_a_dropped_index(tmp_path: Path) -> None:
    former, current = (EdgeIndex(tmp_path, name=name, dimension=3) for name in ("former", "current"))
    former.upsert([point(0)])
    former.drop()
    many = [Point(uuid5(UUID(int=1), str(n)), n % 2, 1, 1, n, "a text", [1.0, 0.0, 0.0]) for n in range(3000)]
    current.upsert(many)
    current.remove(1)
    current.tidy()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["current", "owner.lock"]
    assert current.count() == 1500
    assert len(current.search("text", vector=None, scope=EVERYWHERE, limit=50)) == 50
    current.close()
    release(tmp_path, StoragePart.INDEX)


def test_edge_ranks_after_tidying_as_before_and_answers_meanwhile(tmp_path: Path) -> None:
    chance = random.Random(4)
    index = EdgeIndex(tmp_path, name="test", dimension=16)
    texts = [" ".join(chance.choices(["boiler", "pump", "cat", "meter", "tap"], k=6)) for _ in range(2500)]
    vectors = [[chance.gauss() for _ in range(16)] for _ in texts]
    index.upsert(
        [
            Point(uuid5(UUID(int=1), str(n)), n % 9, 1, 1, n, text, vectors[n], dated=date(2024, 1, n % 28 + 1))
            for n, text in enumerate(texts)
        ]
    )

    def answers() -> list[list[tuple[UUID, float]]]:
        scope = Scope([1], range(5), since=date(2024, 1, 9))
        found = [index.search("boiler tap", vector=vectors[n], scope=scope, limit=15) for n in range(20)]
        return [[(hit.id, round(hit.score, 3)) for hit in hits] for hits in found]

    before, meanwhile = answers(), 0
    with ThreadPoolExecutor(1) as pool:
        tidying = pool.submit(index.tidy)
        while not tidying.done():
            assert answers() == before
            meanwhile += 1
        tidying.result()
    assert meanwhile > 0
    assert answers() == before
    assert index.count() == 2500
    assert sorted(path.name for path in tmp_path.iterdir()) == ["owner.lock", "test"]
    index.close()
    release(tmp_path, StoragePart.INDEX)


def test_edge_of_words_alone_is_tidied_but_not_while_it_is_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "_LOOSE_BUSY", 2_000)
    index = EdgeIndex(tmp_path, name="test", dimension=None)
    index.upsert([Point(uuid5(UUID(int=1), str(n)), n % 9, 1, 1, n, f"a text {n}", None) for n in range(2500)])
    before = [(hit.id, hit.score) for hit in index.search("text 7", vector=None, scope=EVERYWHERE, limit=5)]
    index.tidy(busy=True)
    assert index.is_untidy()
    index.tidy()
    assert not index.is_untidy()
    assert [(hit.id, hit.score) for hit in index.search("text 7", vector=None, scope=EVERYWHERE, limit=5)] == before
    index.close()
    release(tmp_path, StoragePart.INDEX)


def test_busy_edge_is_tidied_when_much_of_it_is_loose_and_then_rests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "_LOOSE_BUSY", 2_000)
    index = EdgeIndex(tmp_path, name="test", dimension=3)

    def add(first: int, last: int) -> None:
        index.upsert([Point(UUID(int=n + 1), 1, 1, 1, n, "a text", [1.0, n, 0.0]) for n in range(first, last)])

    add(0, 6_000)
    index.tidy(busy=True)
    assert not index.is_untidy()
    add(6_000, 9_000)
    assert (index.is_untidy(), index.is_untidy(busy=True)) == (True, False)
    add(9_000, 13_000)
    assert index.is_untidy(busy=True)
    index.tidy(busy=True)
    assert index.is_untidy()
    index.tidy()
    assert not index.is_untidy()
    index.close()
    release(tmp_path, StoragePart.INDEX)


@pytest.mark.parametrize("left", ["while copying", "before the copy takes its place"])
def test_case_80_edge_killed_while_tidying_opens_whole(tmp_path: Path, left: str) -> None:
    index = EdgeIndex(tmp_path, name="test", dimension=3)
    index.upsert([point(0)])
    index.close()
    copy = tmp_path / "test.tidied"
    if left == "while copying":
        copy.mkdir()
    else:
        shutil.copytree(tmp_path / "test", copy)
        (tmp_path / "test").rename(tmp_path / "test.former")
    assert index.count() == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["owner.lock", "test"]
    index.close()
    release(tmp_path, StoragePart.INDEX)


def test_edge_that_can_not_be_tidied_goes_on_as_it_is(tmp_path: Path) -> None:
    index = EdgeIndex(tmp_path, name="test", dimension=3)
    index.upsert([Point(uuid5(UUID(int=1), str(n)), 1, 1, 1, n, "a text", [1.0, 0.0, 0.0]) for n in range(2500)])
    (tmp_path / "test.tidied").write_text("a file where the copy would be")
    with pytest.raises(IndexUnavailable, match="could not be tidied"):
        index.tidy()
    (tmp_path / "test.tidied").unlink()
    index.upsert([point(0, document_id=2)])
    assert index.count() == 2501
    index.close()
    release(tmp_path, StoragePart.INDEX)


def test_child_that_can_not_tidy_says_why(tmp_path: Path) -> None:
    (index := tmp_path / "test").mkdir()
    (index / "edge_config.json").write_text("not JSON")
    with pytest.raises(IndexUnavailable, match=r"(?s)could not be tidied: .*edge_config\.json"):
        optimised_copy(index, dimension=3)
    assert [path.name for path in tmp_path.iterdir()] == ["test"]


def test_folder_whose_tidied_copy_does_not_open_is_put_back(tmp_path: Path) -> None:
    for name in ("test", "test.tidied"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "is").write_text(name)
    with pytest.raises(ZeroDivisionError), place_taken(tmp_path / "test.tidied", tmp_path / "test"):
        raise ZeroDivisionError
    assert {path.parent.name: path.read_text() for path in tmp_path.glob("*/is")} == {
        "test": "test",
        "test.tidied": "test.tidied",
    }


@pytest.mark.parametrize("milliseconds", [20, 400, 1200])
def test_case_80_edge_keeps_every_point_when_it_is_killed_while_it_tidies(tmp_path: Path, milliseconds: int) -> None:
    script = (
        "import os, signal, pathlib, threading, time; from uuid import UUID; from retrieval.index import Point;"
        "from retrieval.index.edge import EdgeIndex;"
        f"index = EdgeIndex(pathlib.Path({str(tmp_path)!r}), name='test', dimension=3);"
        "index.upsert([Point(UUID(int=n + 1), 1, 1, 1, n, 'a text', [1.0, 0.0, 0.0]) for n in range(2500)]);"
        "threading.Thread(target=index.tidy, daemon=True).start();"
        f"time.sleep({milliseconds / 1000}); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == -9
    index = EdgeIndex(tmp_path, name="test", dimension=3)
    assert index.count() == 2500
    index.upsert([point(0, document_id=2)])
    assert index.holdings() == {(1, 1): 2500, (2, 1): 1}
    index.close()
    release(tmp_path, StoragePart.INDEX)


def test_case_80_edge_keeps_acknowledged_points_after_sigkill(tmp_path: Path) -> None:
    script = (
        "import os, signal, pathlib; from retrieval.index.edge import EdgeIndex;"
        "from tests.retrieval.index.indexes import point;"
        f"EdgeIndex(pathlib.Path({str(tmp_path)!r}), name='test', dimension=3).upsert([point(0), point(1)]);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == -9
    index = EdgeIndex(tmp_path, name="test", dimension=3)
    assert index.count() == 2
    index.close()
    release(tmp_path, StoragePart.INDEX)


def test_case_89_second_process_is_refused_and_told_the_fix(tmp_path: Path) -> None:
    script = (
        "import pathlib, sys; from retrieval.index.storage import StoragePart, claim;"
        f"claim(pathlib.Path({str(tmp_path)!r}), StoragePart.INDEX); print('owned', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout
        assert owner.stdout.readline() == b"owned\n"
        with pytest.raises(StorageInUse, match=rf"^Process {owner.pid} owns .* QDRANT_URL "):
            claim(tmp_path, StoragePart.INDEX)
        with pytest.raises(StorageInUse):
            EdgeIndex(tmp_path, name="test", dimension=3).count()
        owner.communicate()
    claim(tmp_path, StoragePart.INDEX)
    claim(tmp_path, StoragePart.INDEX)
    release(tmp_path, StoragePart.INDEX)


def test_case_88_forked_child_does_not_inherit_the_claim(tmp_path: Path) -> None:
    claim(tmp_path, StoragePart.INDEX)
    script = (
        "import pathlib; from retrieval.index.storage import StoragePart, claim;"
        f"claim(pathlib.Path({str(tmp_path)!r}), StoragePart.INDEX)"
    )
    refused = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=False)
    assert f"Process {os.getpid()} owns".encode() in refused.stderr
    release(tmp_path, StoragePart.INDEX)
