"""How many words of other people's files are read, beside a second reader of each format.

    python -m benchmarks.words_kept FOLDER...                       # test files of other projects, say
    python -m benchmarks.words_kept FOLDER... --beside ../before    # and by another checkout, in the same run
    python -m benchmarks.words_kept FOLDER... --worst 10            # and the files that lose most

The second readers are pdftotext (poppler), pandoc, and for Excel and PowerPoint the text in their XML. A word counts
as often as the second reader has it. What it reads and a person would not see (deleted text, notes of a speaker that
are switched off) counts against us as well, so 100 % is not to be had: compare two checkouts, and look at the worst.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
import unicodedata
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
AT_MOST = 60  # files of one ending in one folder
SECONDS = 60  # for a second reader
_WORD = re.compile(r"\w+")
_PANDOC = {"docx": "docx", "odt": "odt", "rtf": "rtf", "epub": "epub", "html": "html", "ipynb": "ipynb", "rst": "rst"}
_XML_TEXT = {"xlsx": r"xl/(sharedStrings|worksheets/sheet\d+)\.xml", "pptx": r"ppt/slides/slide\d+\.xml"}
_OFFICE_TEXT = re.compile(rb"<(?:\w+:)?t(?: [^>]*)?>([^<]*)</(?:\w+:)?t>")


@dataclass(frozen=True)
class Outcome:
    """What one checkout made of a file: its text, or why there is none."""

    text: str
    refused: str
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--beside", type=Path, help="another checkout, printed before this one")
    parser.add_argument("--worst", type=int, default=0, metavar="N", help="name the N files of a format that lose most")
    parser.add_argument("--endings", default="", help="only these, divided by commas")
    parser.add_argument("--read", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read:
        read_from_standard_input()
        return
    paths = list(files_in(arguments.folders, endings=set(filter(None, arguments.endings.split(",")))))
    roots = [root for root in (arguments.beside, ROOT) if root]
    outcomes = [read_with(root, paths) for root in roots]
    seconds = [words_of(second_reading(path)) for path in paths]
    summarise(paths, outcomes, seconds)
    if arguments.worst:
        name_worst(paths, outcomes[-1], seconds, most=arguments.worst)


def files_in(folders: Iterable[Path], *, endings: set[str]) -> Iterator[Path]:
    from retrieval.parsing.formats import FORMATS

    counted: Counter[tuple[Path, str]] = Counter()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            ending = path.suffix[1:].lower()
            if ending not in (endings or FORMATS) or not path.is_file():
                continue
            counted[folder, ending] += 1
            if counted[folder, ending] <= AT_MOST:
                yield path


# ---- reading ---------------------------------------------------------------------------------------------------------


def read_with(root: Path, paths: Sequence[Path]) -> list[Outcome]:
    """Return what the checkout at `root` reads of each file, in a process of its own."""
    names = "\n".join(str(path.resolve()) for path in paths)
    command = [sys.executable, "-P", str(Path(__file__).resolve()), "--read"]
    variables = os.environ | {"PYTHONPATH": str(root)}
    done = subprocess.run(command, cwd=root, input=names, text=True, check=True, stdout=subprocess.PIPE, env=variables)
    return [Outcome(**json.loads(line)) for line in done.stdout.splitlines()]


def read_from_standard_input() -> None:
    from retrieval.errors import RetrievalError
    from retrieval.parsing.parsers import parse

    for line in sys.stdin.read().splitlines():
        began = time.perf_counter()
        text, refused = "", ""
        try:
            text = parse(Path(line), filename=Path(line).name).text
        except RetrievalError as error:
            refused = str(error)
        print(json.dumps({"text": text, "refused": refused, "seconds": time.perf_counter() - began}), flush=True)


def second_reading(path: Path) -> str:
    """Return what another program reads; empty where it fails, or none is known."""
    ending = path.suffix[1:].lower()
    if ending == "pdf":
        return output_of("pdftotext", str(path), "-")
    if ending in _PANDOC:
        return output_of("pandoc", "--from", _PANDOC[ending], "--to", "plain", "--wrap", "none", str(path))
    return xml_text(path, _XML_TEXT[ending]) if ending in _XML_TEXT else ""


def output_of(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout.decode(errors="replace") if done.returncode == 0 else ""


def xml_text(path: Path, pattern: str) -> str:
    from html import unescape

    try:
        with zipfile.ZipFile(path) as archive:
            parts = [archive.read(name) for name in archive.namelist() if re.fullmatch(pattern, name)]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError):
        return ""
    found = [text.decode(errors="replace") for part in parts for text in _OFFICE_TEXT.findall(part)]
    return unescape("\n".join(found))


# ---- figures ---------------------------------------------------------------------------------------------------------


def words_of(text: str) -> Counter[str]:
    return Counter(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def kept(outcome: Outcome, second: Counter[str]) -> tuple[int, int]:
    """Return how many of the second reader's words were read, and how many it has."""
    return sum((words_of(outcome.text) & second).values()), sum(second.values())


def summarise(paths: Sequence[Path], outcomes: Sequence[Sequence[Outcome]], seconds: Sequence[Counter[str]]) -> None:
    columns = ("read", "words kept", "kept, median", "s, median") * len(outcomes)
    print(f"{'format':<10}{'files':>7}" + "".join(f"{name:>14}" for name in columns))
    places: dict[str, list[int]] = defaultdict(list)
    for place, path in enumerate(paths):
        places[path.suffix[1:].lower()].append(place)
    for ending, those in sorted(places.items()):
        cells = [
            cell for side in outcomes for cell in _cells([side[at] for at in those], [seconds[at] for at in those])
        ]
        print(f"{ending:<10}{len(those):>7}" + "".join(f"{cell:>14}" for cell in cells))
    for side in outcomes:
        reasons = Counter((path.suffix, outcome.refused) for path, outcome in zip(paths, side, strict=True))
        print("\nrefused, and why")
        for (ending, reason), count in sorted(reasons.items()):
            if reason:
                print(f"{count:>6}  {ending:<7}{reason[:150]}")


def _cells(outcomes: Sequence[Outcome], seconds: Sequence[Counter[str]]) -> tuple[str, str, str, str]:
    counts = [kept(outcome, second) for outcome, second in zip(outcomes, seconds, strict=True) if second]
    whole = sum(total for _, total in counts)
    shares = [some / total for some, total in counts]
    return (
        str(sum(not outcome.refused for outcome in outcomes)),
        f"{sum(some for some, _ in counts) / whole:.2%}" if whole else "",
        f"{statistics.median(shares):.1%}" if shares else "",
        f"{statistics.median(outcome.seconds for outcome in outcomes):.3f}",
    )


def name_worst(
    paths: Sequence[Path], outcomes: Sequence[Outcome], seconds: Sequence[Counter[str]], *, most: int
) -> None:
    lost: dict[str, list[tuple[int, Path, str]]] = defaultdict(list)
    for path, outcome, second in zip(paths, outcomes, seconds, strict=True):
        some, whole = kept(outcome, second)
        if some < whole and not outcome.refused:
            missing = second - words_of(outcome.text)
            sample = " ".join(word for word, _ in missing.most_common(8))
            lost[path.suffix].append((whole - some, path, f"{whole - some:,} of {whole:,} words: {sample}"))
    rank: Callable[[tuple[int, Path, str]], int] = lambda entry: -entry[0]  # noqa: E731
    for ending, entries in sorted(lost.items()):
        print(f"\n{ending}")
        for _, path, told in sorted(entries, key=rank)[:most]:
            print(f"  {path.name[-50:]:<52}{told}")


if __name__ == "__main__":
    main()
