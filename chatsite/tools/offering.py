"""Which of the host's tools a question may use."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from chatsite.conf import chat_models
from chatsite.reader import Reader
from chatsite.tools.declaring import registry
from chatsite.tools.host_tool import HostTool


def may_use_tools(reader: Reader) -> bool:
    """Say whether a question of `reader` may use any: then there is something to ask, also without a document. A
    browser that has not asked yet is known from its first question on."""
    return chat_models() != [] and bool(tools_of(replace(reader, browser=reader.browser or "new")))


def tools_of(reader: Reader, *, names: Collection[str] | None = None, asks: bool = True) -> tuple[HostTool, ...]:
    """Return the tools that a question of `reader` may use; with `names`, none but those. Without `asks` there is no
    way to ask the reader first, and so none that needs it."""
    tools = registry().tools
    allowed = reader.tools(tools.keys()) if tools else set()
    if names is not None:
        allowed &= set(names)
    return tuple(tool for name, tool in tools.items() if name in allowed and (asks or not tool.approve))
