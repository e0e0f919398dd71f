"""Work whose outcome is asked for later, and elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


def settle(future: Future[Result], work: Callable[[], Result]) -> None:
    """Do `work` and put what it returns or raises into `future`, where it is returned or raised again."""
    try:
        result = work()
    except BaseException as error:  # it is nobody's here: whoever asks for the result meets it
        future.set_exception(error)
    else:
        future.set_result(result)
