"""One embedded index for several processes: the first owns it, the others ask it, and the next one takes over."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from operator import methodcaller
from pathlib import Path
from uuid import UUID

import pytest

from retrieval.errors import IndexRejected, IndexUnavailable, StorageInUse
from retrieval.index import Point, Scope
from retrieval.index.edge import EdgeIndex
from retrieval.index.embedded import EmbeddedIndex, Storage
from retrieval.index.owner import address_in
from retrieval.index.storage import StoragePart, claim, release
from tests.apart import ROOT

HERE = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from uuid import UUID
from retrieval.index import Point
from retrieval.index.edge import EdgeIndex
from retrieval.index.embedded import EmbeddedIndex, Storage
from retrieval.index.storage import StoragePart, claim, may_have

def point(number):
    return Point(UUID(int=number), number, 1, 1, 0, f"text {{number}}", [1.0, 0.0, number])

folder = Path(sys.argv[1])
storage = Storage(folder, find=lambda name: index)
index = EmbeddedIndex(storage, EdgeIndex(folder, name="test", dimension=3))
"""
OWN = f"{HERE}\nindex.upsert([point(0), point(1)])\nprint('owns', flush=True)\nsys.stdin.read()"


def point(number: int) -> Point:
    return Point(UUID(int=number), number, 1, 1, 0, f"text {number}", [1.0, 0.0, number])


def opened(folder: Path) -> tuple[Storage, EmbeddedIndex]:
    storage = Storage(folder, find=lambda name: index)
    index = EmbeddedIndex(storage, EdgeIndex(folder, name="test", dimension=3))
    return storage, index


@contextmanager
def process(code: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """One that has printed a line, and is ended with the block."""
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as started:
        try:
            assert started.stdout is not None
            assert started.stdout.readline()
            yield started
        finally:
            started.kill()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    release(tmp_path, StoragePart.INDEX)


def test_every_call_reaches_the_owner(folder: Path) -> None:
    with process(OWN, folder):
        storage, index = opened(folder)
        assert index.count() == 2
        index.upsert([point(2)])
        assert not storage.is_owned()
        hits = index.search("text", vector=[1.0, 0.0, 0.0], scope=Scope([1]), limit=2)
        assert len(hits) == 2
        assert index.vectors([hits[0].id]).keys() == {hits[0].id}
        assert sum(index.holdings().values()) == 3
        index.tidy()
        index.remove(hits[0].document_id)
        assert index.count(hits[0].document_id) == 0
        index.drop()
        assert index.count() == 0
        storage.close()


def test_what_the_index_refuses_is_told_to_the_caller(folder: Path) -> None:
    with process(OWN, folder):
        storage, index = opened(folder)
        with pytest.raises(IndexRejected):
            index.search("", vector=[1.0], scope=Scope([1]), limit=2)
        with pytest.raises(IndexUnavailable, match="no_such_call"):
            storage.call(EdgeIndex(folder, name="test", dimension=3), methodcaller("no_such_call"))
        assert index.count() == 2  # over the same connection
        storage.close()


def test_next_caller_owns_the_index_when_its_owner_was_killed(folder: Path) -> None:
    with process(OWN, folder) as owner:
        storage, index = opened(folder)
        assert index.count() == 2
        owner.kill()
        owner.wait()
        assert index.count() == 2
        assert storage.is_owned()
        with process(f"{HERE}\nprint(index.count(), flush=True)\nsys.stdin.read()", folder):
            pass  # it asked us
        index.close()
        storage.close()


def test_owner_that_closes_lets_another_process_own(folder: Path) -> None:
    storage, index = opened(folder)
    index.upsert([point(0)])
    code = f"{HERE}\nprint(index.count(), flush=True)\nsys.stdin.readline()\nprint(index.count(), storage.is_owned())"
    with process(code, folder) as other:
        storage.close()
        index.close()
        storage.release()
        out, _err = other.communicate("\n")
        assert out == "1 True\n"


def test_process_that_does_not_share_is_named(folder: Path) -> None:
    code = f"{HERE}\nclaim(folder, StoragePart.INDEX)\nprint()\nsys.stdin.read()"
    with process(code, folder) as owner:
        _storage, index = opened(folder)
        with pytest.raises(StorageInUse, match=rf"^Process {owner.pid} owns the embedded index"):
            index.count()


def test_forked_child_asks_its_parent(folder: Path) -> None:
    storage, index = opened(folder)
    index.upsert([point(0)])
    asking = f"{HERE}\nprint(index.count(), flush=True)\nsys.stdin.read()"
    child = os.fork()
    if child == 0:  # as a server's worker is made: what it has inherited is not used
        status = 1
        try:
            _own, theirs = opened(folder)
            status = 0 if theirs.count() == 1 and not _own.is_owned() else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with process(asking, folder):
        assert index.count() == 1
    index.close()
    storage.close()


def test_only_who_has_the_key_is_answered(folder: Path) -> None:
    storage, index = opened(folder)
    index.upsert([point(0)])
    address = address_in(folder)
    assert address is not None
    assert (folder / "owner.json").stat().st_mode & 0o777 == 0o600
    assert Path(address.path).stat().st_mode & 0o777 == 0o600
    code = (
        "import sys\nfrom multiprocessing import AuthenticationError\nfrom multiprocessing.connection import Client\n"
        f"try:\n    Client({address.path!r}, authkey=b'another')\nexcept AuthenticationError:\n    print('refused')"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "refused\n"
    index.close()
    storage.close()


def test_index_in_a_folder_with_a_long_name_is_shared(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    with process(OWN, folder):
        storage, index = opened(folder)
        assert index.count() == 2
        address = address_in(folder)
        assert address is not None
        assert len(address.path) < 104
        storage.close()
    storage, index = opened(folder)
    assert index.count() == 2
    assert not Path(address.path).parent.exists()  # of the one that was killed
    index.close()
    storage.close()
    release(folder, StoragePart.INDEX)


def test_parts_are_claimed_apart(folder: Path) -> None:
    claim(folder, StoragePart.INGESTION)
    code = f"{HERE}\nprint([may_have(folder, part) for part in StoragePart])"
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert done.stdout == "[True, False, True]\n"
    release(folder, StoragePart.INGESTION)
