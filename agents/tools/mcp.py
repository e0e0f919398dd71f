"""The tools of MCP servers (https://modelcontextprotocol.io). The only place that imports `mcp`."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.errors import ToolFailed
from agents.loop import per_loop
from agents.tools.opened import Held
from agents.tools.tool import ArgumentsInvalid, Definition, Tool, Toolkit, to_model_text

if TYPE_CHECKING:
    import mcp

INSTALL = "McpTools needs the package mcp: pip install 'django-docchat[mcp]'"
PAGES_MOST = 100  # of a server's list of tools
CONNECT_SECONDS = 30.0
RESULT_CHARACTERS = 100_000  # of one call, as the model reads it
NAME_CHARACTERS = 64  # that providers take


class McpTools(Toolkit):
    """The tools of an MCP server: of a program that is started (`command`), or of one at an address (`url`).

    One session is opened for each loop, by the first run or `with agent:`, opened anew when it has died, and closed
    with the loop. `only` are the names of the tools to offer, by default all; `approve` those that a person has to
    approve the calls of, or True for all; `prefix` stands before their names, so
    that two servers may have tools of one name. `timeout` is in seconds, for each call. A program gets the environment
    that is harmless to pass on (PATH, HOME, ...) and `env`; requests to an address have the `headers`.
    Of a result the model reads texts and values, RESULT_CHARACTERS of them at most, and a note of what else there was.
    Raises ImportError where `mcp` isn't installed.
    """

    stays_open = True

    def __init__(
        self,
        *,
        command: str | Sequence[str] = "",
        url: str = "",
        env: Mapping[str, str] | None = None,
        cwd: Path | str | None = None,
        headers: Mapping[str, str] | None = None,
        only: Collection[str] = (),
        approve: bool | Collection[str] = False,
        prefix: str = "",
        timeout: float = 60.0,
    ) -> None:
        _check_installed()
        if bool(command) == bool(url):
            raise TypeError("McpTools takes a command, or a url: one of them")
        if url and not re.match(r"https?://", url):
            raise ValueError(f"McpTools: url must begin with http:// or https://, not {url!r}")
        for name, given in (("only", only), ("approve", approve)):
            if isinstance(given, str):
                raise TypeError(f"McpTools: {name} is a list of names, not {given!r}")
        if not timeout > 0:
            raise ValueError(f"McpTools: timeout must be more than 0 seconds, not {timeout!r}")
        self._command = shlex.split(command) if isinstance(command, str) else list(command)
        self._url = url
        self._env = None if env is None else dict(env)
        self._cwd = cwd
        self._headers = dict(headers or {})
        self._only = frozenset(only)
        self._approve = approve if isinstance(approve, bool) else frozenset(approve)
        self._prefix = prefix
        self._timeout = timeout

    def __repr__(self) -> str:
        return f"McpTools(url={self._url!r})" if self._url else f"McpTools(command={self._command[0]!r})"

    @property
    def tools(self) -> tuple[Tool, ...]:
        """None yet: the server says which, once it is asked."""
        return ()

    @property
    def pauses(self) -> bool:
        return bool(self._approve)

    async def open(self) -> None:
        """Connect, unless it is connected on this loop. Raises ToolFailed."""
        await self._session.open()

    async def close(self) -> None:
        await self._session.close()

    async def discover(self) -> Sequence[Tool]:
        """Return the server's tools of now. A session that has died is opened anew. Raises ToolFailed."""
        client = await self._session.open()
        try:
            listed = await _list_tools(client)
        except Exception:  # whatever ended the session; the second attempt says what is wrong
            await self._session.close(when=lambda: self._session.holds(client))
            try:
                listed = await _list_tools(await self._session.open())
            except ToolFailed:
                raise
            except Exception as error:
                raise ToolFailed(f"{self!r} doesn't list its tools: {error}") from error
        wanted = [tool for tool in listed if not self._only or tool.name in self._only]
        named = self._only if isinstance(self._approve, bool) else self._only | self._approve
        if missing := named - {tool.name for tool in listed}:
            known = ", ".join(tool.name for tool in listed) or "none"
            raise ToolFailed(f"{self!r} has no tool {', '.join(sorted(missing))}; it has: {known}")
        return [self._tool(tool, name) for name, tool in _named(wanted, self._prefix).items()]

    def _tool(self, described: Any, name: str) -> Tool:
        definition = _Remote(described, partial(self._call, described.name), name=name)
        approve = self._approve if isinstance(self._approve, bool) else described.name in self._approve
        return Tool(definition, approve=approve)

    async def _call(self, name: str, arguments: dict[str, Any]) -> object:
        import mcp

        client = await self._session.open()
        try:
            result = await client.call_tool(name, arguments, read_timeout_seconds=self._timeout)
        except mcp.MCPError as error:
            if error.code == mcp.types.CONNECTION_CLOSED:
                await self._session.close(when=lambda: self._session.holds(client))
                raise ConnectionError(f"{self!r} has ended during the call; the next one starts it anew") from error
            raise
        return _value_of(result)

    @property
    def _session(self) -> Held:
        """Return the one of the running loop."""
        return per_loop((McpTools, id(self)), lambda: Held(self._connected, name=repr(self)))

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[mcp.Client]:
        import mcp

        transport: Any = self._http() if self._url else self._process()
        async with mcp.Client(transport, read_timeout_seconds=CONNECT_SECONDS) as client:
            yield client

    def _process(self) -> Any:
        import mcp

        program, *arguments = self._command
        started = mcp.StdioServerParameters(command=program, args=arguments, env=self._env, cwd=self._cwd)
        return mcp.stdio_client(started, errlog=sys.__stderr__ or sys.stderr)

    @asynccontextmanager
    async def _http(self) -> AsyncIterator[Any]:
        import httpx2
        from mcp.client.streamable_http import streamable_http_client

        timeout = httpx2.Timeout(CONNECT_SECONDS, read=max(self._timeout, CONNECT_SECONDS))
        async with (
            httpx2.AsyncClient(headers=self._headers, timeout=timeout) as client,
            streamable_http_client(self._url, http_client=client) as streams,
        ):
            yield streams


