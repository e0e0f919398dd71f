"""Quotes on scanned pages and on pictures: where they stand, and what is drawn."""

from __future__ import annotations

import io
import random
from collections.abc import Callable

import pytest
from django.core.files.base import ContentFile
from PIL import Image

from retrieval.ingestion import ingest
from retrieval.models import Collection, Document, RecognisedPage
from retrieval.pages import pages
from retrieval.pages.layout import Box, boxes_of
from retrieval.texts import document_text
from tests.retrieval import files
from tests.retrieval.parsing.recognition import scans

Put = Callable[..., Document]
QUOTE = "Die Gäste zahlen im Winter nichts."


def boxes(document: Document, quote: str) -> tuple[int, tuple[Box, ...]]:
    start = document_text(document).index(quote)
    page = document.page_at(start) or 0
    return page, boxes_of(pages.page_lines(document, pages=[page])[page], start=start, end=start + len(quote))


def test_quote_is_marked_on_a_scanned_page(public: Collection, put: Put) -> None:
    document = put(public, "scan.pdf", scans.pdf("A page of text, long enough to be none.", scans.page(scans.GERMAN)))
    page, [box] = boxes(document, QUOTE)
    assert page == 2
    assert 0.05 < box.left < 0.07  # drawn from 60 of 1,000 pixels on
    assert 0.06 < box.top < 0.10 < 0.12 < box.bottom < 0.16  # and from 60 to 92 of 700
    page, [box] = boxes(document, "page of text")
    assert page == 1
    [word] = boxes(document, "Winter")[1]
    assert 0.3 < word.left < word.right < 0.5


@pytest.mark.parametrize("orientation", [1, 6])
def test_quote_is_marked_on_a_picture_as_it_is_shown(public: Collection, put: Put, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    picture = scans.page(scans.GERMAN)
    lying = picture if orientation == 1 else picture.rotate(90, expand=True)
    document = put(public, "photo.jpg", scans.encoded(lying, "JPEG", exif=exif.tobytes()))
    assert (document.page_count, pages.has_pages(document)) == (1, True)
    assert pages.page_contents(document).sizes == ((1000, 700),)
    shown = Image.open(io.BytesIO(pages.render_page(document, page=1, width=800)))
    assert (shown.format, shown.size) == ("WEBP", (800, 560))
    page, [box] = boxes(document, QUOTE)
    marked = shown.convert("L").crop(
        (round(box.left * 800), round(box.top * 560), round(box.right * 800), round(box.bottom * 560))
    )
    around = shown.convert("L").crop((0, 0, 800, round(box.top * 560)))
    assert (page, marked.getextrema()[0] < 80, around.getextrema()[0] > 200) == (1, True, True)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_size_of_a_tiff_page_is_that_of_its_picture(public: Collection, put: Put, orientation: int) -> None:
    content = scans.encoded(scans.page(scans.ENGLISH[:1]), "TIFF", tiffinfo={274: orientation})
    document = put(public, "fax.tiff", content)
    [size] = pages.page_contents(document).sizes
    shown = Image.open(io.BytesIO(pages.render_page(document, page=1, width=800)))
    assert shown.width / shown.height == pytest.approx(size[0] / size[1], rel=0.01)


def test_places_go_with_the_text_they_belong_to(public: Collection, put: Put) -> None:
    document = put(public, "scan.pdf", scans.pdf(scans.page(scans.GERMAN)))
    assert RecognisedPage.objects.count() == 1
    content = files.pdf([[f"No picture any more {random.random()}."]])
    ingest.replace_file(document, file=ContentFile(content, name="scan.pdf"))
    while ingest.work():
        pass
    assert not RecognisedPage.objects.exists()
    again = put(public, "other.pdf", scans.pdf(scans.page(scans.ENGLISH)))
    again.delete()
    ingest.drain_removals()
    assert not RecognisedPage.objects.exists()
