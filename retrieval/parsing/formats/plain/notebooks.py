"""Jupyter notebooks: their cells in order, Markdown as it is written, code in fences, and what it printed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from retrieval.errors import ParsingError
from retrieval.notes import Notes
from retrieval.parsing.formats.extracted import Extracted, clean
from retrieval.parsing.formats.numbers import whole
from retrieval.parsing.formats.plain.encodings import decode
from retrieval.parsing.formats.plain.markdown import parse_markdown
from retrieval.parsing.formats.plain.structured import parse_json
from retrieval.reasons import gettext_noop as _
from retrieval.text.headings import Heading

_ANSI = re.compile(r"\x1b\[[0-9;?]{0,30}[a-zA-Z]")
_TICKS = re.compile(r"`{3,}")
_SHOWN = ("text/markdown", "text/plain", "text/latex")  # of one output, the first that it has


def read_notebook(path: Path) -> Extracted:
    notes = Notes()
    notebook = parse_json(decode(path.read_bytes(), notes=notes))
    if not isinstance(notebook, dict) or not ("cells" in notebook or "worksheets" in notebook):
        raise ParsingError(_("It is named .ipynb, but it is no Jupyter notebook."))
    language = _language(notebook)
    parts: list[str] = []
    headings: list[Heading] = []
    length = 0
    for cell in _cells(notebook):
        for part in _parts(cell, language, notes):
            parsed = parse_markdown(clean(part).strip("\n"), notes=notes)
            if parsed.text.strip():
                headings += [Heading(length + each.start, each.level, each.title) for each in parsed.headings]
                parts.append(parsed.text)
                length += len(parsed.text) + 2
    title = _text(_dict(notebook.get("metadata")).get("title"))
    return Extracted(
        "\n\n".join(parts),
        headings=headings,
        title=" ".join(title.split()) or (headings[0].title if headings else ""),
        notes=notes.all(),
    )


def _cells(notebook: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the cells; older notebooks have them in worksheets."""
    sheets = [notebook, *_list(notebook.get("worksheets"))]
    for sheet in sheets:
        yield from (cell for cell in _list(_dict(sheet).get("cells")) if isinstance(cell, dict))


def _parts(cell: dict[str, Any], language: str, notes: Notes) -> Iterator[str]:
    """Yield what a cell holds as Markdown: its text, or its code and then each thing that it put out."""
    kind = cell.get("cell_type")
    source = _text(cell.get("source", cell.get("input")))
    if kind == "heading":
        level = whole(str(cell.get("level"))) or 1
        yield f"{'#' * min(max(level, 1), 6)} {' '.join(source.split())}"
    elif kind != "code":
        yield source
    else:
        if source.strip():
            yield _fenced(source, language)
        for output in _list(cell.get("outputs")):
            yield _output(_dict(output), notes)


def _output(output: dict[str, Any], notes: Notes) -> str:
    if output.get("output_type") in {"error", "pyerr"}:
        return _fenced(f"{_text(output.get('ename'))}: {_text(output.get('evalue'))}", "")
    found = output.get("data") or output
    if output.get("output_type") == "stream":
        return _fenced(_text(output.get("text")), "")
    kinds = _dict(found)
    if any(str(kind).startswith("image/") or kind in {"png", "jpeg", "svg"} for kind in kinds):
        notes.add("pictures")
    shown = next((kind for kind in (*_SHOWN, "text", "latex") if kinds.get(kind)), "")
    text = _text(kinds.get(shown))
    if shown == "text/markdown" or not text.strip():
        return text
    return "" if re.fullmatch(r"<[\w.]+ ?[^<>\n]{0,200}>", text.strip()) else _fenced(text, "")


def _fenced(text: str, language: str) -> str:
    text = _ANSI.sub("", text).strip("\n")
    if not text.strip():
        return ""
    fence = "`" * max(3, *(len(ticks) + 1 for ticks in _TICKS.findall(text)), 3)
    return f"{fence}{language}\n{text}\n{fence}"


def _language(notebook: dict[str, Any]) -> str:
    metadata = _dict(notebook.get("metadata"))
    named = _dict(metadata.get("language_info")).get("name") or _dict(metadata.get("kernelspec")).get("language")
    return re.sub(r"[^\w+#-]", "", _text(named))[:30]


def _text(value: Any) -> str:
    """Return a string, which notebooks write whole or as a list of lines; empty for anything else."""
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
