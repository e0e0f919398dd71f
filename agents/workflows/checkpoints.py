"""Record a workflow's run: one file of JSON lines for each run id, one line for each state, as it is reached.

The first line says which workflow with which inputs; the last one how the run ended. A line is on the disk before what
depends on it starts. A kill may tear the last line, and only that one: it is cut off when the run is resumed.
Whoever runs holds a lock on the file, which the system takes back when the process ends, however it ends.
"""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal, Self

from agents.workflows.errors import RecordFailed, RecordInvalid, RunLocked, RunUnknown, WorkflowError
from agents.workflows.values import Json

VERSION = 1
SUFFIX = ".jsonl"
LOCK_SECONDS = 0.1  # `is_running` takes the lock for a moment; that is no reason to refuse a run

logger = logging.getLogger(__name__)

StateStatus = Literal["completed", "failed", "skipped", "waiting"]
StateKey = tuple[str, int | None]


@dataclass(frozen=True, slots=True)
class State:
    """How a step, or one `item` of a step with foreach, ended. `messages` are those of an agent's run.

    `final` is false for a failure that ended the run, which resuming tries again, and for a step that waits for a
    person. `failures` are the errors of the
    attempts before the last.
    """

    step: str
    status: StateStatus
    item: int | None = None
    arguments: Json = None
    output: Json = None
    error: str | None = None
    messages: Json = None
    attempts: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0
    final: bool = True

    @property
    def key(self) -> StateKey:
        return self.step, self.item

    @property
    def place(self) -> str:
        return self.step if self.item is None else f"{self.step}[{self.item}]"


@dataclass(frozen=True, slots=True)
class Header:
    run_id: str
    workflow: str  # the file's path
    name: str
    digest: str  # of the files the workflow was read from
    inputs: dict[str, Json]
    started_at: float  # seconds since the epoch
    version: int = VERSION


@dataclass(slots=True)
class Record:
    """A run as its file records it. `ended` is its status, or None when it never got to its end."""

    header: Header
    states: dict[StateKey, State] = field(default_factory=dict)
    ended: str | None = None
    error: str | None = None
    end: int = 0  # of the last whole line, in bytes

    @property
    def finished(self) -> dict[StateKey, State]:
        return {key: state for key, state in self.states.items() if state.final}


class Journal:
    """An open, locked record. `record` is None until `begin()`, for a run that is new."""

    def __init__(self, folder: Path | str, *, run_id: str) -> None:
        """Raises RunLocked, RecordInvalid, RecordFailed."""
        self._path = path = _path(folder, run_id)
        self._file = _open(path, create=True)
        self._writing = threading.Lock()
        with ExitStack() as on_error:
            on_error.callback(self._file.close)
            _lock(self._file, path)
            self.record = _read(path)
            self._end = self.record.end if self.record else 0
            self._file.truncate(self._end)
            on_error.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._writing:
            self._file.close()

    async def begin(self, header: Header) -> None:
        await self._append({"run": asdict(header)})
        self.record = Record(header)

    async def resume(self) -> None:
        await self._append({"resumed_at": time.time()})

    async def save(self, state: State) -> None:
        """Raises RecordFailed when the state can't be kept."""
        await self._append({"state": asdict(state)})

    async def finish(self, status: str, *, error: str | None) -> None:
        await self._append({"ended": status, "error": error})

    async def _append(self, row: dict[str, Any]) -> None:
        """A write that has begun is waited for, also by a run that is being cancelled: what is finished stays so."""
        writing = asyncio.ensure_future(asyncio.to_thread(self._write, json.dumps(row).encode() + b"\n"))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait({writing})
            writing.exception()  # retrieved: a run that is cancelled has nobody left to tell
            raise

    def _write(self, line: bytes) -> None:
        with self._writing:
            try:
                self._file.seek(self._end)
                self._file.truncate()  # what an earlier write left behind when the disk was full
                if self._file.write(line) != len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(self._file.fileno())
            except OSError as error:
                raise RecordFailed(f"{self._path}: a state can't be recorded: {error}") from error
            self._end += len(line)


# ---- all runs in a folder --------------------------------------------------------------------------------------------
def read_record(folder: Path | str, *, run_id: str) -> Record:
    """Also while the run goes on. Raises RunUnknown, RecordInvalid."""
    path = _path(folder, run_id)
    if not path.exists() or not (record := _read(path)):
        raise RunUnknown(f"no run {run_id!r} is recorded in {folder}")
    return record


def read_records(folder: Path | str) -> Iterator[Record]:
    """All runs, the oldest first; of one whose record can't be read, the log says why."""
    records: list[Record] = []
    for path in Path(folder).glob(f"*{SUFFIX}"):
        try:
            if record := _read(path):
                records.append(record)
        except RecordInvalid as error:
            logger.warning("%s", error)
    yield from sorted(records, key=lambda record: record.header.started_at)


def is_running(folder: Path | str, *, run_id: str) -> bool:
    path = _path(folder, run_id)
    try:
        with _open(path, create=False) as file:
            _lock(file, path)
    except RunLocked:
        return True
    return False


def _path(folder: Path | str, run_id: str) -> Path:
    if not re.fullmatch(r"\w[\w.-]{0,99}", run_id, flags=re.ASCII):
        raise WorkflowError(f"{run_id!r} is no run id: up to 100 letters, digits, dots, - and _")
    return Path(folder) / f"{run_id}{SUFFIX}"


def _open(path: Path, *, create: bool) -> BinaryIO:
    """Unbuffered, and for the owner's eyes only: what people and models wrote is in it."""
    try:
        if create:
            path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0), 0o600)
        if create:
            _sync_folder(path.parent)  # or a power failure forgets that the file exists
    except FileNotFoundError as error:
        raise RunUnknown(f"no run {path.stem!r} is recorded in {path.parent}") from error
    except OSError as error:
        raise RecordFailed(f"{path} can't be opened: {error}") from error
    return open(descriptor, "r+b", buffering=0)  # noqa: PTH123 - by descriptor


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lock(file: BinaryIO, path: Path) -> None:
    """flock belongs to the open file, so that it also keeps out another thread of this process."""
    import fcntl  # only POSIX systems have it; without checkpoints, a workflow runs on any

    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > until:
                raise RunLocked(f"run {path.stem!r} is under way") from error
        time.sleep(LOCK_SECONDS / 4)


def _read(path: Path) -> Record | None:
    """Return the whole lines of a record; None when there is not even one."""
    record: Record | None = None
    for number, line in enumerate(path.read_bytes().splitlines(keepends=True), start=1):
        if not line.endswith(b"\n"):  # torn
            break
        try:
            record = _add(record, json.loads(line))
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise RecordInvalid(f"{path}:{number}: {error!r}") from error
        record.end += len(line)
    return record


def _add(record: Record | None, row: dict[str, Any]) -> Record:
    if record is None:
        if row["run"].get("version") != VERSION:
            raise ValueError(f"this is not a record of version {VERSION}")
        return Record(Header(**row["run"]))
    if "state" in row:
        state = State(**row["state"])
        record.states[state.key] = state
    elif "resumed_at" in row:  # what had failed is tried again
        waiting = {key: state for key, state in record.states.items() if state.status == "waiting"}
        record.states, record.ended, record.error = {**record.finished, **waiting}, None, None
    else:
        record.ended, record.error = row["ended"], row["error"]
    return record
