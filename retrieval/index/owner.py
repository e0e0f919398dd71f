"""The process that owns an embedded index answers the other processes' calls of it, over a socket beside the index.

Only who can read the folder, the same system user, finds the address and the key in it; both are new with each owner.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import secrets
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
from pathlib import Path
from typing import Any, NamedTuple

from retrieval.errors import IndexUnavailable, RetrievalError
from retrieval.index import Index
from retrieval.reasons import gettext_noop as _

Call = Callable[[Index], Any]
"""One call of an index, as `operator.methodcaller` makes it."""

_PROTOCOL = 1  # of what is said over the socket: processes of another one don't understand each other
_ADDRESS = "owner.json"
_SOCKET = "owner.sock"
_PATH_BYTES = 100  # a socket's path may have 104 or 108, as the system wants
_APART = "docchat-index-"
_ENDING_SECONDS = 5.0

logger = logging.getLogger(__name__)


class Address(NamedTuple):
    """Where an owner is asked, and the key that both sides prove to have."""

    path: str
    key: bytes


def address_in(index_dir: Path) -> Address | None:
    """Return where the owner of that index is asked; None when none has said so, or one of another version."""
    try:
        said = json.loads((index_dir / _ADDRESS).read_text())
        return Address(said["path"], bytes.fromhex(said["key"])) if said["protocol"] == _PROTOCOL else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


class Owner:
    """Answers calls from its start to its end, each caller's connection on a thread of its own."""

    def __init__(self, index_dir: Path, *, find: Callable[[str], Index]) -> None:
        """`find` returns the index of a name. The folder exists, and this process owns the index in it."""
        self._index_dir = index_dir
        self._find = find
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._ended = False
        self._path: Path | None = None
        self._callers: dict[Connection, threading.Thread] = {}
        self._listening = socket.socket(socket.AF_UNIX)

    def start(self) -> None:
        """Raises OSError where no socket can be made: nobody else can ask then."""
        try:
            self._path = self._free_path()
            self._listening.bind(str(self._path))
            self._path.chmod(0o600)
            self._listening.listen(128)
            self._say(self._path)
        except OSError:
            self._listening.close()
            raise
        _owners.append(self)
        threading.Thread(target=self._accept, name="index-owner", daemon=True).start()

    def end(self) -> None:
        """Answer what was asked, and nobody any more."""
        with self._lock:
            self._ended = True
            callers = dict(self._callers)
        with contextlib.suppress(ValueError):
            _owners.remove(self)
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RD)  # wakes the thread that waits for it
        self._listening.close()
        self.remove_socket()
        for caller in callers:
            with (
                contextlib.suppress(OSError),
                socket.fromfd(caller.fileno(), socket.AF_UNIX, socket.SOCK_STREAM) as one,
            ):
                one.shutdown(socket.SHUT_RD)  # an answer still goes out
        until = time.monotonic() + _ENDING_SECONDS
        for thread in callers.values():
            thread.join(max(0.0, until - time.monotonic()))

    def remove_socket(self) -> None:
        """Leave no socket behind: copying a folder may stumble over one."""
        if self._path is not None:
            _remove(self._path)

    def abandon(self) -> None:
        """Close what a forked child has inherited; its parent goes on."""
        self._listening.close()
        for caller in self._callers:
            caller.close()

    def _free_path(self) -> Path:
        """Return a path that no socket has, short enough for one. What an owner left that was killed is removed; the
        folder may also be a copy of one whose owner lives."""
        former = address_in(self._index_dir)
        if former and _APART in former.path and not _is_listened_to(former.path):
            _remove(Path(former.path))
        path = self._index_dir.resolve() / _SOCKET
        path.unlink(missing_ok=True)
        if len(os.fsencode(path)) > _PATH_BYTES:
            path = Path(tempfile.mkdtemp(prefix=_APART)) / _SOCKET
        return path

    def _say(self, path: Path) -> None:
        said = json.dumps({"protocol": _PROTOCOL, "path": str(path), "key": self._key.hex()})
        draft = self._index_dir / f"{_ADDRESS}.new"
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(said)
        draft.replace(self._index_dir / _ADDRESS)

    def _accept(self) -> None:
        while True:
            try:
                accepted, _address = self._listening.accept()
            except OSError:
                return
            caller = Connection(accepted.detach())
            thread = threading.Thread(target=self._answer, args=[caller], name="index-caller", daemon=True)
            with self._lock:
                if self._ended:
                    caller.close()
                    return
                self._callers[caller] = thread
            thread.start()

    def _answer(self, caller: Connection) -> None:
        try:
            deliver_challenge(caller, self._key)
            answer_challenge(caller, self._key)
            while not self._ended:
                name, call = caller.recv()
                caller.send(self._result(name, call))
        except (EOFError, OSError, AuthenticationError):
            pass  # it has gone, or isn't one of us
        finally:
            with self._lock:
                self._callers.pop(caller, None)
            caller.close()

    def _result(self, name: str, call: Call) -> Any:
        try:
            return call(self._find(name))
        except RetrievalError as error:
            return error
        except Exception as error:  # the edge of this process: the caller gets what the index would have raised there
            logger.exception("A call of the index by another process failed")
            return IndexUnavailable(_("The embedded index failed: %(fault)s"), fault=repr(error))


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    if path.parent.name.startswith(_APART):
        shutil.rmtree(path.parent, ignore_errors=True)


def _is_listened_to(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


_owners: list[Owner] = []


@atexit.register
def _remove_sockets() -> None:
    for owner in _owners:
        owner.remove_socket()


def _abandon_after_fork() -> None:
    while _owners:
        _owners.pop().abandon()


os.register_at_fork(after_in_child=_abandon_after_fork)