class _Remote(Definition):
    """A tool as its server describes it. The server checks the arguments."""

    def __init__(self, tool: Any, call: Any, *, name: str) -> None:
        self.function = call
        self.name = name
        self.description = tool.description or tool.title or ""
        self.context_name = ""
        self._schema: dict[str, Any] = tool.input_schema

    @property
    def parameters(self) -> dict[str, Any]:
        return self._schema

    def validate(self, arguments: str | Mapping[str, object]) -> dict[str, Any]:
        from pydantic_core import from_json

        try:
            read = from_json(arguments or "{}") if isinstance(arguments, str) else dict(arguments)
        except ValueError as error:
            raise ArgumentsInvalid(f"arguments: Invalid JSON: {error}") from error
        if not isinstance(read, dict):
            raise ArgumentsInvalid("arguments: Input should be an object")
        return {"arguments": read}


async def _list_tools(client: mcp.Client) -> list[Any]:
    tools: list[Any] = []
    cursor: str | None = None
    for _ in range(PAGES_MOST):
        page = await client.list_tools(cursor=cursor)
        tools += page.tools
        if (cursor := page.next_cursor) is None:
            break
    return tools


def _named(tools: list[Any], prefix: str) -> dict[str, Any]:
    """Return the tools by names that providers take, each its own; those whose name is one already come first.

    A tool without a name can't be called, nor the second of two that have the same.
    """
    by_own = {tool.name: tool for tool in reversed(tools) if tool.name.strip()}
    own = [name for name in dict.fromkeys(tool.name for tool in tools) if name in by_own]
    told: dict[str, str] = {}
    for name in sorted(own, key=lambda name: _fitting(prefix + name) != prefix + name):
        told[_free(_fitting(prefix + name), told)] = name
    order = {name: fitting for fitting, name in told.items()}
    return {order[name]: by_own[name] for name in own}


def _fitting(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:NAME_CHARACTERS]


def _free(name: str, taken: Collection[str]) -> str:
    """Return the name, or the first of `name_2`, `name_3`, ... that is not taken."""
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name[: NAME_CHARACTERS - len(f'_{number}')]}_{number}"
    return free


def _value_of(result: Any) -> object:
    """Return a result as values: its structured content, or its text. Raises RuntimeError for what is an error."""
    if result.is_error:
        raise RuntimeError(_bounded(_text_of(result.content) or "the tool failed, and says no more"))
    structured = result.structured_content
    if isinstance(structured, dict) and structured.keys() == {"result"}:  # how servers wrap what is no object
        structured = structured["result"]
    elif structured is None:
        structured = _text_of(result.content)
    text = to_model_text(structured)
    return structured if len(text) <= RESULT_CHARACTERS else _bounded(text)


def _text_of(parts: Sequence[Any]) -> str:
    return "\n".join(map(_part_text, parts))


def _part_text(part: Any) -> str:
    """Return what the model reads of a part: its text, or a note that there is something which is none."""
    match part.type:
        case "text":
            return str(part.text)
        case "resource" if hasattr(part.resource, "text"):
            return f"{part.resource.uri}:\n{part.resource.text}"
        case "resource":
            return _note(f"{part.resource.mime_type or 'binary'} of {part.resource.uri}", part.resource.blob)
        case "resource_link":
            told = " - ".join(filter(None, (part.title or part.name, part.description)))
            return f"[link: {part.uri} ({told})]"
    return _note(str(getattr(part, "mime_type", part.type)), getattr(part, "data", ""))


def _note(what: str, base64: str) -> str:
    return f"[{what}, {len(base64) * 3 // 4 - base64[-2:].count('='):,} bytes, left out: only text is passed on]"


def _bounded(text: str) -> str:
    if len(text) <= RESULT_CHARACTERS:
        return text
    note = f"[cut: these are the first {RESULT_CHARACTERS:,} of {len(text):,} characters; ask for less]"
    return f"{text[:RESULT_CHARACTERS]}\n{note}"


def _check_installed() -> None:
    try:
        import mcp
    except ImportError as error:
        raise ImportError(INSTALL) from error
    if not hasattr(mcp, "Client"):
        raise ImportError(f"{INSTALL} (version 2 or later)")
