"""Zip archives as they arrive: good ones, and those made to break what unpacks them."""

from __future__ import annotations

import io
import resource
import stat
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from retrieval.errors import ArchiveRefused
from retrieval.sources.archive import ArchiveLimits, Member, unpack

ENDINGS = frozenset({"md", "txt", "docx"})
Unpack = Callable[..., list[Member]]


@pytest.fixture
def unpacked(tmp_path: Path) -> Unpack:
    def unpacked(content: bytes, **limits: float) -> list[Member]:
        (packed := tmp_path / "packed.zip").write_bytes(content)
        (into := tmp_path / "into").mkdir()
        return unpack(packed, into=into, endings=ENDINGS, limits=ArchiveLimits(**limits))  # type: ignore[arg-type]

    return unpacked


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, content in members:
            file.writestr(name, content)
    return buffer.getvalue()


def refusals(members: list[Member]) -> dict[str, str]:
    return {member.location: member.refusal for member in members if member.path is None}


def contents(members: list[Member]) -> dict[str, bytes]:
    return {member.location: member.path.read_bytes() for member in members if member.path is not None}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_are_written_in_order_and_what_systems_add_is_left_out(unpacked: Unpack, method: int) -> None:
    members = unpacked(
        zipped(
            ("guides/b.md", b"B."),
            ("guides/", b""),
            ("__MACOSX/guides/._b.md", b"x"),
            ("guides/.DS_Store", b"x"),
            ("a.txt", b"A."),
            method=method,
        )
    )
    assert list(contents(members).items()) == [("guides/b.md", b"B."), ("a.txt", b"A.")]
    assert refusals(members) == {}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../../etc/passwd.md", "Its name leads out of the archive (“..”)."),
        ("a/..\\..\\b.md", "Its name leads out of the archive (“..”)."),
        ("/etc/passwd.md", "Its name is an absolute path."),
        ("\\\\server\\share.md", "Its name is an absolute path."),
        ("C:\\x.md", "Its name is an absolute path."),
        ("n" * 300 + ".md", "Its name is longer than 255 bytes."),
        ("folder/" + "ñ" * 150 + ".md", "Its name is longer than 255 bytes."),
        ("inner.zip", "It is an archive inside the archive: upload it by itself."),
        ("inner.tar.gz", "It is an archive inside the archive: upload it by itself."),
        ("tool.exe", "Of an unknown type. These are accepted: docx, md, txt."),
        ("README", "Of an unknown type. These are accepted: docx, md, txt."),
    ],
)
def test_case_34_and_36_a_member_with_a_hostile_name_is_refused_and_the_others_go_on(
    unpacked: Unpack, tmp_path: Path, name: str, reason: str
) -> None:
    members = unpacked(zipped(("first.md", b"First."), (name, b"x"), ("last.md", b"Last.")))
    assert refusals(members) == {name: reason}
    assert contents(members) == {"first.md": b"First.", "last.md": b"Last."}
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"packed.zip", "0", "2"}


def test_case_34_a_name_with_nul_is_refused(unpacked: Unpack) -> None:
    content = zipped(("an!evil.md", b"x"), ("last.md", b"Last.")).replace(b"an!evil.md", b"an\0evil.md")
    assert list(refusals(unpacked(content)).values()) == ["Its name holds a NUL character."]


def test_case_36_symlinks_and_devices_are_refused(unpacked: Unpack) -> None:
    link, pipe = zipfile.ZipInfo("link.md"), zipfile.ZipInfo("pipe.md")
    link.external_attr, pipe.external_attr = (stat.S_IFLNK | 0o777) << 16, (stat.S_IFIFO | 0o666) << 16
    members = unpacked(zipped((link, b"/etc/passwd"), (pipe, b""), ("last.md", b"Last.")))
    assert refusals(members) == {
        "link.md": "It is a symbolic link, and those are not followed.",
        "pipe.md": "It is no ordinary file.",
    }
    assert contents(members) == {"last.md": b"Last."}


