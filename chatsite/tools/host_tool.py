"""A tool of the host, as an agent calls it: for one reader, in a given time, its result as numbered passages."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from agents import Context as AgentContext
from agents import Tool, ToolCall
from agents.tools.threads import invoke_on
from chatsite.tools.results import Source, sources_of
from chatsite.tools.running import in_time

if TYPE_CHECKING:
    from chatsite.tools.calls import ToolUse


class LookupFailed(RuntimeError):
    """A tool raised, took too long, or returned what is no source. Says no more: its own error is the log's."""


def kept_id(call: ToolCall) -> str:
    """Return what a call is known by. Servers give several calls of a turn the same id; a reader confirms one of them,
    with its arguments, and no other."""
    said = f"{call.name}\n{call.arguments}".encode(errors="surrogatepass")
    return f"{call.id[:160]}#{hashlib.sha256(said).hexdigest()[:32]}"


@dataclass(frozen=True)
class HostTool(Tool):
    """A function of the host. `title` is what readers see; `context_type` is made of who asks, where it takes one."""

    title: str = ""
    context_type: Any = field(default=None, repr=False)

    @property
    def seconds(self) -> float:
        return self.timeout or 0.0

    def checked(self, arguments: str | Mapping[str, object]) -> dict[str, Any]:
        """Return the arguments as plain JSON values, in the order of the parameters. Raises ArgumentsInvalid."""
        from pydantic_core import to_jsonable_python

        keywords = self.definition.validate(arguments)
        plain = to_jsonable_python(keywords, inf_nan_mode="null", bytes_mode="base64")
        clean = json.loads(json.dumps(plain).replace("\\u0000", ""))
        return {name: clean[name] for name in self.parameters["properties"] if name in clean}

    async def execute(
        self, arguments: str | Mapping[str, object], *, context: AgentContext[Any] | None = None
    ) -> object:
        """Call it for the reader of the run. Return numbered passages, as a model reads them.

        Raises ArgumentsInvalid, and LookupFailed for whatever the function raises.
        """
        keywords = self.definition.validate(arguments)
        if context is None or context.call is None or context.run is None:
            raise LookupFailed(f"{self.name} is called for a reader only")
        use: ToolUse = context.deps
        turn, call_id = context.run.budget.steps, kept_id(context.call)
        here = partial(invoke_on, thread_sensitive=True)  # on the thread of the run, whose database it is
        begin = partial(use.begin, self, self.checked(arguments), turn=turn, call_id=call_id)
        call, is_begun = await here(begin)
        if not is_begun:
            return await here(partial(use.outcome, call))
        if self.definition.context_name:
            keywords[self.definition.context_name] = self.context_type(**await here(use.asker))
        try:
            sources = await self._sources(keywords)
        except Exception as error:
            await here(partial(use.fail, call))
            raise LookupFailed(f"{self.name} failed: this could not be looked up or done") from error
        return await here(partial(use.finish, call, sources))

    async def _sources(self, keywords: Mapping[str, Any]) -> list[Source]:
        function = partial(self.definition.function, **keywords)

        def read(value: object) -> list[Source]:
            return sources_of(value, title=self.title)

        work: Callable[[], list[Source]] = lambda: read(function())  # noqa: E731
        if inspect.iscoroutinefunction(self.definition.function):
            async with asyncio.timeout(self.seconds):
                value = await function()
            work = partial(read, value)
        sources: list[Source] = await invoke_on(partial(in_time, work, seconds=self.seconds), thread_sensitive=True)
        return sources
