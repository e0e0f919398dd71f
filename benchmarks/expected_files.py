"""Files of which somebody has said what must be read, in a table by kind.

    python -m benchmarks.expected_files FOLDER          # its expectations.json says what is right for each file
    python -m benchmarks.expected_files FOLDER --show   # and what was read of those that are wrong

`expectations.json` is a list of objects: `name`, `kind`, `must` and `must_not` (entries that hold, or don't, of the
text that was read), `note`, and with `or_notice` a pattern `notice` that a note on the document, or the reason why it
was refused, may match instead. An entry is a string that the text contains, or an object: `re`, `raw` (with line ends),
`any`, `not`, `notice`, `heading` with `level`, `page` with `has`. Texts are compared in NFC, with every run of white
space as one space. Of an `.sse` file, the stream of a model, the text is the answer that the agent gives.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from agents import Agent, run
from agents.models.openai_model import OpenAIModel
from retrieval.errors import RetrievalError
from retrieval.parsing.formats import Extracted
from retrieval.parsing.parsers import parse
from tests.fakes.chat_server import ChatServer, Reply

Entry = str | dict[str, Any]


@dataclass(frozen=True)
class FileRead:
    """What became of a file: its text, and what is said of it."""

    extracted: Extracted
    said: Sequence[str]

    @property
    def text(self) -> str:
        return flat(self.extracted.text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--show", action="store_true", help="print what was read of those that are wrong")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    wrong = check_all(arguments.folder, show=arguments.show)
    sys.exit(f"{wrong} files are read wrong." if wrong else 0)


def check_all(folder: Path, *, show: bool) -> int:
    """Print a row for each kind, and what is wrong. Return how many files are."""
    by_kind: dict[str, list[tuple[str, list[str]]]] = defaultdict(list)
    for expected in json.loads((folder / "expectations.json").read_text()):
        read = read_file(folder / expected["name"])
        faults = faults_of(read, expected)
        by_kind[expected["kind"]].append((expected["name"], faults))
        if faults and show:
            print(f"--- {expected['name']}: {expected['note']}\n{read.extracted.text}\n{[*read.said]}\n")
    print(f"{'kind':<32}{'files':>7}{'right':>7}")
    for kind, files in by_kind.items():
        print(f"{kind:<32}{len(files):>7}{sum(not faults for _, faults in files):>7}")
        for name, faults in files:
            for fault in faults:
                print(f"    {name}: {fault}")
    files = [faults for some in by_kind.values() for _, faults in some]
    print(f"{'all':<32}{len(files):>7}{sum(not faults for faults in files):>7}")
    return sum(map(bool, files))


def read_file(path: Path) -> FileRead:
    if path.suffix == ".sse":
        return FileRead(Extracted(answer_of(path.read_bytes())), [])
    try:
        extracted = parse(path, filename=path.name)
    except RetrievalError as error:
        return FileRead(Extracted(""), [str(error)])
    return FileRead(extracted, [str(note.reason) for note in extracted.notes])


def answer_of(stream: bytes) -> str:
    """Return the answer of an agent whose model sends this stream."""
    with ChatServer() as server:
        server.script(Reply([stream]))
        model = OpenAIModel("model", base_url=server.url, api_key="none")
        return run(Agent("reader", "", model=model), "Which variable?").content


def faults_of(read: FileRead, expected: dict[str, Any]) -> list[str]:
    missing = [f"lacks {entry}" for entry in expected["must"] if not holds(entry, read)]
    wrong = [f"has {entry}" for entry in expected["must_not"] if holds(entry, read)]
    if (missing or wrong) and expected.get("or_notice") and matches_said(read, expected["notice"]):
        return []
    return missing + wrong


def holds(entry: Entry, read: FileRead) -> bool:
    """Return whether this entry of an expectation holds. Raises KeyError for a form that is none."""
    if isinstance(entry, str):
        return flat(entry) in read.text
    forms = {
        "re": lambda pattern: re.search(pattern, read.text) is not None,
        "raw": lambda pattern: re.search(pattern, unicodedata.normalize("NFC", read.extracted.text), re.M) is not None,
        "any": lambda entries: any(holds(one, read) for one in entries),
        "not": lambda one: bool(read.text) and not holds(one, read),
        "notice": partial(matches_said, read),
        "heading": lambda title: has_heading(read, title, entry.get("level")),
        "page": lambda number: flat(entry["has"]) in page_text(read, number),
    }
    form = next(iter(entry))
    return bool(forms[form](entry[form]))


def matches_said(read: FileRead, pattern: str) -> bool:
    return any(re.search(pattern, sentence) for sentence in read.said)


def has_heading(read: FileRead, title: str, level: int | None) -> bool:
    headings = read.extracted.headings
    return any(flat(heading.title) == flat(title) and level in (None, heading.level) for heading in headings)


def page_text(read: FileRead, number: int) -> str:
    starts = [*read.extracted.page_starts, len(read.extracted.text)]
    return flat(read.extracted.text[starts[number - 1] : starts[number]]) if number < len(starts) else ""


def flat(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


if __name__ == "__main__":
    main()
