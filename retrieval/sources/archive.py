"""A zip archive into its members, in a child process: what a hostile archive costs, it costs there.

`unpack` starts `python -m retrieval.sources.archive`, which writes each member it accepts under a number into a folder
and prints what became of all of them as JSON. Nothing of Django is imported here.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import lzma
import re
import stat
import sys
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from retrieval.children import limit_child, run_child
from retrieval.errors import ArchiveRefused, RetrievalError
from retrieval.reasons import NO_REASON, Reason
from retrieval.reasons import gettext_noop as _

logger = logging.getLogger(__name__)

_MB = 1024**2
_PART = 256 * 1024
_IGNORED = re.compile(r"(^|/)(__MACOSX/|\.DS_Store$|Thumbs\.db$|desktop\.ini$)")
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".jar")
_GRACE = 5  # seconds, for the child to say itself that its time is up
_NAME_BYTES = 255  # what file systems take as one name


@dataclass(frozen=True)
class ArchiveLimits:
    """What one archive may cost. The ratio is looked at in members of more than a megabyte."""

    members: int = 1_000
    member_bytes: int = 50 * _MB
    total_bytes: int = 500 * _MB
    ratio: int = 200
    seconds: float = 30
    memory_bytes: int = 512 * _MB


@dataclass(frozen=True)
class Member:
    """A file of the archive: where it lies in it, and where its content was written, or why it was not."""

    location: str
    path: Path | None = None
    refusal: Reason = NO_REASON


def unpack(archive: Path, *, into: Path, endings: frozenset[str], limits: ArchiveLimits | None = None) -> list[Member]:
    """Return the members of `archive` in its own order, those with one of `endings` written into the folder `into`.

    A member that is refused stops no other. Raises ArchiveRefused when the archive itself is broken or too large.
    """
    limits = limits or ArchiveLimits()
    wanted = json.dumps({"endings": sorted(endings), "limits": dataclasses.asdict(limits)})
    arguments = (str(archive.resolve()), str(into.resolve()), wanted)
    try:
        done = run_child("retrieval.sources.archive", *arguments, seconds=limits.seconds + _GRACE)
    except TimeoutError as error:
        raise ArchiveRefused(
            _("Unpacking it takes longer than %(seconds)s seconds: split it."), seconds=limits.seconds
        ) from error
    if done.status != 0:
        logger.warning("Unpacking %s: %s", archive.name, done.log)
        raise ArchiveRefused(
            _("Unpacking it needs more than %(limit)s MB of memory: split it."), limit=limits.memory_bytes // _MB
        )
    answer = json.loads(done.output)
    if isinstance(answer, str):
        raise ArchiveRefused(Reason.from_text(answer))
    return [
        Member(location, into / name if name else None, Reason.from_text(refusal)) for location, name, refusal in answer
    ]


# ---- the child -------------------------------------------------------------------------------------------------------


class _MemberRefused(RetrievalError):
    """This member is left out; the reason says why."""


def _main() -> None:
    archive, into, wanted = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
    limits = ArchiveLimits(**wanted["limits"])
    limit_child(memory_bytes=limits.memory_bytes, cpu_seconds=int(limits.seconds) + _GRACE)
    answer: str | list[tuple[str, str, str]]
    try:
        answer = list(_unpack(archive, into=into, endings=set(wanted["endings"]), limits=limits))
    except ArchiveRefused as error:
        answer = error.reason.to_text()
    json.dump(answer, sys.stdout)


def _unpack(archive: Path, *, into: Path, endings: set[str], limits: ArchiveLimits) -> Iterator[tuple[str, str, str]]:
    try:
        opened = zipfile.ZipFile(archive)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ArchiveRefused(_("It is broken: it can't be read as a zip archive.")) from error
    deadline = time.monotonic() + limits.seconds
    with opened as file:
        members = [info for info in file.infolist() if not info.is_dir() and not _IGNORED.search(info.filename)]
        _check_whole(members, limits)
        for number, info in enumerate(members):
            location = _printable(info.orig_filename)
            try:
                _check_member(info, endings=endings, limits=limits)
                _write(file, info, into / str(number), deadline=deadline, limits=limits)
            except _MemberRefused as refused:
                (into / str(number)).unlink(missing_ok=True)
                yield location, "", refused.reason.to_text()
            else:
                yield location, str(number), ""


def _check_whole(members: list[zipfile.ZipInfo], limits: ArchiveLimits) -> None:
    if not members:
        raise ArchiveRefused(_("It is empty."))
    if len(members) > limits.members:
        raise ArchiveRefused(
            _("It has %(count)s members, the limit is %(limit)s: split it."), count=len(members), limit=limits.members
        )
    total = sum(info.file_size for info in members)  # no more than that is ever read
    if total > limits.total_bytes:
        raise ArchiveRefused(
            _("Unpacked it would have %(size)s MB, the limit is %(limit)s MB: split it."),
            size=total // _MB,
            limit=limits.total_bytes // _MB,
        )


def _check_member(info: zipfile.ZipInfo, *, endings: set[str], limits: ArchiveLimits) -> None:
    _check_name(info.orig_filename)
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        raise _MemberRefused(_("It is a symbolic link, and those are not followed."))
    if kind not in (0, stat.S_IFREG):
        raise _MemberRefused(_("It is no ordinary file."))
    if info.flag_bits & 0x1:
        raise _MemberRefused(_("It is encrypted: pack it without a password."))
    ending = info.filename.rpartition(".")[2].lower()
    if info.filename.lower().endswith(_ARCHIVES):
        raise _MemberRefused(_("It is an archive inside the archive: upload it by itself."))
    if ending not in endings:
        raise _MemberRefused(
            _("Of an unknown type. These are accepted: %(endings)s."), endings=", ".join(sorted(endings))
        )
    if info.file_size > limits.member_bytes:
        raise _MemberRefused(
            _("Too large: it has %(size)s bytes, the limit is %(limit)s bytes."),
            size=info.file_size,
            limit=limits.member_bytes,
        )
    if info.file_size > max(_MB, limits.ratio * info.compress_size):
        raise _MemberRefused(
            _("It would grow to more than %(ratio)s times its packed size, as only bombs do."), ratio=limits.ratio
        )


def _check_name(name: str) -> None:
    """Refuse a name that was made to lead elsewhere, though nothing is ever written under it."""
    parts = re.split(r"[\\/]", name)
    if "\0" in name:
        raise _MemberRefused(_("Its name holds a NUL character."))
    if parts[0] == "" or re.match("[A-Za-z]:", name):
        raise _MemberRefused(_("Its name is an absolute path."))
    if ".." in parts:
        raise _MemberRefused(_("Its name leads out of the archive (“..”)."))
    if any(len(part.encode(errors="replace")) > _NAME_BYTES for part in parts):
        raise _MemberRefused(_("Its name is longer than %(limit)s bytes."), limit=_NAME_BYTES)


def _printable(name: str) -> str:
    """Return the name for a person and for JSON: no control characters, no half surrogates, and no longer than a
    location may be."""
    return re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", name)[:2_000]


def _write(file: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, *, deadline: float, limits: ArchiveLimits) -> None:
    try:
        with file.open(info) as source, path.open("wb") as target:
            while part := source.read(_PART):
                target.write(part)
                if time.monotonic() > deadline:
                    raise _MemberRefused(
                        _("Unpacking took longer than %(seconds)s seconds: upload it by itself."),
                        seconds=limits.seconds,
                    )
                if target.tell() > limits.member_bytes:
                    raise _MemberRefused(_("Too large: the limit is %(limit)s bytes."), limit=limits.member_bytes)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, RuntimeError) as error:
        # RuntimeError also is NotImplementedError: packed in a way that Python doesn't know.
        raise _MemberRefused(_("It is broken: its content can't be unpacked.")) from error


if __name__ == "__main__":
    _main()
