"""Fields of Word (ECMA-376-1, 17.16): their saved results are shown, their instructions are not."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from retrieval.notes import Notes
from retrieval.parsing.formats.office.symbols import symbol
from retrieval.parsing.formats.word.styles import W, integer, is_on

if TYPE_CHECKING:
    from lxml.etree import _Element

PAGE_NUMBERS = {"PAGE", "NUMPAGES", "SECTIONPAGES", "SECTION"}
# These mark a place, ask for something or are counted where they are shown: nothing of them is saved, or printed.
_SILENT = PAGE_NUMBERS | {"XE", "TC", "TA", "RD", "SET", "ASK", "BIBLIOGRAPHY", "ADVANCE", "PRIVATE", "PRINT", "NEXT"}
_INSTRUCTION_LIMIT = 2_000  # characters of one of its parts
_INSTRUCTION_PARTS = 100
_DEPTH = 20


@dataclass
class _Field:
    instruction: list[str] = field(default_factory=list)
    separated: bool = False
    boxed: bool = False  # a tick or a choice, which was shown where the field begins

    @property
    def name(self) -> str:
        words = "".join(self.instruction).split(maxsplit=1)
        return words[0].upper() if words else ""


class Fields:
    """The fields that are open at a place of one story. A story in which they don't end as they begin has none: then
    everything in it is shown."""

    def __init__(self, story: _Element, notes: Notes, *, numbers_pages: bool = False) -> None:
        """Take the story's root; with `numbers_pages`, as headers do, results that number pages are not shown."""
        self._notes = notes
        self._numbers_pages = numbers_pages
        self.page_numbers = 0  # that were left out
        self._open: list[_Field] = []
        self._balanced = _is_balanced(story)

    @property
    def hides(self) -> bool:
        """Return whether what stands here is an instruction, or the number of a page."""
        return any(
            not one.separated or (self._numbers_pages and one.name in PAGE_NUMBERS) for one in self._open[-_DEPTH:]
        )

    def instruct(self, text: str) -> None:
        """Take a part of the instruction of the innermost field."""
        if self._open and not self._open[-1].separated and len(self._open[-1].instruction) < _INSTRUCTION_PARTS:
            self._open[-1].instruction.append(text[:_INSTRUCTION_LIMIT])

    def pass_mark(self, mark: _Element) -> str:
        """Take the beginning, the middle or the end of a field; return what is to be shown there."""
        kind = mark.get(W + "fldCharType")
        if kind == "begin":
            shown = form_value(mark.find(W + "ffData"))
            if self._balanced:
                hidden = self.hides
                self._open.append(_Field(boxed=bool(shown)))
                return "" if hidden else shown
            return shown
        if kind == "separate" and self._open:
            self._open[-1].separated = True
        elif kind == "end" and self._open:
            ended = self._open.pop()
            if self.is_left_out("".join(ended.instruction)):
                return ""
            if not ended.separated and not ended.boxed and not self.hides:
                return self.without_result("".join(ended.instruction))
        return ""

    def is_left_out(self, instruction: str) -> bool:
        """Return whether a field only numbers the page, where that is left out; count it then."""
        words = instruction.split(maxsplit=1)
        left_out = self._numbers_pages and bool(words) and words[0].upper() in PAGE_NUMBERS
        self.page_numbers += left_out
        return left_out

    def without_result(self, instruction: str) -> str:
        """Return what a field shows that has no saved result; one that has to be worked out is noted."""
        words = _words(instruction)
        name = words[0].upper() if words else ""
        if name == "SYMBOL" and len(words) > 1:
            return _symbol_of(words)
        if name in ("MACROBUTTON", "GOTOBUTTON"):
            return " ".join(words[2:])
        if name == "QUOTE":
            return " ".join(word for word in words[1:] if not word.startswith("\\"))
        if name == "EQ":
            return " ".join(instruction.split()[1:])
        if name and name not in _SILENT and not name.startswith("FORM"):
            self._notes.add("fields", name)
        return ""


def form_value(form: _Element | None) -> str:
    """Return what an old form field shows by itself: a ticked or an empty box, or the chosen entry of a list."""
    if form is None:
        return ""
    box = form.find(W + "checkBox")
    if box is not None:
        checked = box.find(W + "checked")
        return "☒" if is_on(checked if checked is not None else box.find(W + "default")) else "☐"
    choices = form.find(W + "ddList")
    if choices is None:
        return ""
    entries = [entry.get(W + "val") or "" for entry in choices.iterchildren(W + "listEntry")]
    chosen = integer(choices.find(W + "result"))
    chosen = integer(choices.find(W + "default")) if chosen is None else chosen
    return entries[chosen or 0] if 0 <= (chosen or 0) < len(entries) else ""


def _is_balanced(story: _Element) -> bool:
    depth = 0
    for mark in story.iter(W + "fldChar"):
        if any(above.tag in (W + "del", W + "moveFrom") for above in mark.iterancestors()):
            continue
        depth += {"begin": 1, "end": -1}.get(mark.get(W + "fldCharType") or "", 0)
        if depth < 0:
            return False
    return depth == 0


def _symbol_of(words: list[str]) -> str:
    """Return the sign of a SYMBOL field: its number, and its font after \\f."""
    font = next((words[at + 1] for at, word in enumerate(words[:-1]) if word.lower() == "\\f"), "Symbol")
    try:
        return symbol(font, int(words[1], 0)) or ""
    except ValueError:
        return words[1][:1]


def _words(instruction: str) -> list[str]:
    splitter = shlex.shlex(instruction, posix=True)
    splitter.whitespace_split, splitter.escape, splitter.quotes, splitter.commenters = True, "", '"', ""
    try:
        return list(splitter)
    except ValueError:  # a quotation that doesn't end
        return instruction.split()
