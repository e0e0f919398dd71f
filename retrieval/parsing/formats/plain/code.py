"""Source code, configuration and XML: kept as written, with what it defines as headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from retrieval.notes import Notes
from retrieval.parsing.formats.extracted import Extracted, clean
from retrieval.parsing.formats.plain.encodings import declared_in, decode
from retrieval.text.headings import Heading

LANGUAGES = {
    "py": "Python", "pyi": "Python",
    "js": "JavaScript", "mjs": "JavaScript", "cjs": "JavaScript", "jsx": "JavaScript",
    "ts": "TypeScript", "tsx": "TypeScript",
    "java": "Java", "kt": "Kotlin", "scala": "Scala", "cs": "C#", "swift": "Swift",
    "c": "C", "h": "C", "cc": "C++", "cpp": "C++", "hpp": "C++",
    "go": "Go", "rs": "Rust", "rb": "Ruby", "php": "PHP", "pl": "Perl", "lua": "Lua", "r": "R",
    "sh": "Shell", "bash": "Shell", "ps1": "PowerShell", "bat": "Batch", "sql": "SQL",
    "yaml": "YAML", "yml": "YAML", "toml": "TOML", "ini": "INI", "cfg": "INI", "conf": "INI", "properties": "INI",
    "css": "CSS", "scss": "CSS", "xml": "XML",
}  # fmt: skip
"""The language of a file by its ending."""

_NAME = r"[\w$.:~]{1,100}"
_CURLY = (
    r"(?:(?:export|default|declare|public|private|protected|internal|static|final|abstract|sealed|async|open|data|"
    rf"partial|pub(?:\(\w{{1,20}}\))?|unsafe|inline|virtual)[ \t]+){{0,6}}"
    rf"(?:function\*?|class|interface|enum(?: class)?|struct|trait|impl|mod|module|namespace|record|object|func|fn|fun|"
    rf"type|protocol|extension)\b[ \t]*(?:\([^()\n]{{0,100}}\)[ \t]*)?{_NAME}"
)
_DEFINES = {
    "Python": rf"(?:async[ \t]+)?(?:def|class)[ \t]+{_NAME}",
    "Ruby": rf"(?:def|class|module)[ \t]+{_NAME}",
    "Perl": rf"(?:sub|package)[ \t]+{_NAME}",
    "Lua": rf"(?:local[ \t]+)?function[ \t]+{_NAME}",
    "Shell": rf"(?:function[ \t]+{_NAME}|{_NAME}[ \t]*\(\))(?=[ \t]*(?:\{{|\n|$))",
    "PowerShell": r"(?:function|class)[ \t]+[\w:-]{1,100}",
    "SQL": r"create[ \t]+(?:or[ \t]+replace[ \t]+)?(?:unique[ \t]+)?"
    r"(?:table|view|function|procedure|trigger|index|type)"
    r"[ \t]+(?:if[ \t]+not[ \t]+exists[ \t]+)?[\w.\"`\[\]]{1,100}",
    "YAML": r"[\w./\"'-]{1,100}(?=:(?:[ \t]|\n|$))",
    "TOML": r"\[{1,2}[^\[\]\n]{1,200}\]{1,2}(?=[ \t]*(?:#|\n|$))",
    "INI": r"\[[^\[\]\n]{1,200}\](?=[ \t]*(?:[#;]|\n|$))",
}
_NONE = {"CSS", "XML", "Batch", "R"}
_INDENT_LIMIT = 8  # columns; what is defined deeper is a detail


def read_code(path: Path) -> Extracted:
    notes = Notes()
    content = path.read_bytes()
    text = clean(decode(content, notes=notes, declared=declared_in(content)))
    language = LANGUAGES.get(path.suffix[1:].lower()) or _language_of(text)
    return Extracted(text, headings=list(_headings(text, language)), notes=notes.all())


def _language_of(text: str) -> str:
    return "XML" if text.lstrip()[:1] == "<" else "Python" if "\ndef " in text else ""


def _headings(text: str, language: str) -> Iterator[Heading]:
    """Yield what is defined at the margin, and one step within it."""
    if language in _NONE or not language:
        return
    defines = _DEFINES.get(language, _CURLY)
    flags = re.MULTILINE | (re.IGNORECASE if language == "SQL" else re.NOFLAG)
    found = re.compile(rf"^([ \t]{{0,{_INDENT_LIMIT}}})({defines})", flags)
    nested = language not in {"YAML", "TOML", "INI", "SQL", "Shell"}
    for match in found.finditer(text):
        if not match[1] or nested:
            yield Heading(match.start(2), 2 if match[1] else 1, " ".join(match[2].split()).strip("[]\"'`: "))
