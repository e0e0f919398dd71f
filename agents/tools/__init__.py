"""Functions a model may call.

`tool.py` makes tools of functions, `context.py` is what one is told beside its arguments, `threads.py` where sync ones
run, `opened.py` what has to be open while they do, `mcp.py` the tools of an MCP server.
"""

from agents.tools.context import Context
from agents.tools.opened import close_all, kept_open, open_all
from agents.tools.threads import invoke, invoke_on
from agents.tools.tool import (
    ERROR_MAX_CHARACTERS,
    ArgumentsInvalid,
    Definition,
    Tool,
    Toolkit,
    ToolSource,
    find_tool,
    marked_tools,
    to_model_text,
    tool,
)

__all__ = [
    "ERROR_MAX_CHARACTERS",
    "ArgumentsInvalid",
    "Context",
    "Definition",
    "Tool",
    "ToolSource",
    "Toolkit",
    "close_all",
    "find_tool",
    "invoke",
    "invoke_on",
    "kept_open",
    "marked_tools",
    "open_all",
    "to_model_text",
    "tool",
]
