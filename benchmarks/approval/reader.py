"""What a reader of the benchmark does, each in a process of its own that may be killed."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from agents import Message, ToolCall
from agents.messages import ToolMessage
from agents.testing import FunctionModel, Step
from chatsite.answering.language_models import answered_by
from chatsite.asking.deciding import decide_call
from chatsite.errors import AnswerError
from chatsite.models import HostToolCall, Run
from chatsite.reader import Reader
from chatsite.testing.answers import asked_as
from chatsite.tools.shown import tool_view

Child = tuple[int, int]  # process id, and the end of a pipe that tells what came of it


def begin(work: Callable[..., Any], *arguments: Any) -> Child:
    """Begin `work` in a child process. Nothing of the database or the event loop is open before the fork."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    status = 1
    try:
        os.write(writing, json.dumps(work(*arguments)).encode())
        status = 0
    except BaseException:  # the last edge of this process
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def end(child: Child, *, kill_after: float | None = None) -> Any:
    """Return what the child says; None when it was killed before."""
    pid, reading = child
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(pid, signal.SIGKILL)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(said) if said else None


def do(work: Callable[..., Any], *arguments: Any) -> Any:
    """Do `work` in a child process, to its end."""
    return end(begin(work, *arguments))


# ---- in the child ----------------------------------------------------------------------------------------------------
def _reader() -> Reader:
    return Reader(User.objects.get(username="fox"))


def _model() -> FunctionModel:
    def say(messages: Sequence[Message]) -> Step:
        last = messages[-1]
        if isinstance(last, ToolMessage):
            return "It was not done." if last.failed else "It is cancelled [1]."
        number = int(str(getattr(last, "text", "0")).split()[-1].strip("."))
        return ToolCall(f"call_{number}", "cancel_order", json.dumps({"number": number}))

    return FunctionModel(say)


def make_reader() -> int:
    """Make the one who asks."""
    return int(User.objects.create_user("fox").pk)


def ask(numbers: Sequence[int], seconds: float | None = None) -> list[list[str]]:
    """Ask for each order to be cancelled, and return the ids of run and call; the call may be confirmed for so many
    seconds."""
    asked = []
    with answered_by(_model()):
        for number in numbers:
            [approval] = asked_as(_reader(), f"Cancel order {number}.").body["approvals"]
            call = HostToolCall.objects.filter(pk=approval["call_id"])
            if seconds is not None:
                call.update(expires_at=timezone.now() + timedelta(seconds=seconds))
            asked.append([str(call.values_list("run", flat=True).get()), approval["call_id"]])
    return asked


def decide(run: str, call: str, approved: bool = True) -> str:
    """Decide, and read the answer to its end; return the error's code, or nothing."""
    try:
        with answered_by(_model()):
            decide_call(_reader(), uuid.UUID(call), run_id=uuid.UUID(run), approved=approved).whole()
    except AnswerError as error:
        return error.code
    return ""


def come_back(run: str, call: str) -> str:
    """Look again half a minute after the process has died, click once more where the page offers it, and return what
    the page says of the call in the end."""
    for _ in range(3):
        quiet = timezone.now() - timedelta(minutes=1)
        Run.objects.filter(pk=run, state=Run.State.RUNNING).update(checked_at=quiet)
        Run.objects.filter(pk=run).close_lost()
        if Run.objects.get(pk=run).state != Run.State.WAITING:
            break
        decide(run, call)
    return state_of(run, call)


def state_of(run: str, call: str) -> str:
    """Return what the page says of the call."""
    return tool_view(HostToolCall.objects.get(pk=call), Run.objects.get(pk=run)).state
