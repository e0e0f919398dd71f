"""RTF: headings, lists, tables, notes and comments, as the page shows them."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from pathlib import Path

from retrieval.parsing.formats.extracted import Blocks, Extracted, first_date
from retrieval.parsing.formats.office.symbols import in_symbols, is_symbol_font
from retrieval.parsing.formats.plain.scripts import LOWERED, RAISED
from retrieval.parsing.formats.richtext.paragraphs import CellDefinition, Flow, Style
from retrieval.parsing.formats.richtext.tokens import Token, charset_encoding, decoded, page_encoding, tokens

_DEPTH = 5_000  # of groups; what is deeper is passed over, and noted
_SCRIPTS = {"super": RAISED, "sub": LOWERED}
_FONT_NAME = 100  # characters
_SIGNS = {
    "tab": "\t", "line": "\n", "lbr": "\n", "page": "\n", "column": "\n", "emdash": "—", "endash": "–", "lquote": "‘",
    "rquote": "’", "ldblquote": "“", "rdblquote": "”", "bullet": "•", "emspace": " ", "enspace": " ", "qmspace": " ",
    "zwj": "\u200d", "zwnj": "\u200c",
}  # fmt: skip
_SKIPPED = set(
    "colortbl listtable listoverridetable revtbl rsidtbl generator pict fldinst objdata objname objalias objsect "
    "themedata colorschememapping datastore latentstyles xmlnstbl filetbl bkmkstart bkmkend nonshppict shprslt sp "
    "datafield ftnsep ftnsepc ftncn aftnsep aftnsepc aftncn pgdsctbl nesttableprops nonesttables template falt "
    "panose atrfstart atrfend atnref atnparent atndate atntime atnicn private ffdeftext ffl ffname ffhelptext "
    "xe tc rxe operator author manager company category keywords doccomm hlinkbase passwordhash wgrffmtfilter mmathpr "
    "background pn pnseclvl defchp defpap userprops docvar listname listpicture formfield writereservhash "
    "subject comment buptim printim txe objtime blipuid picprop mmathpict protusertbl fontemb".split()
)
_ENTERED = set("shpinst annotation momath momathpara mmath ud atnid atnauthor shppict mr objclass cs ds".split())
_EDGES = {
    "header": "Header", "headerl": "Header", "headerr": "Header", "headerf": "Header",
    "footer": "Footer", "footerl": "Footer", "footerr": "Footer", "footerf": "Footer",
}  # fmt: skip
_OFF = {"v": "hidden", "deleted": "deleted"}


@dataclass
class _GroupState:
    """What a group inherits from the one around it."""

    flow: Flow
    skipped: bool = False
    place: str = ""
    hidden: bool = False
    deleted: bool = False
    shifted: str = ""
    encoding: str = ""
    font: int = -1
    replaced: int = 1
    level: int = 0
    style: int = -1
    in_table: bool = False
    listed: bool = False


class _RtfReader:
    def __init__(self) -> None:
        self.blocks = Blocks()
        self._body = Flow(self.blocks)
        self._state = _GroupState(self._body)
        self._stack: list[_GroupState] = []
        self._too_deep = 0
        self._encoding = "cp1252"
        self._fonts: dict[int, str] = {}
        self._font = 0
        self._font_names: dict[int, str] = {}
        self._styles: dict[int, Style] = {}
        self._style = -1
        self._bytes = bytearray()
        self._to_skip = 0
        self._starred = False
        self._definitions: list[CellDefinition] = []
        self._next = CellDefinition()
        self._footnotes: list[str] = []
        self._ended_footnotes = 0
        self._comments: list[str] = []
        self._edges: dict[str, None] = {}
        self._author = ""
        self._time: dict[str, int] = {}
        self._dates: dict[str, str] = {}
        self._title: list[str] = []

    def read(self, content: Iterable[Token]) -> Extracted:
        for token in content:
            self._take(token)
        while self._stack:  # groups without an end
            self._close()
        self._flush()
        self._end_paragraph()
        self._body.end_table()
        for text in (*self._footnotes, *self._comments, *self._edges):
            self.blocks.add(text)
        self.blocks.title = "".join(self._title)
        return self.blocks.extracted(dated=first_date(self._dates.get(kind) for kind in ("revtim", "creatim")))

    # ---- tokens ------------------------------------------------------------------------------------------------------

    def _take(self, token: Token) -> None:
        kind = token.kind
        if kind != "hex":
            self._flush()
        if kind == "{":
            self._open()
        elif kind == "}":
            self._close()
        elif self._too_deep:
            if kind == "text" and not self._state.skipped:
                self.blocks.notes.add("parts", "groups")
        elif kind == "word":
            self._word(token.text, token.number)
        elif kind == "sign":
            self._sign(token.text)
        elif not self._state.skipped:
            self._letters(token)

    def _letters(self, token: Token) -> None:
        """Take text or a byte; behind a character in Unicode come some that stand for it in old programs."""
        if token.kind == "hex":
            if self._to_skip:
                self._to_skip -= 1
            else:
                self._bytes.append(int(token.text, 16))
            return
        text = token.text[self._to_skip :]
        self._to_skip = max(0, self._to_skip - len(token.text))
        if text and text.isascii():
            self._add(text)
        elif text:
            self._bytes += text.encode("latin-1")
            self._flush()

    def _flush(self) -> None:
        if self._bytes:
            content, self._bytes = bytes(self._bytes), bytearray()
            self._add(decoded(content, self._state.encoding or self._encoding))

    def _open(self) -> None:
        self._to_skip = 0
        if self._too_deep or len(self._stack) >= _DEPTH:
            self._too_deep += 1
            return
        self._stack.append(self._state)
        self._state = copy(self._state)
        self._starred = False

    def _close(self) -> None:
        self._to_skip = 0
        if self._too_deep:
            self._too_deep -= 1
            return
        if not self._stack:
            return
        ended, self._state = self._state, self._stack.pop()
        if ended.flow is not self._state.flow:
            self._end_flow(ended)
        if ended.place in ("creatim", "revtim") and self._state.place != ended.place:
            year, month, day = (self._time.get(part, 0) for part in ("yr", "mo", "dy"))
            self._dates[ended.place] = f"{year:04}-{month:02}-{day:02}"
        # A paragraph's properties belong to the paragraph, not to the group that set them.
        if ended.flow is self._state.flow and not ended.place:
            for name in ("level", "style", "in_table", "listed"):
                setattr(self._state, name, getattr(ended, name))

    def _sign(self, sign: str) -> None:
        if sign == "*":
            self._starred = True
        elif sign in "\\{}" and not self._state.skipped:
            self._visible(sign)
        elif sign == "~":
            self._visible(" ")
        elif sign == "_":
            self._visible("-")
        elif sign in "\r\n":
            self._end_paragraph()

    def _visible(self, text: str) -> None:
        if self._to_skip:
            self._to_skip -= 1
        else:
            self._add(text)

    def _add(self, text: str) -> None:
        state = self._state
        if state.skipped or not text:
            return
        if state.place == "title":
            self._title.append(text)
        elif state.place == "fonttbl":
            self._font_names[self._font] = (self._font_names.get(self._font, "") + text)[:_FONT_NAME]
        elif state.place == "stylesheet":
            if self._style in self._styles:
                self._styles[self._style].name += text
        elif state.place == "atnauthor":
            self._author = text
        elif state.place == "objclass":
            self.blocks.notes.add("attachments", text)
        elif state.place in ("info", "atnid", "creatim", "revtim"):
            return
        elif state.hidden or state.deleted:
            self.blocks.notes.add("hidden_text" if state.hidden else "deleted_text")
        elif state.place == "listtext":
            state.flow.mark.append(self._in_font(text))
        else:
            state.flow.texts.append((self._in_font(text), _SCRIPTS.get(state.shifted, "")))

    def _in_font(self, text: str) -> str:
        """Return what the font shows in place of the text; signs without a name are noted."""
        font = self._font_names.get(self._state.font, "").strip(" ;")
        if self._state.encoding != "symbol" and not is_symbol_font(font):
            return text
        shown, unknown = in_symbols(text, font)
        for sign in unknown:
            self.blocks.notes.add("symbols", sign)
        return shown

    # ---- control words -----------------------------------------------------------------------------------------------

    def _word(self, word: str, number: int | None) -> None:
        starred, self._starred = self._starred, False
        if word == "ud" and self._state.place == "upr":  # the version in Unicode of what stands before it
            self._state.skipped, self._state.place = False, ""
        if self._state.skipped:
            return
        name = word.lower() if starred else word
        if word == "u":
            self._unicode(number or 0)
        elif word in _SIGNS:
            self._visible(_SIGNS[word])
        elif self._destination(name, starred=starred):
            return
        elif starred and name not in _ENTERED:
            self._state.skipped = True
        elif not (self._paragraph_word(word) or self._table_word(word, number) or self._format_word(word, number)):
            self._document_word(word, number)

    def _unicode(self, number: int) -> None:
        self._add(chr(number & 0xFFFF))
        self._to_skip = self._state.replaced

    def _destination(self, word: str, *, starred: bool) -> bool:
        """Return whether the word says what a group is for; what no page shows is passed over."""
        state = self._state
        if word in _SKIPPED:
            if word == "pict" and not state.skipped:
                self.blocks.notes.add("pictures")
            state.skipped = True
        elif word in ("fonttbl", "stylesheet", "info", "creatim", "revtim", "atnauthor", "atnid", "objclass"):
            state.place = word
        elif word == "title" and state.place == "info":
            state.place = "title"
        elif word in ("listtext", "pntext"):
            state.place = "listtext"
        elif word in _EDGES or word in ("footnote", "annotation"):
            if word == "footnote":
                state.flow.texts.append((f"[{len(self._footnotes) + 1}]", ""))
                self._footnotes.append("")
            state.flow = Flow()
            state.place, state.in_table, state.shifted, state.listed = word, False, "", False
        elif word == "shptxt":
            state.flow, state.place, state.in_table = Flow(), word, False
        elif word == "upr":
            state.place, state.skipped = "upr", True
        else:
            return word == "ud"
        return True

    def _end_flow(self, ended: _GroupState) -> None:
        text = ended.flow.text()
        flat = " ".join(text.split())
        if ended.place == "footnote":
            while self._ended_footnotes < len(self._footnotes) - 1 and self._footnotes[self._ended_footnotes]:
                self._ended_footnotes += 1
            number = self._ended_footnotes
            self._footnotes[number] = f"[{number + 1}] {flat}"
        elif ended.place == "annotation" and flat:
            author, self._author = " ".join(self._author.split()), ""
            self._comments.append(f"Comment{f' by {author}' if author else ''}: {flat}")
        elif ended.place in _EDGES and any(map(str.isalpha, flat)):
            self._edges[f"{_EDGES[ended.place]}: {flat}"] = None
        elif ended.place == "shptxt" and flat:
            self._comments.append(text)  # a box stands somewhere on the page

    def _paragraph_word(self, word: str) -> bool:
        state = self._state
        if word in ("par", "sect"):
            self._end_paragraph()
        elif word in ("cell", "nestcell"):
            if word == "cell":
                state.flow.end_cell()
            else:
                self._end_paragraph()
        elif word == "pard":
            state.level, state.style, state.in_table, state.listed = 0, -1, False, False
        elif word == "plain":
            state.hidden, state.deleted, state.shifted, state.encoding = False, False, "", ""
            state.font = -1
        else:
            return False
        return True

    def _end_paragraph(self) -> None:
        state = self._state
        level = state.level or self._level_of(state.style)
        state.flow.end_paragraph(level=level, in_table=state.in_table, listed=state.listed)

    def _level_of(self, style: int) -> int:
        for _step in range(10):
            known = self._styles.get(style)
            if known is None:
                return 0
            name = known.name.strip(" ;").lower()
            if known.level or name == "title":
                return known.level or 1
            if name.startswith("heading ") and name[8:9].isdigit():
                return int(name[8])
            style = known.based_on
        return 0

    def _table_word(self, word: str, number: int | None) -> bool:
        state = self._state
        if word == "row":
            state.flow.end_row(self._definitions)
        elif word == "trowd":
            self._definitions, self._next = [], CellDefinition()
        elif word == "cellx":
            self._next.edge = number or 0
            if len(self._definitions) < 1_000:
                self._definitions.append(self._next)
            self._next = CellDefinition()
        elif word in ("clvmgf", "clmgf"):
            self._next.first_of_rows = True
        elif word == "clvmrg":
            self._next.below = True
        elif word == "clmrg":
            self._next.beside = True
        elif word in ("intbl", "itap"):
            state.in_table = number != 0
        else:
            return False
        return True

    def _format_word(self, word: str, number: int | None) -> bool:
        state = self._state
        if word in _OFF:
            setattr(state, _OFF[word], number != 0)
        elif word in ("super", "sub"):
            state.shifted = word if number != 0 else ""
        elif word == "nosupersub":
            state.shifted = ""
        elif word in ("up", "dn"):
            state.shifted = "" if not number and number is not None else state.shifted
        elif word == "s":
            state.style = number if number is not None else -1
            if state.place == "stylesheet":
                self._style = state.style
                self._styles.setdefault(self._style, Style())
        elif word == "outlinelevel":
            level = number + 1 if number is not None and 0 <= number < 9 else 0
            if state.place == "stylesheet" and self._style in self._styles:
                self._styles[self._style].level = level
            else:
                state.level = level
        elif word == "ls":
            state.listed = bool(number)
        else:
            return False
        return True

    def _document_word(self, word: str, number: int | None) -> None:
        state = self._state
        if word == "ansicpg":
            self._encoding = page_encoding(number or 1252)
        elif word in ("mac", "pc", "pca"):
            self._encoding = {"mac": "mac_roman", "pc": "cp437", "pca": "cp850"}[word]
        elif word == "uc":
            state.replaced = min(max(number or 0, 0), 20)
        elif word == "f":
            self._font = number or 0
            if state.place != "fonttbl":
                state.encoding, state.font = self._fonts.get(self._font, ""), self._font
        elif word in ("fcharset", "cpg") and state.place == "fonttbl":
            self._fonts[self._font] = (
                charset_encoding(number or 0) if word == "fcharset" else page_encoding(number or 0)
            )
        elif word == "sbasedon" and self._style in self._styles:
            self._styles[self._style].based_on = number if number is not None else -1
        elif word in ("cs", "ds", "ts") and state.place == "stylesheet":
            self._style = -1
        elif word in ("yr", "mo", "dy"):
            self._time[word] = number or 0


def read_rtf(path: Path) -> Extracted:
    """Return what an RTF file holds."""
    return read_rtf_bytes(path.read_bytes())


def read_rtf_bytes(content: bytes) -> Extracted:
    """Return what RTF holds that stands in another file."""
    return _RtfReader().read(tokens(content))
