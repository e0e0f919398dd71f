"""LaTeX: its text with headings, lists and table rows; formulas stay as TeX; comments and what only lays out goes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from retrieval.parsing.formats.extracted import Blocks, Extracted, clean, plausible_date, row_line
from retrieval.parsing.formats.plain.encodings import declared_in, decode

_LEVELS = {
    "part": 1, "chapter": 2, "section": 3, "subsection": 4, "subsubsection": 5, "paragraph": 6, "frametitle": 6,
}  # fmt: skip
_MATHS = set("equation align alignat gather multline eqnarray displaymath math flalign split".split())
_VERBATIM = set("verbatim Verbatim lstlisting minted alltt BVerbatim comment".split())
_TABLES = set("tabular tabularx tabulary longtable array supertabular".split())
# Whose argument is no text of the document: how many arguments go.
_SILENT = {
    "label": 1, "vspace": 1, "hspace": 1, "includegraphics": 1, "usepackage": 1, "bibliographystyle": 1,
    "documentclass": 1, "pagestyle": 1, "thispagestyle": 1, "setlength": 2, "setcounter": 2, "addtocounter": 2,
    "newcommand": 2, "renewcommand": 2, "providecommand": 2, "newenvironment": 3, "bibliography": 1, "input": 1,
    "include": 1, "color": 1, "textcolor": 1, "definecolor": 3, "hypersetup": 1, "geometry": 1, "index": 1, "cline": 1,
    "cmidrule": 1, "addcontentsline": 3, "newtheorem": 2, "DeclareMathOperator": 2, "fontsize": 2, "rule": 2,
    "graphicspath": 1, "pagenumbering": 1, "hyphenation": 1, "phantomsection": 0, "multicolumn": 2, "multirow": 2,
    "def": 1, "lstset": 1, "usetikzlibrary": 1, "tikzset": 1, "ifdefined": 0,
    "parbox": 1, "colorbox": 1, "fcolorbox": 2, "raisebox": 1,
}  # fmt: skip
_SIGNS = {
    "textbackslash": "\\", "ldots": "…", "dots": "…", "textendash": "–", "textemdash": "—", "ss": "ß", "ae": "æ",
    "AE": "Æ", "oe": "œ", "OE": "Œ", "o": "ø", "O": "Ø", "aa": "å", "AA": "Å", "l": "ł", "L": "Ł", "i": "ı",
    "euro": "€", "texteuro": "€", "EUR": "€", "pounds": "£", "textsterling": "£", "S": "§", "P": "¶", "copyright": "©",
    "textregistered": "®", "texttrademark": "™", "textdegree": "°", "degree": "°", "LaTeX": "LaTeX", "TeX": "TeX",
    "textasciitilde": "~", "textasciicircum": "^", "textbar": "|", "quad": " ", "qquad": " ", "par": "\n\n",
    "newline": "\n", "linebreak": "\n", "glqq": "„", "grqq": "“", "guillemotleft": "«", "guillemotright": "»",
    "textbullet": "•", "today": "", "slash": "/", "dag": "†", "textquoteright": "’", "tabularnewline": "\n",
}  # fmt: skip
_ACCENTS = {
    "'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304", ".": "\u0307",
    "c": "\u0327", "v": "\u030c", "u": "\u0306", "H": "\u030b", "k": "\u0328", "r": "\u030a", "d": "\u0323",
}  # fmt: skip
_TOKEN = re.compile(r"\\[a-zA-Z@]+\*?|\\.|[{}$~&%]|-{2,3}|``|''|\\\n", re.DOTALL)
_ACCENTED = re.compile(
    r"[ \t]{0,9}(?:\{[ \t]{0,9}(\\[ij]|[a-zA-Z])[ \t]{0,9}\}|(\\[ij](?![a-zA-Z])[ \t]{0,9}|[a-zA-Z]))"
)
_VERB = re.compile(r"([^\sa-zA-Z*])([^\n]{0,2000}?)\1")
_MACRO = re.compile(r"\\(?:re)?newcommand\*?[ \t]{0,9}\{?[ \t]{0,9}\\([a-zA-Z]{1,60})[ \t]{0,9}\}?[ \t]{0,9}(?=\{)")
_MACROS_LIMIT = 500  # of a file's own, which stand for a text
_MACRO_CHARACTERS = 500  # of what one stands for
_EXPANDED_LIMIT = 1_000_000  # characters of all that they stand for
_DEPTH_LIMIT = 20
_GROUP_LIMIT = 20_000  # characters of an argument
_SCAN_LIMIT = 5_000_000  # characters of all arguments, those in others again
_HEADING_MARK = "\x00"  # cleaned text holds none


def read_tex(path: Path) -> Extracted:
    content = path.read_bytes()
    blocks = Blocks()
    text = clean(decode(content, notes=blocks.notes, declared=declared_in(content)))
    head, begun, body = text.partition("\\begin{document}")
    title, date = _argument_of(head, "title"), _argument_of(head, "date")
    if not begun:
        head, body = "", text
    reader = _TexReader(blocks)
    reader.learn(text)
    if title:
        blocks.add(reader.plain(title), level=1)
        blocks.title = reader.plain(title)
    for name in ("author", "date"):
        if begun and (said := reader.plain(_argument_of(head, name))):
            blocks.add(said, close=True)
    reader.write(body.partition("\\end{document}")[0], below=1 if title else 0)
    return blocks.extracted(dated=plausible_date(date))


def _argument_of(text: str, command: str) -> str:
    option = r"[ \t\n]{0,9}(?:\[[^\]\n]{0,300}\])?[ \t]{0,9}"
    found = re.search(rf"^[^%\n]{{0,300}}?\\{command}{option}\{{", text, re.MULTILINE)
    return text[found.end() : _group_end(text, found.end() - 1) - 1] if found else ""


def _group_end(text: str, start: int) -> int:
    """Return the place behind the group that begins at `start` with a brace; behind the brace if it never ends."""
    depth = 0
    for found in re.compile(r"\\.|[{}]", re.DOTALL).finditer(text, start, start + _GROUP_LIMIT):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if depth == 0:
            return found.end()
    return start + 1


class _TexReader:
    """Turn TeX into text, and append that to `blocks`."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._headings: list[tuple[int, str]] = []
        self._lists: list[int] = []  # the numbers of open lists; -1 for one without
        self._tables: list[int] = []  # where in the output open tables begin
        self._scanned = 0
        self._expanded = 0
        self._endless: set[str] = set()  # what ends verbatim text and formulas, and stands nowhere further on
        self._macros: dict[str, str] = {}  # of the file's own, without arguments

    def learn(self, tex: str) -> None:
        """Learn the macros that stand for a text."""
        for found in _MACRO.finditer(tex):
            said = tex[found.end() + 1 : max(found.end() + 1, self._end_of(tex, found.end()) - 1)]
            if len(self._macros) < _MACROS_LIMIT and len(said) <= _MACRO_CHARACTERS and "#" not in said:
                self._macros[found[1]] = said

    def plain(self, tex: str) -> str:
        """Return a short text on one line."""
        return " ".join("".join(self._walk(tex, 1)).replace("\x00", " ").split())

    def write(self, body: str, *, below: int) -> None:
        """Append the body; its highest headings are one level below `below`."""
        self._headings.clear()
        text = "".join(self._walk(body, 0))
        highest = min((level for level, _title in self._headings), default=1)
        headings = iter(self._headings)
        for paragraph in re.split(r"\n[ \t]*\n\s*", text):
            parts = paragraph.split(_HEADING_MARK)
            for number, part in enumerate(parts):
                if number % 2:
                    level, title = next(headings, (highest, part))
                    self._blocks.add(title, level=min(level - highest + 1 + below, 6))
                else:
                    self._blocks.add("\n".join(" ".join(line.split()) for line in part.split("\n") if line.strip()))

    def _end_of(self, tex: str, start: int) -> int:
        """Return the place behind a group, as far as all of them together take no long time."""
        if self._scanned > _SCAN_LIMIT:
            return start + 1
        end = _group_end(tex, start)
        self._scanned += end - start if end > start + 1 else _GROUP_LIMIT
        return end

    def _find(self, tex: str, closing: str, at: int, end: int) -> int:
        """Return where `closing` stands; -1 without one, which is remembered of a long text."""
        if closing in self._endless and len(tex) > _GROUP_LIMIT:
            return -1
        found = tex.find(closing, at, end)
        if found < 0 and len(tex) > _GROUP_LIMIT and (end >= len(tex) or tex.find(closing, end) < 0):
            self._endless.add(closing)
        return found

    def _walk(self, tex: str, depth: int) -> list[str]:
        out: list[str] = []
        at = 0
        while found := _TOKEN.search(tex, at):
            out.append(tex[at : found.start()])
            at = self._step(tex, found, out, depth)
        out.append(tex[at:])
        return out

    def _step(self, tex: str, found: re.Match[str], out: list[str], depth: int) -> int:
        """Append what a token stands for; return the place behind what belongs to it."""
        mark, at = found[0], found.end()
        if mark == "%":
            end = tex.find("\n", at)
            self._blocks.notes.add("hidden_text")
            return len(tex) if end < 0 else end + 1 if tex[end + 1 : end + 2].strip() else end
        if mark == "$":
            return self._formula(tex, at - 1, "$$" if tex[at : at + 1] == "$" else "$", out)
        if mark in ("\\[", "\\("):
            return self._formula(tex, at - 2, "\\]" if mark == "\\[" else "\\)", out)
        if mark in _PLAIN:
            out.append("\n" if mark == "\\\\" else " | " if mark == "&" and self._tables else _PLAIN[mark])
            return self._skip_option(tex, at) if mark == "\\\\" else at
        if letter := self._accented(tex, mark, at):
            out.append((letter[1] or letter[2]).strip().removeprefix("\\") + _ACCENTS[mark[1:]])
            return letter.end()
        if mark[0] == "\\" and mark[1].isalpha():
            return self._command(tex, mark[1:].rstrip("*"), at, out, depth)
        out.append(mark[1:])
        return at

    def _accented(self, tex: str, mark: str, at: int) -> re.Match[str] | None:
        if mark[1:] not in _ACCENTS or (mark[1] in "cvuHkrd" and tex[at : at + 1] not in ("{", " ")):
            return None
        return _ACCENTED.match(tex, at)

    def _formula(self, tex: str, start: int, closing: str, out: list[str]) -> int:
        opened = start + (2 if closing != "$" else 1)
        end = self._find(tex, closing, opened, opened + _GROUP_LIMIT)
        if end < 0:
            out.append(tex[start:opened])
            return opened
        sign = "$$" if closing in ("$$", "\\]") else "$"
        out.append(f"{sign}{' '.join(tex[opened:end].split())}{sign}")
        return end + len(closing)

    def _command(self, tex: str, name: str, at: int, out: list[str], depth: int) -> int:
        if name in ("begin", "end"):
            return self._environment(tex, name, at, out, depth)
        if name in _SIGNS:
            out.append(_SIGNS[name])
            return at + (tex[at : at + 2] == "{}") * 2 if tex[at : at + 1] != " " else at + 1
        if name in self._macros and depth < _MACRO_DEPTH and self._expanded < _EXPANDED_LIMIT:
            self._expanded += len(self._macros[name]) + 1
            out.append("".join(self._walk(self._macros[name], depth + 1)))
            return at + 2 if tex[at : at + 2] == "{}" else at + (tex[at : at + 1] == " ")
        if name in _RAW:
            return self._raw(tex, name, at, out, depth)
        if name in _FRACTIONS or name in _UNITS:
            return self._quantity(tex, name, at, out, depth)
        if name in _LEVELS:
            title, at = self._argument(tex, at, depth)
            if title.strip() and depth == 0:
                self._headings.append((_LEVELS[name], title))
                out.append(f"\n\n{_HEADING_MARK}{title}{_HEADING_MARK}\n\n")
            else:
                out.append(f" {title} ")
            return at
        if name == "item":
            return self._item(tex, at, out, depth)
        if name in ("footnote", "footnotetext", "thanks", "cite", "citep", "citet", "parencite", "ref", "eqref"):
            said, at = self._argument(tex, at, depth)
            out.append(f" ({said.strip()})" if name.startswith(("foot", "thanks")) else f"[{said.strip()}]")
            return at
        return self._pass_over(tex, name, at)

    def _raw(self, tex: str, name: str, at: int, out: list[str], depth: int) -> int:
        """Append an argument in which % and the like are signs."""
        if name in ("verb", "lstinline") and (found := _VERB.match(tex, at)):
            out.append(found[2])
            return found.end()
        at = self._skip_option(tex, at)
        if tex[at : at + 1] != "{":
            return at
        end = self._end_of(tex, at)
        if end == at + 1:
            return end
        address = tex[at + 1 : end - 1].replace("\\%", "%").replace("\\#", "#").replace("\\_", "_").replace("\\&", "&")
        if name != "href":
            out.append(address)
        elif tex[end : end + 1] == "{" and (shown := self._end_of(tex, end)) > end + 1:
            said, _end = self._argument(tex, end, depth)
            out.append(f"{said} ({address})" if address and address != said else said)
            return shown
        return end

    def _quantity(self, tex: str, name: str, at: int, out: list[str], depth: int) -> int:
        """Append a fraction, or a number and its unit."""
        said = []
        for _argument in range(1 if name in ("si", "unit", "num", "ang") else 2):
            begin = self._skip_option(tex, at)
            text, at = self._argument(tex, at, depth)
            if name in _UNITS and "\\" in tex[begin:at]:
                text = _unit(tex[begin + 1 : at - 1])
            said.append(text)
        out.append(("/" if name in _FRACTIONS else " ").join(filter(None, said)) + ("°" if name == "ang" else ""))
        return at

    def _item(self, tex: str, at: int, out: list[str], depth: int) -> int:
        label = re.compile(r"[ \t]{0,9}\[([^\]\n]{0,300})\]").match(tex, at)
        if self._lists and self._lists[-1] >= 0:
            self._lists[-1] += 1
        line = "" if out and out[-1].endswith("\n") else "\n"
        if label:
            out.append(f"{line}- {self.plain(label[1]) if depth < _DEPTH_LIMIT else label[1]}: ")
            return label.end()
        out.append(f"{line}{self._lists[-1]}. " if self._lists and self._lists[-1] > 0 else f"{line}- ")
        return at

    def _pass_over(self, tex: str, name: str, at: int) -> int:
        """Skip a command, and the arguments that are no text."""
        if name == "includegraphics":
            self._blocks.notes.add("pictures")
        if name in ("input", "include") and tex[at : at + 1] == "{":
            self._blocks.notes.add("parts", tex[at + 1 : self._end_of(tex, at) - 1])
        at = self._skip_option(tex, at)
        for _argument in range(_SILENT.get(name, 0)):
            at = self._skip_option(tex, at)
            if name == "def" and "{" in tex[at : at + 100]:
                at = tex.index("{", at)
            if tex[at : at + 1] != "{":
                break
            at = self._end_of(tex, at)
        return at + (tex[at : at + 1] == " " and name not in _SILENT)

    def _argument(self, tex: str, at: int, depth: int) -> tuple[str, int]:
        at = self._skip_option(tex, at)
        if tex[at : at + 1] != "{" or depth > _DEPTH_LIMIT:
            return "", at
        end = self._end_of(tex, at)
        return " ".join("".join(self._walk(tex[at + 1 : end - 1], depth + 1)).split()), end

    def _skip_option(self, tex: str, at: int) -> int:
        found = re.compile(r"(?:[ \t]{0,9}\[[^\]\n]{0,500}\]|\*)?").match(tex, at)
        return found.end() if found else at

    def _environment(self, tex: str, kind: str, at: int, out: list[str], depth: int) -> int:
        if tex[at : at + 1] != "{":
            return at
        end = self._end_of(tex, at)
        name = tex[at + 1 : end - 1].strip()
        bare = name.rstrip("*")
        if kind == "begin" and (bare in _MATHS or bare in _VERBATIM):
            return self._verbatim(tex, name, end, out)
        if bare in _TABLES:
            return self._begin_table(tex, end, out) if kind == "begin" else self._end_table(end, out)
        if bare in ("itemize", "enumerate", "description"):
            if kind == "begin":
                self._lists.append(0 if bare == "enumerate" else -1)
            elif self._lists:
                self._lists.pop()
        if bare == "frame" and kind == "begin":
            end = self._skip_option(tex, end)
            if tex[end : end + 1] == "{":
                return self._command(tex, "frametitle", end, out, depth)
        out.append("\n\n")
        end = self._skip_option(tex, end) if kind == "begin" else end
        if kind == "begin" and bare in ("minipage", "multicols", "wrapfigure", "adjustwidth", "spacing"):
            for _argument in range(2 if bare in ("wrapfigure", "adjustwidth") else 1):
                end = self._skip_option(tex, end)
                end = self._end_of(tex, end) if tex[end : end + 1] == "{" else end
        return end

    def _verbatim(self, tex: str, name: str, at: int, out: list[str]) -> int:
        closing = f"\\end{{{name}}}"
        end = self._find(tex, closing, at, len(tex))
        if end < 0:
            return at
        inside = tex[at:end].strip("\n")
        if name.rstrip("*") == "comment":
            self._blocks.notes.add("hidden_text")
        elif name.rstrip("*") in _MATHS:
            label_free = re.sub(r"\\label\{[^{}]{0,200}\}", "", inside)
            out.append(f"\n\n$${' '.join(label_free.split())}$$\n\n")
        else:
            out.append(f"\n\n{inside[self._skip_option(inside, 0) :]}\n\n")
        return end + len(closing)

    def _begin_table(self, tex: str, at: int, out: list[str]) -> int:
        at = self._skip_option(tex, at)
        for _argument in range(2):  # a width, the columns
            if tex[at : at + 1] == "{":
                at = self._end_of(tex, at)
        out.append("\n\n")
        self._tables.append(len(out))
        return at

    def _end_table(self, at: int, out: list[str]) -> int:
        start = self._tables.pop() if self._tables else len(out)
        rows = _rows("".join(out[start:]))
        del out[start:]
        out.append("\n".join(rows) + "\n\n")
        return at