def test_case_36_encrypted_members_are_refused(unpacked: Unpack) -> None:
    packed = bytearray(zipped(("secret.md", b"x" * 40), ("last.md", b"Last.")))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # of the first member, in both of its headers
        packed[packed.index(signature) + flags] |= 1
    members = unpacked(bytes(packed))
    assert refusals(members) == {"secret.md": "It is encrypted: pack it without a password."}
    assert contents(members) == {"last.md": b"Last."}


def test_case_36_zip_bombs_are_refused_at_once_and_in_little_memory(unpacked: Unpack) -> None:
    bomb = zipped(("bomb.txt", b"\0" * 40_000_000), ("small.md", b"Small."))
    assert len(bomb) < 50_000
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    members = unpacked(bomb)
    assert refusals(members) == {"bomb.txt": "It would grow to more than 200 times its packed size, as only bombs do."}
    assert contents(members) == {"small.md": b"Small."}
    assert time.monotonic() - began < 60  # seconds, most of them the start of a process on a busy machine
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KB


def test_case_36_a_member_that_lies_about_its_size_gives_no_more_than_it_said(unpacked: Unpack) -> None:
    packed = zipped(("liar.txt", b"x" * 5_000_000))
    honest, lie = struct.pack("<I", 5_000_000), struct.pack("<I", 1_000)
    assert packed.count(honest) == 2
    members = unpacked(packed.replace(honest, lie))
    assert refusals(members) == {"liar.txt": "It is broken: its content can't be unpacked."}


def test_case_36_members_that_share_their_bytes_stay_within_the_total(unpacked: Unpack) -> None:
    """As in Fifield's bombs: many entries of the directory lead to the same packed bytes."""
    packed = zipped(*((f"{n:03}.txt", b"x" * 100_000) for n in range(100)))
    with pytest.raises(ArchiveRefused, match="Unpacked it would have 9 MB, the limit is 1 MB: split it"):
        unpacked(packed, total_bytes=1_100_000)


def test_case_36_too_many_members(unpacked: Unpack) -> None:
    with pytest.raises(ArchiveRefused, match="It has 31 members, the limit is 30: split it"):
        unpacked(zipped(*((f"{n}.md", b"x") for n in range(31))), members=30)


def test_case_36_a_huge_directory_meets_the_memory_limit(unpacked: Unpack) -> None:
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 3, 20, 0, 0, 0, 0, 33, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0)
    directory = (entry + b"a.md") * 300_000
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(directory), 0, 0)
    with pytest.raises(ArchiveRefused, match="needs more than 128 MB of memory"):
        unpacked(directory + end, memory_bytes=128 * 1024**2)


def test_case_36_time_is_limited(unpacked: Unpack) -> None:
    members = unpacked(zipped(("a.md", b"A."), ("b.md", b"B.")), seconds=0)
    assert set(refusals(members).values()) == {"Unpacking took longer than 0 seconds: upload it by itself."}


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nothing behind it", b"PK\x05\x06" + b"\xff" * 18])
def test_what_is_no_archive_is_refused(unpacked: Unpack, content: bytes) -> None:
    with pytest.raises(ArchiveRefused, match="It is broken"):
        unpacked(content)


def test_an_empty_archive_is_refused(unpacked: Unpack) -> None:
    with pytest.raises(ArchiveRefused, match="It is empty"):
        unpacked(zipped())


def test_a_broken_member_is_refused_and_the_others_go_on(unpacked: Unpack) -> None:
    packed = zipped(("broken.md", b"abcdefgh"), ("last.md", b"Last."), method=zipfile.ZIP_STORED)
    members = unpacked(packed.replace(b"abcdefgh", b"abcdXfgh"))
    assert refusals(members) == {"broken.md": "It is broken: its content can't be unpacked."}
    assert contents(members) == {"last.md": b"Last."}
