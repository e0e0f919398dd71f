"""Run a sync tool on the database connection of the run, and for so long at most.

No thread can be stopped from outside. So the function runs on a thread of its own, that is lent the connections of the
run's thread, which waits meanwhile. When the time is up, the run goes on with new connections, and the old ones are
closed when the function returns, if it ever does.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

HANGING_MOST = 16  # functions of this process that nobody waits for any more, from which on no further one is begun

T = TypeVar("T")


class ToolHangs(RuntimeError):
    """A tool took too long, or too many of earlier ones have not returned yet."""


class _LentThread(threading.Thread):
    """Runs one function; a daemon, so that one that hangs doesn't hold up the end of the process."""

    def __init__(self, run: Callable[[], None]) -> None:
        super().__init__(target=run, name="docchat-tool", daemon=True)
        self.is_given_up = False
        self.left: list[BaseDatabaseWrapper] = []  # connections that nobody else goes on with


def in_time(call: Callable[[], T], *, seconds: float) -> T:
    """Return what `call` returns. Raises what it raises, SystemExit too, as ToolHangs; and ToolHangs when the time is
    up."""
    hanging = sum(isinstance(one, _LentThread) and one.is_given_up for one in threading.enumerate())
    if hanging >= HANGING_MOST:
        raise ToolHangs(f"{hanging} tools of this process hang; give what they wait for a time limit of its own")
    lent = {wrapper.alias: wrapper for wrapper in connections.all(initialized_only=True)}
    outcome: Future[T] = Future()
    lock = threading.Lock()
    context = contextvars.copy_context()
    thread = _LentThread(partial(_work, partial(context.run, call), outcome, lent, lock))
    for wrapper in lent.values():
        wrapper.inc_thread_sharing()
    thread.start()
    try:
        return outcome.result(seconds)
    except TimeoutError as error:
        with lock:
            if outcome.done():  # just now, or the function itself has raised it
                return outcome.result()
            thread.is_given_up = True
            thread.left = _leave(lent)
        raise ToolHangs(f"it took longer than {seconds:g} seconds") from error
    finally:
        if not thread.is_given_up:
            thread.join()
            for wrapper in lent.values():
                wrapper.dec_thread_sharing()


def _work(
    call: Callable[[], T], outcome: Future[T], lent: dict[str, BaseDatabaseWrapper], lock: threading.Lock
) -> None:
    for alias, wrapper in lent.items():
        connections[alias] = wrapper
    result: T
    fault: BaseException | None = None
    try:
        result = call()
    except BaseException as error:  # SystemExit as well: nobody stands behind this thread
        fault = error
    with lock:
        thread = threading.current_thread()
        left = thread.left if isinstance(thread, _LentThread) else []
        for wrapper in connections.all(initialized_only=True):
            if lent.get(wrapper.alias) is not wrapper or wrapper in left:
                wrapper.close()
        if fault is None:
            outcome.set_result(result)
        elif isinstance(fault, Exception) and not isinstance(fault, StopIteration):
            outcome.set_exception(fault)
        else:
            outcome.set_exception(_as_error(fault))


def _as_error(fault: BaseException) -> RuntimeError:
    error = RuntimeError(f"it raised {type(fault).__name__}: {fault}")
    error.__cause__ = fault
    return error


def _leave(lent: dict[str, BaseDatabaseWrapper]) -> list[BaseDatabaseWrapper]:
    """Go on without these connections, and return them. One in a transaction, of a request or a test, can't be left."""
    left = [wrapper for wrapper in lent.values() if not wrapper.in_atomic_block]
    for wrapper in left:
        connections[wrapper.alias] = connections.create_connection(wrapper.alias)
    return left
