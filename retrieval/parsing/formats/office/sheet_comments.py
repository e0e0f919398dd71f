"""Comments on cells: notes of old, and threads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from retrieval.parsing.formats.extracted import Blocks
from retrieval.parsing.formats.numbers import whole
from retrieval.parsing.formats.office.cells import region_of
from retrieval.parsing.formats.office.package import OfficePackage
from retrieval.parsing.formats.office.workbook import rich_text
from retrieval.parsing.formats.plain.grids import SheetGrid

_SHOWN = 60  # characters of the cell that a comment is on


class _Comment(NamedTuple):
    cell: str
    author: str
    text: str


def write_comments(
    blocks: Blocks, package: OfficePackage, part: str, grid: SheetGrid, people: Mapping[str, str]
) -> None:
    """Append what is said of cells, each behind the cell and what stands in it."""
    threads = list(_threads(package, part, people))
    threaded = {comment.cell for comment in threads}
    notes = [comment for comment in _notes(package, part) if comment.cell not in threaded]  # which hold a copy of it
    for number, comment in enumerate([*notes, *threads]):
        text = " ".join(comment.text.split())
        text = text.removeprefix(f"{comment.author}:").strip() if comment.author else text
        if text:
            author = f" by {comment.author}" if comment.author else ""
            blocks.add(f"Comment on {comment.cell}{_shown(grid, comment.cell)}{author}: {text}", close=number > 0)


def _shown(grid: SheetGrid, cell: str) -> str:
    region = region_of(cell)
    text = grid.rows.get(region.first_row, {}).get(region.first_column, "") if region else ""
    return f" ({' '.join(text.split())[:_SHOWN]})" if text else ""


def _notes(package: OfficePackage, part: str) -> Iterator[_Comment]:
    for name in package.related(part, "comments"):
        root = package.root_or_note(name)
        if root is None:
            continue
        authors = [author.text or "" for author in root.iterfind("{*}authors/{*}author")]
        for comment in root.iterfind("{*}commentList/{*}comment"):
            number = whole(comment.get("authorId"))
            author = authors[number] if number is not None and 0 <= number < len(authors) else ""
            text = comment.find("{*}text")
            if text is not None:
                yield _Comment(comment.get("ref") or "", author.strip(), rich_text(text))


def _threads(package: OfficePackage, part: str, people: Mapping[str, str]) -> Iterator[_Comment]:
    for name in package.related(part, "threadedComment"):
        root = package.root_or_note(name)
        for comment in root.iterchildren("{*}threadedComment") if root is not None else ():
            author = people.get(comment.get("personId") or "", "")
            yield _Comment(comment.get("ref") or "", author, comment.findtext("{*}text") or "")
