"""A real MCP server: `python -m tests.agents.mcp_server` over standard input and output, or with a port over HTTP."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mcp import types
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("shelves")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
async def find(title: str) -> dict[str, object]:
    """Find a book."""
    return {"title": title, "shelf": 7}


@server.tool()
def burn(title: str) -> str:
    """Burn a book."""
    raise ToolError(f"{title} doesn't burn")


@server.tool()
def crash() -> str:
    """End the server without a word."""
    os._exit(3)


@server.tool()
def process() -> int:
    """Say which process this is."""
    return os.getpid()


@server.tool()
def environment(name: str) -> str:
    """Read a variable."""
    return os.environ.get(name, "")


@server.tool(structured_output=False)
def page() -> list[types.ContentBlock]:
    """Show a page: its text, its picture, its sound, and what belongs to it."""
    text = types.TextResourceContents(uri="shelf://notes", text="Read twice.")
    binary = types.BlobResourceContents(uri="shelf://scan", blob="AAECAw==", mime_type="application/pdf")
    return [
        types.TextContent(text="Call me Ishmael."),
        types.ImageContent(data="AAEC", mime_type="image/png"),
        types.AudioContent(data="AAE=", mime_type="audio/wav"),
        types.EmbeddedResource(resource=text),
        types.EmbeddedResource(resource=binary),
        types.ResourceLink(uri="shelf://7", name="shelf", description="Where it stands"),
    ]


@server.tool()
def repeat(text: str, times: int) -> str:
    """Say it many times."""
    return text * times


@server.tool()
def repeat_each(text: str, times: int) -> dict[str, list[str]]:
    """Say it many times, as values."""
    return {"said": [text] * times}


@server.tool()
def complain(times: int) -> str:
    """Fail with many words."""
    raise ToolError("no" * times)


if __name__ == "__main__":
    if folder := os.environ.get("MARKS"):
        (Path(folder) / f"begun-{os.getpid()}").touch()
    if len(sys.argv) > 1:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        server.run("stdio")
