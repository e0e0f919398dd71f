"""What a hostile repository may try: names that lead out, links, submodules, and a few kilobytes that stand for
gigabytes."""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retrieval.models import Collection, SyncedSource
from retrieval.syncing.kinds import git as git_module
from tests.fakes.git_server import GitServer
from tests.retrieval.syncing.sources import events, look_at, make_source

FILE, FOLDER, LINK, MODULE = "100644", "40000", "120000", "160000"
_COPIED = 0xFFFF00  # bytes that one instruction of a delta copies


@pytest.fixture
def server(settings: Any, tmp_path: Path) -> Iterator[GitServer]:
    settings.MEDIA_ROOT = tmp_path / "media"
    with GitServer(tmp_path) as served:
        settings.FETCH_HOSTS = [served.host]
        yield served


@pytest.fixture
def source(server: GitServer, public: Collection) -> SyncedSource:
    return make_source(public, "git", url=server.url, branch="", pages="")


def git(server: GitServer, *arguments: str, given: bytes = b"") -> str:
    variables = {f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    command = ["git", "--git-dir", str(server.root / "guide.git"), *arguments]
    done = subprocess.run(command, input=given, check=True, capture_output=True, env=os.environ | variables)
    return done.stdout.decode().strip()


def blob(server: GitServer, content: bytes = b"Text.") -> str:
    return git(server, "hash-object", "-w", "--stdin", given=content)


def tree(server: GitServer, *entries: tuple[str, bytes, str]) -> str:
    """Store a folder as it is given, with names that git itself would not write."""
    body = b"".join(mode.encode() + b" " + name + b"\0" + bytes.fromhex(oid) for mode, name, oid in entries)
    return git(server, "hash-object", "-t", "tree", "-w", "--stdin", "--literally", given=body)


def commit(server: GitServer, folder: str) -> None:
    git(server, "update-ref", "refs/heads/main", git(server, "commit-tree", "-m", "x", folder))


@pytest.mark.parametrize("name", [b"..", b".", b".git", b"a/b.md", b"../x.md", b"/etc/x.md"])
def test_name_that_leads_elsewhere_is_taken_from_no_repository(
    server: GitServer, source: SyncedSource, name: bytes
) -> None:
    text = blob(server)
    inside = tree(server, (FILE, b"x.md", text))
    for folder in (tree(server, (FILE, name, text)), tree(server, (FOLDER, name, inside))):
        commit(server, folder)
        run = look_at(source)
        assert (run.state, events(run)) == ("failed", [])


def test_links_and_submodules_are_not_followed(server: GitServer, source: SyncedSource, tmp_path: Path) -> None:
    command = f'[submodule "x"]\n path = x\n url = ext::sh -c touch% {tmp_path}/owned\n'
    link, modules = blob(server, b"/etc/passwd"), blob(server, command.encode())
    text, none = blob(server), "1" * 40
    commit(server, tree(server, (LINK, b"link.md", link), (MODULE, b"module.md", none), (FILE, b"text.md", text)))
    run = look_at(source)
    assert (run.state, events(run)) == ("done", [("added", "text.md", "")])
    commit(server, tree(server, (FILE, b".gitmodules", modules), (FILE, b"text.md", text), (MODULE, b"x", none)))
    look_at(source)
    assert not (tmp_path / "owned").exists()


def test_folders_that_hold_each_other_ten_times_are_not_listed_for_long(
    server: GitServer, source: SyncedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tree(server, *((FILE, b"%d.md" % number, blob(server)) for number in range(10)))
    for _ in range(9):
        folder = tree(server, *((FOLDER, b"%d" % number, folder) for number in range(10)))
    commit(server, folder)
    monkeypatch.setattr(git_module, "_LOOK_SECONDS", 0.01)
    run = look_at(source)
    assert (run.state, str(run.error)) == ("failed", "It is too large: the limit is 52,428,800 bytes.")


def test_few_bytes_that_stand_for_very_many_take_no_memory(
    server: GitServer, source: SyncedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A delta says “copy these 16 MB”, again and again: 16 KB of it may stand for any number of gigabytes."""
    times, base = 40, bytes(16 * 1024**2)
    named = hashlib.sha1(b"blob %d\0" % len(base) + base)
    large = hashlib.sha1(b"blob %d\0" % (_COPIED * times))
    for _ in range(times):
        large.update(bytes(_COPIED))
    delta = number(len(base)) + number(_COPIED * times) + (b"\xf0" + struct.pack("<I", _COPIED)[:3]) * times
    pack = b"PACK" + struct.pack(">II", 2, 2)
    pack += header(3, len(base)) + zlib.compress(base)
    pack += header(7, len(delta)) + named.digest() + zlib.compress(delta)
    pack += hashlib.sha1(pack).digest()
    assert len(pack) < 20_000
    git(server, "index-pack", "--stdin", given=pack)
    commit(server, tree(server, (FILE, b"base.md", named.hexdigest()), (FILE, b"large.md", large.hexdigest())))
    monkeypatch.setattr(git_module, "MEMORY_BYTES", 400 * 1024**2)
    run = look_at(source)
    assert (run.state, str(run.error)) == ("failed", "It takes more memory than 419,430,400 bytes to be read.")


def number(value: int) -> bytes:
    """Return a number as a delta has it."""
    parts = []
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def header(kind: int, size: int) -> bytes:
    """Return how an object of a pack begins."""
    first, rest = kind << 4 | size & 0x0F, size >> 4
    return bytes([first | 0x80]) + number(rest) if rest else bytes([first])
