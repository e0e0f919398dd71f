"""`docs/agents.md` and its notebook: every snippet is run, from top to bottom, and prints what its comments say."""

from __future__ import annotations

import contextlib
import io
import logging
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.agents.foreign import OPENAI_AGENTS

ROOT = Path(__file__).parents[2]
SNIPPET = re.compile(r"^```(\w+)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# ([\w.]+\.(?:py|yaml))\n")
NEEDS_MCP = "# needs the extra mcp"
TOLD = re.compile(r"(?:print\(.*\) |^ +) # (.+)$", flags=re.MULTILINE)
"""What a line is to print stands behind it; what it prints next stands below that, in a comment of its own."""


@pytest.mark.django_db
def test_snippets_print_what_stands_beside_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="agents")  # the page sets another, which is undone with this
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor" / "openai-agents").symlink_to(OPENAI_AGENTS)  # where the pip command on the page would put it
    page = (ROOT / "docs/agents.md").read_text()
    names: dict[str, Any] = {"__name__": "page"}
    ran = left_out = 0
    for snippet in SNIPPET.finditer(page):
        language, text = snippet.groups()
        if file := FILE.match(text):
            Path(file[1]).write_text(text)
            continue
        if language == "sh":
            continue
        if text.startswith(NEEDS_MCP) and not find_spec("mcp"):
            left_out += 1
            continue
        assert language == "python"
        line = page.count("\n", 0, snippet.start(2))
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("\n" * line + text, "docs/agents.md", "exec", dont_inherit=True), names)
        assert [each.rstrip() for each in printed.getvalue().splitlines()] == TOLD.findall(text), f"line {line}"
        ran += 1
    assert ran == page.count("```python") - len(list(tmp_path.glob("*.py"))) - left_out > 25


@pytest.mark.hosts
def test_notebook_prints_what_it_shows() -> None:
    """In a kernel of its own, whose cells run inside a loop; the outputs kept in the file are the real ones."""
    path = ROOT / "docs/agents.ipynb"
    shown = nbformat.read(path, as_version=4)
    executed = nbformat.read(path, as_version=4)
    NotebookClient(executed, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}).execute()
    assert outputs(executed) == outputs(shown)
    assert all(outputs(shown))


def outputs(notebook: Any) -> list[str]:
    """What each code cell printed."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return ["".join(output.get("text", output.output_type) for output in cell.outputs) for cell in cells]
