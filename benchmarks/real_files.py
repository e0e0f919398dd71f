"""What becomes of files that others wrote: documentation from Debian packages, or folders of your own.

    python -m benchmarks.real_files                  # downloads the packages below (about 30 MB), installs nothing
    python -m benchmarks.real_files ~/papers a.pdf
    python -m benchmarks.real_files --show 40 a.pdf  # and the first lines of each text

One row for each file: pages, characters, headings, chunks, language, date, seconds through the parser process, or why
it could not be read. Then, for the PDFs, pages a second through `parse` beside pypdfium2 alone in this process.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from retrieval.errors import RetrievalError
from retrieval.parsing.formats import FORMATS, Extracted
from retrieval.parsing.parsers import parse
from retrieval.text.chunks import estimate_tokens, split

PACKAGES = [
    "debian-faq",  # PDF, HTML, text; many languages
    "debmake-doc",  # PDF and EPUB; German, English, Japanese, Russian, Chinese
    "developers-reference",  # PDF, EPUB and HTML, by Sphinx
    "docutils-doc",  # HTML by docutils
    "live-manual-epub",  # EPUB in ten languages, by SiSU
    "pandoc-data",  # a Word template and its parts
    "python3-docx",
    "r-cran-officer",  # Word, PowerPoint and Excel, by Office itself
    "r-cran-openxlsx",  # Excel, among them broken and odd ones
    "r-cran-readxl",  # Excel, with merged cells, titles above tables, dates
    "ubuntu-packaging-guide-epub-de",
]
AT_MOST_OF_A_KIND = 25  # of one ending in one package
SMALLEST = 200  # bytes
REPEATS = 3


@dataclass(frozen=True)
class Row:
    """A file, and what became of it."""

    path: Path
    seconds: float
    extracted: Extracted | None
    chunks: int
    failure: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("places", nargs="*", type=Path, help="files and folders; without any, packages are downloaded")
    parser.add_argument("--show", type=int, default=0, metavar="LINES", help="print the beginning of each text")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="real-files-") as folder:
        places = arguments.places or [download(Path(folder))]
        rows = list(read_all(files_in(places), show=arguments.show))
        summarise(rows)
        compare_pages([row for row in rows if row.path.suffix == ".pdf" and row.extracted])


def download(folder: Path) -> Path:
    """Fetch and unpack the packages into `folder`, through apt, as this user."""
    for name in PACKAGES:
        done = subprocess.run(["apt-get", "download", "-qq", name], cwd=folder, capture_output=True, text=True)
        archives = list(folder.glob(f"{name}_*.deb"))
        if done.returncode or not archives:
            print(f"{name}: not to be had: {done.stderr.strip().splitlines()[-1:]}")
            continue
        (target := folder / "unpacked" / name).mkdir(parents=True)
        subprocess.run(["dpkg-deb", "-x", archives[0], target], check=True)
    return folder / "unpacked"


def files_in(places: Iterable[Path]) -> Iterator[Path]:
    counted: dict[tuple[str, str], int] = {}
    for place in places:
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.suffix[1:].lower() not in FORMATS or not path.is_file() or path.is_symlink():
                continue
            kind = (path.relative_to(place).parts[0] if place.is_dir() else str(path), path.suffix)
            counted[kind] = counted.get(kind, 0) + 1
            if path.stat().st_size >= SMALLEST and counted[kind] <= AT_MOST_OF_A_KIND:
                yield path


def read_all(paths: Iterable[Path], *, show: int) -> Iterator[Row]:
    columns = ("pages", "characters", "headings", "chunks", "lang", "dated", "seconds")
    print(f"{'file':<44}" + "".join(f"{name:>11}" for name in columns))
    for path in paths:
        began = time.perf_counter()
        try:
            extracted = parse(path, filename=path.name)
        except RetrievalError as error:
            row = Row(path, time.perf_counter() - began, None, 0, str(error))
            print(f"{path.name[-43:]:<44}  {row.failure}", flush=True)
        else:
            seconds = time.perf_counter() - began
            chunks = len(split(extracted.text, count_tokens=estimate_tokens, headings=extracted.headings))
            row = Row(path, seconds, extracted, chunks, "")
            cells = (
                len(extracted.page_starts) or "",
                f"{len(extracted.text):,}",
                len(extracted.headings),
                chunks,
                extracted.language,
                extracted.dated,
                f"{seconds:.2f}",
            )
            print(f"{path.name[-43:]:<44}" + "".join(f"{cell:>11}" for cell in cells), flush=True)
            if extracted.unread_pages:
                print(f"    {len(extracted.unread_pages)} pages hold only images")
            for line in extracted.text.splitlines()[:show]:
                print(f"    {line[:150]}")
        yield row


def summarise(rows: list[Row]) -> None:
    print(f"\n{'ending':<10}{'files':>8}{'read':>8}{'characters':>14}{'seconds, median':>17}{'longest':>10}")
    for ending in sorted({row.path.suffix for row in rows}):
        those = [row for row in rows if row.path.suffix == ending]
        read = [row.extracted for row in those if row.extracted]
        characters = sum(len(extracted.text) for extracted in read)
        seconds = [row.seconds for row in those]
        median, longest = statistics.median(seconds), max(seconds)
        print(f"{ending:<10}{len(those):>8}{len(read):>8}{characters:>14,}{median:>17.3f}{longest:>10.2f}")


def compare_pages(rows: list[Row]) -> None:
    """Alternating, so that what else the machine does slows both alike."""
    if not rows:
        return
    import pypdfium2

    print(f"\n{'PDF':<44}{'pages':>8}{'parse, pages/s':>16}{'pdfium alone':>14}{'ratio':>8}")
    for row in rows:
        through, alone = [], []
        for _ in range(REPEATS):
            began = time.perf_counter()
            extracted = parse(row.path, filename=row.path.name)
            through.append(time.perf_counter() - began)
            began = time.perf_counter()
            document = pypdfium2.PdfDocument(row.path)
            for page in document:
                page.get_textpage().get_text_bounded()
                page.close()
            document.close()
            alone.append(time.perf_counter() - began)
        pages = len(extracted.page_starts)
        ours, bare = pages / statistics.median(through), pages / statistics.median(alone)
        print(f"{row.path.name[-43:]:<44}{pages:>8}{ours:>16.0f}{bare:>14.0f}{ours / bare:>8.2f}")


if __name__ == "__main__":
    main()
