"""An embedded index for all processes of a machine: the first one that needs it owns it and answers the others' calls;
when it ends, the next one that calls owns it."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
from operator import methodcaller
from pathlib import Path
from typing import Any
from uuid import UUID

from retrieval.errors import IndexUnavailable, RetrievalError
from retrieval.index import ALL_GENERATIONS, Hit, Index, Point, Scope
from retrieval.index.edge import EdgeIndex
from retrieval.index.owner import Call, Owner, address_in
from retrieval.index.storage import StoragePart, claim, may_have, release
from retrieval.reasons import gettext_noop as _

_PATIENCE_SECONDS = 3.0  # with an owner that can't be asked: it begins, or has just ended
_PAUSE_SECONDS = 0.02
_ANSWER_SECONDS = 60.0
_TIDY_SECONDS = 1800.0
_IDLE_CONNECTIONS = 8  # each keeps a thread of the owner

logger = logging.getLogger(__name__)


class Storage:
    """This process's part in the indexes under a folder: it owns them, or asks the process that does.

    Safe to call from several threads at once. A forked child needs one of its own.
    """

    def __init__(self, index_dir: Path, *, find: Callable[[str], Index]) -> None:
        """`find` returns this process's own index of a name, for the calls of others."""
        self._index_dir = index_dir
        self._find = find
        self._owning = threading.Lock()
        self._owner: Owner | None = None
        self._owned = False
        self._idle: list[Connection] = []

    def is_owned(self) -> bool:
        """Own the indexes, unless another process does. Return whether this one does.

        Raises IndexUnavailable when the folder can't be used."""
        if self._owned:
            return True
        with self._owning:
            if not self._owned and may_have(self._index_dir, StoragePart.INDEX):
                self._owned = True
                self._owner = Owner(self._index_dir, find=self._find)
                try:
                    self._owner.start()
                except OSError as error:
                    self._owner = None
                    logger.warning("No other process can search the index: %s", error)
        return self._owned

    def call(self, index: EdgeIndex, call: Call, *, seconds: float = _ANSWER_SECONDS) -> Any:
        """Return what the call of this index returns, here or in the process that owns it; where that ends meanwhile,
        it is called again. Raises StorageInUse when the owner can't be asked."""
        until = time.monotonic() + _PATIENCE_SECONDS
        while not self.is_owned():
            try:
                return self._ask(index.name, call, seconds=seconds)
            except (OSError, EOFError, AuthenticationError):
                self.hang_up()
                if time.monotonic() > until:
                    claim(self._index_dir, StoragePart.INDEX)
            time.sleep(_PAUSE_SECONDS)
        return call(index)

    def close(self) -> None:
        """Answer no other process any more, after what they have asked already."""
        self.hang_up()
        with self._owning:
            if self._owner is not None:
                self._owner.end()
                self._owner = None

    def release(self) -> None:
        """Let another process own the indexes, which are closed."""
        with self._owning:
            if self._owned:
                self._owned = False
                release(self._index_dir, StoragePart.INDEX)

    def _ask(self, name: str, call: Call, *, seconds: float) -> Any:
        connection = self._connection()
        try:
            connection.send((name, call))
            if not connection.poll(seconds):
                raise IndexUnavailable(_("The process that owns the embedded index doesn't answer."))
            result = connection.recv()
        except BaseException:  # also of a thread that is ended: what comes later belongs to no question
            connection.close()
            raise
        if len(self._idle) < _IDLE_CONNECTIONS:
            self._idle.append(connection)
        else:
            connection.close()
        if isinstance(result, RetrievalError):
            raise result
        return result

    def _connection(self) -> Connection:
        with contextlib.suppress(IndexError):
            return self._idle.pop()
        address = address_in(self._index_dir)
        if address is None:
            raise FileNotFoundError(self._index_dir)
        with socket.socket(socket.AF_UNIX) as calling:
            calling.settimeout(_PATIENCE_SECONDS)
            calling.connect(address.path)
            calling.settimeout(None)
            connection = Connection(calling.detach())
        try:
            if not connection.poll(_PATIENCE_SECONDS):
                raise TimeoutError(address.path)
            answer_challenge(connection, address.key)
            deliver_challenge(connection, address.key)
        except BaseException:
            connection.close()
            raise
        return connection

    def hang_up(self) -> None:
        """Close this process's connections; a forked child so closes what it has inherited, and its parent goes on."""
        while self._idle:
            with contextlib.suppress(IndexError):
                self._idle.pop().close()


class EmbeddedIndex:
    """The index of one space, wherever it is open."""

    def __init__(self, storage: Storage, edge: EdgeIndex) -> None:
        self._storage = storage
        self._edge = edge

    def upsert(self, points: Sequence[Point]) -> None:
        self._call(methodcaller("upsert", points))

    def search(
        self,
        text: str,
        *,
        vector: Sequence[float] | None,
        scope: Scope,
        limit: int,
        languages: Sequence[str] = ("en",),
        trust: float = 1.0,
    ) -> list[Hit]:
        call = methodcaller("search", text, vector=vector, scope=scope, limit=limit, languages=languages, trust=trust)
        hits: list[Hit] = self._call(call)
        return hits

    def vectors(self, ids: Sequence[UUID]) -> Mapping[UUID, Sequence[float]]:
        found: Mapping[UUID, Sequence[float]] = self._call(methodcaller("vectors", ids))
        return found

    def holdings(self) -> Mapping[tuple[int, int], int]:
        held: Mapping[tuple[int, int], int] = self._call(methodcaller("holdings"))
        return held

    def remove(self, document_id: int, *, up_to_generation: int = ALL_GENERATIONS) -> None:
        self._call(methodcaller("remove", document_id, up_to_generation=up_to_generation))

    def count(self, document_id: int | None = None, *, up_to_generation: int = ALL_GENERATIONS) -> int:
        counted: int = self._call(methodcaller("count", document_id, up_to_generation=up_to_generation))
        return counted

    def tidy(self, *, busy: bool = False) -> None:
        self._storage.call(self._edge, methodcaller("tidy", busy=busy), seconds=_TIDY_SECONDS)

    def drop(self) -> None:
        self._call(methodcaller("drop"))

    def close(self) -> None:
        """Close it where this process has it open."""
        self._edge.close()

    def _call(self, call: Call) -> Any:
        return self._storage.call(self._edge, call)
