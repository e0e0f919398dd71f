from pathlib import Path

import pytest

from tests.retrieval.parsing.formats.pdf.beside.raw import kinds, line, raw_pdf, read, stream

PAGE = line("The guarantee lasts two years.")
PAINTED = "/AP << /N 200 0 R >>"


def painting(text: str) -> dict[int, bytes | str]:
    return {
        200: stream(f"BT /F1 12 Tf 2 4 Td ({text}) Tj ET", entries="/Type /XObject /Subtype /Form /BBox [0 0 250 40]")
    }


@pytest.mark.parametrize(
    "annotation",
    [
        "/Subtype /FreeText /Contents (Approved on 4 March.)",
        "/Subtype /FreeText /RC (<body><p>Approved <b>on</b> 4&#32;March.</p></body>)",
        f"/Subtype /FreeText {PAINTED}",
        f"/Subtype /FreeText /Contents (Approved on 4 March.) {PAINTED}",
        f"/Subtype /Stamp {PAINTED}",
        f"/Subtype /Watermark {PAINTED}",
        f"/Subtype /Line {PAINTED}",
    ],
)
def test_printed_text_is_read_once(tmp_path: Path, annotation: str) -> None:
    content = raw_pdf(
        PAGE, annotations=[f"/Rect [50 700 300 740] {annotation}"], objects=painting("Approved on 4 March.")
    )
    extracted = read(tmp_path, content)
    assert extracted.text == "The guarantee lasts two years.\n\nApproved on 4 March.\n\n"
    assert extracted.notes == []


@pytest.mark.parametrize(
    "annotation",
    [
        "/Subtype /Text /Contents (Reviewer: three years.)",
        "/Subtype /Highlight /QuadPoints [50 810 200 810 50 790 200 790] /Contents (Reviewer: three years.)",
        "/Subtype /Ink /InkList [[50 700 60 710]] /Contents (Reviewer: three years.)",
    ],
)
def test_comment_is_left_out_and_noted(tmp_path: Path, annotation: str) -> None:
    extracted = read(tmp_path, raw_pdf(PAGE, annotations=[f"/Rect [50 700 300 740] {annotation}"]))
    assert (extracted.text.strip(), kinds(extracted.notes)) == ("The guarantee lasts two years.", {"annotations": 1})


@pytest.mark.parametrize("flags", [2, 32, 34])
def test_hidden_text_annotation_is_left_out_and_noted(tmp_path: Path, flags: int) -> None:
    annotation = f"/Subtype /FreeText /F {flags} /Rect [50 700 300 740] /Contents (Approved.)"
    extracted = read(tmp_path, raw_pdf(PAGE, annotations=[annotation]))
    assert (extracted.text.strip(), kinds(extracted.notes)) == ("The guarantee lasts two years.", {"hidden_text": 1})


def test_link_says_nothing(tmp_path: Path) -> None:
    link = "/Subtype /Link /Rect [50 700 300 740] /Contents (Go) /A << /S /URI /URI (https://example.org) >>"
    assert read(tmp_path, raw_pdf(PAGE, annotations=[link])).notes == []


def test_printed_text_that_the_page_says_is_not_said_twice(tmp_path: Path) -> None:
    annotation = "/Subtype /FreeText /Rect [40 790 300 815] /Contents (The guarantee lasts two years.)"
    assert read(tmp_path, raw_pdf(PAGE, annotations=[annotation])).text == "The guarantee lasts two years.\n\n"


def test_added_text_stands_on_its_page(tmp_path: Path) -> None:
    annotation = "/Subtype /FreeText /Rect [50 700 300 740] /Contents (Approved.)"
    extracted = read(tmp_path, raw_pdf(PAGE, line("The second page."), annotations=[annotation]))
    assert extracted.text[extracted.page_starts[1] :].strip() == "The second page."
    assert "Approved." in extracted.text[: extracted.page_starts[1]]


def test_annotation_that_is_none_is_passed_over(tmp_path: Path) -> None:
    broken = ["/Rect (none)", "/Subtype /FreeText", "/Subtype 12 /Rect [1 2]"]
    assert read(tmp_path, raw_pdf(PAGE, annotations=broken)).text.strip() == "The guarantee lasts two years."
