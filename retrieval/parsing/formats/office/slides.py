"""PowerPoint presentations: a page for each slide, with its title as heading, its lists, tables, charts, diagrams,
comments and notes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.errors import ParsingError
from retrieval.notes import Notes
from retrieval.parsing.formats.extracted import Blocks, Extracted, first_date
from retrieval.parsing.formats.office.drawings import RELATIONS, written_on
from retrieval.parsing.formats.office.package import OfficePackage, open_package
from retrieval.parsing.formats.office.shapes import P, ShapeWriter, placeholder_of, shapes_of
from retrieval.reasons import gettext_noop as _

if TYPE_CHECKING:
    from lxml.etree import _Element

_TITLES = ("title", "ctrTitle")


def read_slides(path: Path) -> Extracted:
    """Return what a presentation holds, also a template, a slide show and one with macros. Raises ParsingError."""
    blocks = Blocks()
    with open_package(path, ending="pptx", notes=blocks.notes) as package:
        main = package.main_part("pptx")
        root = package.root(main)
        slides = list(_slides(package, main, root))
        if not slides:
            raise ParsingError(_("It has no slides."))
        deck = _Deck(blocks, package, _authors(package, main))
        read = [deck.add_slide(part, number) for number, part in enumerate(slides, start=1)]
        if not any(read):
            raise ParsingError(_("The file is broken: none of its slides can be read."))
        blocks.title = package.title()
        return blocks.extracted(dated=first_date(package.dates()))


def _slides(package: OfficePackage, main: str, root: _Element) -> Iterator[str]:
    """Yield the part of each slide, empty when it is missing."""
    relations = package.relations(main)
    for number, slide in enumerate(root.iterfind("{*}sldIdLst/{*}sldId"), start=1):
        usual = f"ppt/slides/slide{number}.xml"  # where the relations are broken
        yield package.target(main, slide.get(RELATIONS + "id")) or (usual if not relations and usual in package else "")


class _Deck:
    """Appends one slide after another. What stands on many of them, as a footer or a layout's text, is given once."""

    def __init__(self, blocks: Blocks, package: OfficePackage, authors: dict[str, str]) -> None:
        self._blocks = blocks
        self._package = package
        self._authors = authors
        self._said: set[str] = set()
        self._backgrounds: set[str] = set()

    def add_slide(self, part: str, number: int) -> bool:
        """Append the slide on a page of its own and return whether it could be read; what can't be is noted."""
        blocks, package = self._blocks, self._package
        blocks.begin_page()
        root = package.root_or_note(part) if part else None
        if root is None:
            blocks.notes.add("parts", f"Slide {number}")
            return False
        if root.get("show") in ("0", "false"):  # a hidden slide is counted, as PowerPoint does, and not shown
            words = _title_of(list(shapes_of(_tree(root), Notes())))[1]
            blocks.notes.add("hidden_text", f"Slide {number}: {words}" if words else f"Slide {number}")
            return True
        shapes = list(shapes_of(_tree(root), blocks.notes))
        title, words = _title_of(shapes)
        blocks.add(words or f"Slide {number}", level=1)
        writer = ShapeWriter(blocks, package, part, said=self._said)
        for shape in shapes:
            if shape is not title or not words:
                writer.add(shape)
        self._add_background(part)
        self._add_comments(part)
        self._add_notes(part)
        return True

    def _add_background(self, part: str) -> None:
        """Append what the slide's layout and its master say themselves, where it is met first."""
        for layout in self._package.related(part, "slideLayout"):
            for place in (layout, *self._package.related(layout, "slideMaster")):
                root = None if place in self._backgrounds else self._package.root_or_note(place)
                self._backgrounds.add(place)
                if root is None:
                    continue
                writer = ShapeWriter(self._blocks, self._package, place, said=self._said)
                for shape in shapes_of(_tree(root), self._blocks.notes):
                    if shape.tag == P + "sp" and placeholder_of(shape) == ("", ""):
                        writer.add_once(written_on(shape))

    def _add_comments(self, part: str) -> None:
        for name in self._package.related(part, "comments"):
            root = self._package.root_or_note(name)
            for comment in root.iterchildren("{*}cm") if root is not None else ():
                said = [comment, *comment.iterfind("{*}replyLst/{*}reply")]
                for number, one in enumerate(said):
                    self._add_comment(one, close=number > 0)

    def _add_comment(self, comment: _Element, *, close: bool) -> None:
        body = comment.find("{*}txBody")
        text = written_on(body) if body is not None else comment.findtext("{*}text") or ""
        author = self._authors.get(comment.get("authorId") or "", "")
        if text.strip():
            self._blocks.add(f"Comment{f' by {author}' if author else ''}: {text.strip()}", close=close)

    def _add_notes(self, part: str) -> None:
        for name in self._package.related(part, "notesSlide")[:1]:
            root = self._package.root_or_note(name)
            shapes = shapes_of(_tree(root), self._blocks.notes)
            bodies = [shape for shape in shapes if placeholder_of(shape) == ("", "") or _is_body(shape)]
            if text := "\n".join(filter(None, map(written_on, bodies))):
                self._blocks.add(f"Notes: {text}")


def _tree(root: _Element | None) -> _Element | None:
    return root.find("{*}cSld/{*}spTree") if root is not None else None


def _title_of(shapes: list[_Element]) -> tuple[_Element | None, str]:
    """Return the shape in the place of the title and what is written on it; None and nothing without one."""
    title = next((shape for shape in shapes if placeholder_of(shape)[0] in _TITLES), None)
    return title, " ".join(written_on(title).split()) if title is not None else ""


def _is_body(shape: _Element) -> bool:
    return placeholder_of(shape)[0] == "body"


def _authors(package: OfficePackage, main: str) -> dict[str, str]:
    """Return the names of those who comment, by id."""
    return {author.get("id") or "": author.get("name") or "" for author in _author_elements(package, main)}


def _author_elements(package: OfficePackage, main: str) -> Iterator[_Element]:
    for name in package.related(main, "commentAuthors", "authors"):
        root = package.root_or_note(name)
        if root is not None:
            yield from root.iterchildren("{*}cmAuthor", "{*}author")
