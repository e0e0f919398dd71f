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

T = TypeVar("T")


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

    When the caller is cancelled the thread goes on, and what it returns is dropped. It is a daemon, so that a function
    that hangs holds up neither other calls nor the end of the process.
    """
    outcome: Future[T] = Future()
    context = contextvars.copy_context()
    threading.Thread(
        target=_settle, args=(outcome, partial(context.run, call)), name="agents-tool", daemon=True
    ).start()
    return await asyncio.wrap_future(outcome)


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
