"""The command `git`, run so that a hostile repository or address can do nothing with it.

It gets no configuration, no hooks, no credentials but those of the source and no terminal; it speaks http(s) alone,
follows no redirect, and connects to the very addresses that were checked. Its memory is limited, for a few kilobytes
may stand for many gigabytes. Nothing is checked out: the files are read as blobs, whose names never become paths here.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from retrieval.errors import FetchFailed, FetchRefused
from retrieval.reasons import gettext_noop as _

DOWNLOAD_BYTES = 1024**3
DOWNLOAD_SECONDS = 600.0
MEMORY_BYTES = 2 * 1024**3
_ASK_SECONDS = 60.0
_LISTING_BYTES = 50 * 1024**2  # of a hundred thousand long names
_LOOK_SECONDS = 0.2
_OLDEST = (2, 37)  # that knows http.curloptResolve
_OID = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_REF = "refs/heads/downloaded"
_SAID = 300  # characters of what git says
_LIMITED = 'ulimit -v "$1"; shift; exec git "$@"'  # with all that it starts; a limit set from here would come too late


class Git:
    """A bare repository in an empty folder, which downloads from one address."""

    def __init__(
        self,
        folder: Path,
        *,
        url: str,
        addresses: Sequence[str],
        headers: Mapping[str, str],
        wait: Callable[[float], None],
    ) -> None:
        self._folder, self._url, self._wait = folder, url, wait
        self._variables = _variables(folder, url=url, addresses=addresses, headers=headers)
        _check_version(self._run(["version"], seconds=_ASK_SECONDS))

    def newest(self, branch: str) -> str:
        """Return the commit that a branch, or without one the main one, is at. Raises FetchFailed."""
        ref = f"refs/heads/{branch}" if branch else "HEAD"
        said = self._run(["ls-remote", "--exit-code", "--", self._url, ref], seconds=_ASK_SECONDS).decode(
            errors="replace"
        )
        found = [line.split("\t") for line in said.splitlines()]
        commits = [line[0] for line in found if len(line) == 2 and line[1] == ref and _OID.fullmatch(line[0])]
        if not commits:
            raise FetchFailed(_("It has no branch %(name)s."), name=branch or "HEAD")
        return commits[0]

    def download(self, branch: str, *, like: str) -> None:
        """Fetch the newest commit of a branch without its history; `like`: one of the repository's. Raises FetchFailed,
        and FetchRefused where it is too large."""
        kind = "sha256" if len(like) == 64 else "sha1"
        self._run(["init", "--quiet", "--bare", "--template=", f"--object-format={kind}", "."], seconds=_ASK_SECONDS)
        fetch = ["fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--no-auto-maintenance"]
        wanted = f"+refs/heads/{branch}:{_REF}" if branch else f"+HEAD:{_REF}"
        self._run([*fetch, "--", self._url, wanted], seconds=DOWNLOAD_SECONDS)

    def files(self) -> Iterator[tuple[str, str, int]]:
        """Yield the path, the blob and the size in bytes of each file that was downloaded; links and submodules are
        none."""
        listed = self._run(["ls-tree", "-r", "-z", "-l", "--full-tree", _REF], seconds=_ASK_SECONDS)
        for line in listed.split(b"\0"):
            facts, tab, name = line.partition(b"\t")
            parts = facts.decode("ascii", errors="replace").split()
            if tab and len(parts) == 4 and parts[0] in ("100644", "100755") and parts[3].isdecimal():
                yield name.decode(errors="replace"), parts[2], int(parts[3])

    def blob(self, oid: str) -> bytes:
        """Return the content of a blob, whose size was looked at before."""
        return self._run(["cat-file", "blob", oid], seconds=_ASK_SECONDS, most=DOWNLOAD_BYTES)

    def _run(self, arguments: Sequence[str], *, seconds: float, most: int = _LISTING_BYTES) -> bytes:
        """Return what git writes. It is killed when it takes longer, writes more, fills its folder, or the run ends."""
        if shutil.which("git", path=self._variables["PATH"]) is None:
            raise FetchFailed(_("The command git can’t be run: %(fault)s."), fault=os.strerror(errno.ENOENT))
        limited = ["sh", "-c", _LIMITED, "sh", str(MEMORY_BYTES // 1024), *arguments]
        with (self._folder / "out").open("w+b") as out, (self._folder / "err").open("w+b") as err:
            try:
                process = subprocess.Popen(  # noqa: S603 - what comes from outside stands behind "--", or is an id
                    limited,
                    cwd=self._folder,
                    env=self._variables,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,
                )
            except OSError as error:
                raise FetchFailed(_("The command git can’t be run: %(fault)s."), fault=error.strerror or "") from error
            try:
                self._watch(process, seconds=seconds, most=most)
            finally:
                _end(process)
            out.seek(0)
            written = out.read(most + 1)
            if len(written) > most:
                raise FetchRefused(_("It is too large: the limit is %(limit)s bytes."), limit=most)
            if process.returncode:
                err.seek(0)
                said = err.read(10_000)
                if b"ut of memory" in said:
                    raise FetchRefused(_("It takes more memory than %(limit)s bytes to be read."), limit=MEMORY_BYTES)
                raise FetchFailed(_("git says: %(said)s"), said=_last_line(said))
            return written

    def _watch(self, process: subprocess.Popen[bytes], *, seconds: float, most: int) -> None:
        until = time.monotonic() + seconds
        while True:
            try:
                process.wait(_LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                pass
            else:
                return
            self._wait(0)
            if time.monotonic() > until:
                raise FetchFailed(_("It did not answer within %(seconds)s seconds."), seconds=seconds)
            if (self._folder / "out").stat().st_size > most:
                raise FetchRefused(_("It is too large: the limit is %(limit)s bytes."), limit=most)
            if _size(self._folder) > DOWNLOAD_BYTES:
                raise FetchRefused(_("It is too large: the limit is %(limit)s bytes."), limit=DOWNLOAD_BYTES)


def _variables(folder: Path, *, url: str, addresses: Sequence[str], headers: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of git. Its options stand here, where no list of processes shows them."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    pinned = ",".join(f"[{address}]" if ":" in address else address for address in addresses)
    options = [
        ("protocol.allow", "never"),
        (f"protocol.{parts.scheme}.allow", "always"),
        ("http.followRedirects", "false"),
        ("http.proxy", ""),
        ("http.curloptResolve", f"{parts.hostname}:{port}:{pinned}"),
        ("http.userAgent", "git/2 (docchat)"),
        ("http.lowSpeedLimit", "100"),
        ("http.lowSpeedTime", "60"),
        ("credential.helper", ""),
        ("core.hooksPath", "/dev/null"),
        ("core.fsmonitor", "false"),
        ("fetch.fsckObjects", "true"),
        ("gc.auto", "0"),
        ("pack.threads", "1"),
        ("core.bigFileThreshold", "1m"),
        ("core.packedGitWindowSize", "32m"),
        ("core.packedGitLimit", "256m"),
        *(("http.extraHeader", f"{name}: {value}") for name, value in headers.items()),
    ]
    variables = {
        "PATH": f"{os.defpath}:/usr/local/bin:/opt/homebrew/bin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CEILING_DIRECTORIES": str(folder.parent),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_ALLOW_PROTOCOL": parts.scheme,
        "GIT_CONFIG_COUNT": str(len(options)),
    }
    for number, (name, value) in enumerate(options):
        variables |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return variables


def _check_version(said: bytes) -> None:
    found = re.search(rb"(\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < _OLDEST:
        raise FetchFailed(_("The command git must be of version 2.37 or newer."))


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the process with those that it has started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except OSError:  # it was a temporary file
            continue
    return total


def _last_line(said: bytes) -> str:
    lines = [line for line in said.decode(errors="replace").splitlines() if line.strip()]
    return (lines[-1] if lines else "nothing")[:_SAID]
