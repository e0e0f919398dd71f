"""Work as a worker process of this environment: make agents of ours, run them, and reply in pickles."""

from __future__ import annotations

import logging
import pickle
import sys
from dataclasses import replace

from agents.agent import run, stream
from agents.bridge import close_connections
from agents.errors import AgentError
from agents.events import Event, RunEnded, ToolReturned
from agents.isolation.foreign_worker import FRAME_BYTES, Channel, end_when_overdue, not_overdue
from agents.isolation.protocols import Hello, Ready, Refusal, Reply
from agents.isolation.recipe import Order
from agents.messages import ToolMessage
from agents.result import RunResult

logger = logging.getLogger(__name__)


def work() -> None:
    """Follow orders from standard input until it closes, or the parent ends."""
    worker = _OwnWorker(Channel(parent=int(sys.argv[1])))
    worker.send(Hello())
    while True:
        worker.follow_next()


class _OwnWorker:
    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def send(self, reply: Reply) -> None:
        self._channel.send(pickle.dumps(reply))

    def follow_next(self) -> None:
        order: Order = pickle.loads(self._channel.receive())  # noqa: S301 - from our own parent  # nosec
        end_when_overdue(order.seconds)
        self.send(self._follow(order))
        not_overdue()
        close_connections()

    def _follow(self, order: Order) -> RunResult | Ready | Refusal:
        try:
            agent = order.recipe.build()
        except (Exception, SystemExit) as error:  # whatever a factory may raise; its caller is in another process
            logger.exception("%s made no agent", order.recipe.factory)
            return Refusal(f"{type(error).__name__}: {error}")
        if order.prompt is None:
            return Ready()
        if not order.stream:
            return portable(run(agent, order.prompt, history=order.history))
        events = stream(agent, order.prompt, history=order.history)
        for event in events:
            if not isinstance(event, RunEnded):
                self.send(_portable_event(event))
        return portable(events.result)


def _portable_event(event: Event) -> Event:
    if isinstance(event, ToolReturned) and not _can_leave(event):
        return ToolReturned(_with_text_for_value(event.message))
    return event


def portable(result: RunResult) -> RunResult:
    """Return it with texts for tools' values and errors, and without its output, where those can't leave the process.

    A result that is too large even so is an error.
    """
    if _can_leave(result):
        return result
    logger.warning("What the agent's tools returned can't leave its process, and is replaced")
    messages = tuple(_with_text_for_value(m) if isinstance(m, ToolMessage) else m for m in result.messages)
    result = replace(result, messages=messages, error=_as_text(result.error), output=None)
    if _can_leave(result):
        return result
    too_large = AgentError(f"the messages of the run are more than the {FRAME_BYTES:,} bytes that may leave a worker")
    return replace(result, status="failed", messages=(), trace=None, error=too_large)


def _can_leave(reply: Reply) -> bool:
    try:
        frame = pickle.dumps(reply)
        pickle.loads(frame)  # noqa: S301 - our own  # nosec
    except Exception:  # what tools return may be anything of anyone's
        return False
    return len(frame) <= FRAME_BYTES


def _with_text_for_value(message: ToolMessage) -> ToolMessage:
    return replace(message, value=message.text)


def _as_text(error: AgentError | None) -> AgentError | None:
    if error is None:
        return None
    told = AgentError(str(error))
    told.code = error.code
    return told
