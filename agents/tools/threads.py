"""Call functions of any colour: async ones on the loop, sync ones on the thread that is theirs."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from asgiref.sync import sync_to_async

from agents.bridge import close_connections, in_django

THREADS_MOST = 256  # at once in this process, those of calls that nobody waits for any more with them

T = TypeVar("T")


class ToolThread(threading.Thread):
    """Runs one call. It is a daemon, so that a function that hangs doesn't hold up the end of the process."""

    def __init__(self, run: Callable[[], None]) -> None:
        super().__init__(target=run, name="agents-tool", daemon=True)


async def invoke(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call a function of any colour. A sync one runs on the thread that started the run where Django is set up, so that
    it may use the ORM, and else on a thread of its own.
    """
    return await invoke_on(partial(function, *args, **kwargs))


async def invoke_on(call: Callable[[], Any], *, thread_sensitive: bool | None = None) -> Any:
    """`invoke`, on the thread that started the run if `thread_sensitive`, and on one of its own if not."""
    if inspect.iscoroutinefunction(call):
        return await call()
    sensitive = in_django() if thread_sensitive is None else thread_sensitive
    result = await (sync_to_async(call)() if sensitive else in_own_thread(call))
    return await result if inspect.isawaitable(result) else result


async def in_own_thread(call: Callable[[], T]) -> T:
    """Call a sync function on a new thread, in a copy of this context.

    When the caller is cancelled the thread goes on, and what it returns is dropped, so that a function that hangs holds
    up no other call. Raises RuntimeError when THREADS_MOST are busy.
    """
    _check_room()
    outcome: Future[T] = Future()
    context = contextvars.copy_context()
    ToolThread(partial(_settle, outcome, partial(context.run, call))).start()
    return await asyncio.wrap_future(outcome)


def _check_room() -> None:
    """Raises RuntimeError. The threads are counted anew each time: a forked child has none of its parent's."""
    if sum(isinstance(thread, ToolThread) for thread in threading.enumerate()) >= THREADS_MOST:
        raise RuntimeError(
            f"{THREADS_MOST} sync tools are running, as many as may at once; a timeout ends the wait for a tool, not "
            "its thread: give what hangs in it (a connection, a lock) a timeout of its own, or make the tool async"
        )


def _settle(outcome: Future[T], call: Callable[[], T]) -> None:
    """Settle the outcome with what the call returns or raises, SystemExit too."""
    if not outcome.set_running_or_notify_cancel():
        return
    try:
        result = _then_closed(call)
    except StopIteration as error:  # no future takes it
        outcome.set_exception(_as_runtime_error(error))
    except BaseException as error:
        outcome.set_exception(error)
    else:
        outcome.set_result(result)


def _then_closed(call: Callable[[], T]) -> T:
    """Call the function, and close what its thread has opened of the database."""
    try:
        return call()
    finally:
        close_connections()


def _as_runtime_error(error: StopIteration) -> RuntimeError:
    raised = RuntimeError(f"StopIteration was raised: {error!r}")
    raised.__cause__ = error
    return raised