_UNIT_SIGNS = {
    "kilo": "k", "milli": "m", "centi": "c", "deci": "d", "mega": "M", "giga": "G", "tera": "T", "nano": "n",
    "micro": "µ", "hecto": "h", "pico": "p", "gram": "g", "metre": "m", "meter": "m", "second": "s", "hour": "h",
    "minute": "min", "day": "d", "litre": "l", "liter": "l", "kilogram": "kg", "kelvin": "K", "ampere": "A",
    "volt": "V", "watt": "W", "joule": "J", "newton": "N", "pascal": "Pa", "bar": "bar", "hertz": "Hz", "mole": "mol",
    "candela": "cd", "ohm": "Ω", "percent": "%", "degree": "°", "celsius": "°C", "degreeCelsius": "°C", "tonne": "t",
    "per": "/", "squared": "²", "cubed": "³", "square": "square ", "cubic": "cubic ", "of": " ", "byte": "B",
    "kg": "kg", "km": "km", "cm": "cm", "mm": "mm", "kW": "kW", "kWh": "kWh", "MHz": "MHz", "GHz": "GHz", "Pa": "Pa",
}  # fmt: skip
_MACRO_DEPTH = 5  # of macros in macros
_RAW = {"url", "path", "nolinkurl", "href", "verb", "lstinline"}
_FRACTIONS = {"frac", "tfrac", "dfrac", "nicefrac", "sfrac"}
_UNITS = {"SI", "qty", "si", "unit", "num", "ang"}
_PLAIN = {
    "{": "", "}": "", "~": "\u00a0", "&": "&", "---": "—", "--": "–", "``": "“", "''": "”", "\\\\": "\n", "\\ ": " ",
    "\\,": " ", "\\;": " ", "\\:": " ", "\\!": "", "\\-": "", "\\/": "", "\\@": "", "\\%": "%", "\\&": "&", "\\$": "$",
    "\\#": "#", "\\_": "_", "\\{": "{", "\\}": "}", "\\\n": " ",
}  # fmt: skip


def _unit(tex: str) -> str:
    """Return a unit of siunitx, in words of TeX, as they are shown: km/h for \\kilo\\metre\\per\\hour."""
    shown = re.sub(r"\\([a-zA-Z]+)", lambda found: _UNIT_SIGNS.get(found[1], f" {found[1]} "), tex)
    return " ".join(shown.replace("~", " ").replace("{", "").replace("}", "").split())


def _rows(text: str) -> Iterator[str]:
    for row in text.split("\n"):
        if line := row_line(row.split(" | ")) if " | " in row else row.strip():
            yield line
