"""Scans and picture files, read by the real models in the real child process."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from retrieval.errors import NeedsOcr, ParsingError
from retrieval.notes import Note
from retrieval.parsing.formats import Extracted
from retrieval.parsing.parsers import ParsingLimits, parse
from retrieval.parsing.recognition import pictures
from retrieval.parsing.recognition.ocrmypdf import FOUND_NOTHING, UNKNOWN_LETTERS, is_ready
from tests.retrieval.parsing.recognition import scans

LONG = "This page has text of its own, which is longer than any stamp."


def read(tmp_path: Path, content: bytes, name: str = "scan.pdf") -> Extracted:
    (path := tmp_path / name).write_bytes(content)
    return parse(path, filename=name)


def rows(text: str) -> list[str]:
    return [line for line in text.split("\n") if line]


def said(extracted: Extracted, page: int) -> list[str]:
    """What the places on a page say, in order."""
    return [extracted.text[line.start : line.end] for line in extracted.recognised if line.page == page]


def test_scan_in_two_languages_is_read_page_by_page(tmp_path: Path) -> None:
    extracted = read(tmp_path, scans.pdf(scans.page(scans.ENGLISH), LONG, scans.page(scans.GERMAN)))
    english, german = "\n".join(scans.ENGLISH), "\n".join(scans.GERMAN)
    assert extracted.text == f"{english}\n\n{LONG}\n\n{german}\n\n"
    assert extracted.page_starts == [0, extracted.text.index(LONG), extracted.text.index(german)]
    assert extracted.notes == [Note("recognised_pages", 2, ("1", "3"))]
    assert extracted.unread_pages == []
    assert said(extracted, 1) == list(scans.ENGLISH)
    assert said(extracted, 2) == []
    assert said(extracted, 3) == list(scans.GERMAN)
    assert extracted.language in ("en", "de")


def test_place_of_each_character_is_known(tmp_path: Path) -> None:
    line = read(tmp_path, scans.pdf(scans.page(["WWWWW iiiii 44444"], size=40))).recognised[0]
    assert 0.05 < line.edges[0] < 0.07  # drawn 60 of 1,000 pixels from the left
    assert 0.06 < line.top < line.bottom < 0.19  # and 60 to 100 of 700 from the top
    assert len(line.edges) == line.end - line.start + 1
    assert list(line.edges) == sorted(line.edges)
    wide, narrow = line.edges[5] - line.edges[0], line.edges[11] - line.edges[6]
    assert wide > 1.7 * narrow


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_page_that_lies_on_its_side_or_head_is_read(tmp_path: Path, degrees: int) -> None:
    picture = scans.page(scans.ENGLISH).rotate(degrees, expand=True)
    extracted = read(tmp_path, scans.pdf(picture))
    assert rows(extracted.text) == list(scans.ENGLISH)
    first, last = extracted.recognised[0], extracted.recognised[-1]  # letters, each in its place
    assert (last.start - first.start, first.end - first.start) == (len("\n".join(scans.ENGLISH)) - 1, 1)
    beginning = {90: first.top > 0.9, 180: first.edges[0] > 0.9, 270: first.top < 0.1}
    assert beginning[degrees]


@pytest.mark.parametrize("degrees", [-2, 1.5])
def test_page_that_is_askew_is_read_and_its_lines_are_marked_in_parts(tmp_path: Path, degrees: float) -> None:
    picture = scans.page(scans.GERMAN).rotate(degrees, Image.Resampling.BICUBIC, fillcolor="white")
    extracted = read(tmp_path, scans.pdf(picture))
    assert rows(extracted.text) == list(scans.GERMAN)
    assert "".join(said(extracted, 1)) == "".join(scans.GERMAN)
    assert max(line.bottom - line.top for line in extracted.recognised) < 0.1


def test_columns_are_read_one_after_the_other_and_a_title_before_them(tmp_path: Path) -> None:
    left = ["A first column begins", "with the pumps, which", "are oiled every week", "by two of the staff."]
    right = ["The second one is all", "about valves, which no", "visitor may ever open", "without any gloves."]
    picture = scans.page(["A title that stands over both columns"], size=36)
    scans.write(picture, left, size=24, left=60, top=180)
    scans.write(picture, right, size=24, left=540, top=180)
    assert rows(read(tmp_path, scans.pdf(picture)).text) == ["A title that stands over both columns", *left, *right]


def test_labels_and_values_are_read_in_rows(tmp_path: Path) -> None:
    picture = scans.page(["Weight", "Warranty", "Price", "Colour"])
    scans.write(picture, ["38.5 kg", "24 months", "249.90 EUR", "grey"], size=32, left=500, top=60)
    assert rows(read(tmp_path, scans.pdf(picture)).text) == [
        "Weight 38.5 kg", "Warranty 24 months", "Price 249.90 EUR", "Colour grey"
    ]  # fmt: skip


def test_paragraphs_are_apart(tmp_path: Path) -> None:
    picture = scans.page(["One line is here,", "and one below it."])
    scans.write(picture, ["Another paragraph", "has two of them."], size=32, left=60, top=300)
    assert read(tmp_path, scans.pdf(picture)).text == (
        "One line is here,\nand one below it.\n\nAnother paragraph\nhas two of them.\n\n"
    )


@pytest.mark.skipif(is_ready(), reason="Tesseract reads such letters")
def test_page_in_letters_that_the_models_do_not_know_stays_unread(tmp_path: Path) -> None:
    extracted = read(tmp_path, scans.pdf(scans.page(scans.ENGLISH), scans.page(scans.RUSSIAN)))
    assert rows(extracted.text) == list(scans.ENGLISH)
    assert extracted.unread_pages == [2]
    assert extracted.notes == [Note("recognised_pages", 1, ("1",)), Note("picture_pages", 1, ("2",))]
    with pytest.raises(NeedsOcr) as caught:
        read(tmp_path, scans.pdf(scans.page(scans.RUSSIAN)))
    assert caught.value.reason == UNKNOWN_LETTERS


@pytest.mark.skipif(is_ready(), reason="Tesseract reads such letters")
def test_line_that_can_not_be_read_is_said(tmp_path: Path) -> None:
    extracted = read(tmp_path, scans.pdf(scans.page([*scans.ENGLISH, scans.RUSSIAN[0]])))
    assert rows(extracted.text) == list(scans.ENGLISH)
    assert Note("unread_lines", 1, ("1",)) in extracted.notes


def test_scan_without_a_word_says_so(tmp_path: Path) -> None:
    with pytest.raises(NeedsOcr) as caught:
        read(tmp_path, scans.pdf(scans.page([])))
    assert caught.value.reason == FOUND_NOTHING


def test_empty_page_of_a_scan_is_no_loss(tmp_path: Path) -> None:
    extracted = read(tmp_path, scans.pdf(scans.page(scans.ENGLISH), scans.page([])))
    assert (extracted.unread_pages, extracted.notes) == ([], [Note("recognised_pages", 1, ("1",))])


def test_scan_under_a_stamp_is_read_with_the_stamp(tmp_path: Path) -> None:
    picture = scans.page(scans.ENGLISH)
    scans.write(picture, ["COPY 17"], size=32, left=700, top=500)
    assert rows(read(tmp_path, scans.pdf(picture)).text) == [*scans.ENGLISH, "COPY 17"]


def test_pages_are_read_in_several_goes_and_what_was_read_is_kept(tmp_path: Path) -> None:
    (path := tmp_path / "scan.pdf").write_bytes(scans.pdf(scans.page(scans.ENGLISH), scans.page(scans.GERMAN)))
    limits = ParsingLimits(ocr_pages=1)
    extracted = parse(path, filename="scan.pdf", limits=limits)
    assert (rows(extracted.text), extracted.unread_pages) == (list(scans.ENGLISH), [2])
    with pytest.raises(NeedsOcr):  # each of the two stops a child that has no time
        parse(path, filename="scan.pdf", limits=ParsingLimits(ocr_seconds=0.05))


def test_nothing_is_recognised_for_somebody_who_has_gone(tmp_path: Path) -> None:
    (path := tmp_path / "scan.pdf").write_bytes(scans.pdf(LONG, scans.page(scans.GERMAN)))
    assert parse(path, filename="scan.pdf", is_given_up=lambda: True).unread_pages == [2]


# ---- picture files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ending", "kind", "mode"),
    [
        ("png", "PNG", "RGB"),
        ("png", "PNG", "P"),
        ("jpg", "JPEG", "L"),
        ("jpeg", "JPEG", "CMYK"),
        ("tif", "TIFF", "1"),
        ("webp", "WEBP", "RGB"),
        ("bmp", "BMP", "RGB"),
        ("gif", "GIF", "P"),
    ],
)
def test_picture_is_a_document_of_one_page(tmp_path: Path, ending: str, kind: str, mode: str) -> None:
    content = scans.encoded(scans.page(scans.ENGLISH).convert(mode), kind)
    extracted = read(tmp_path, content, f"photo.{ending}")
    assert rows(extracted.text) == list(scans.ENGLISH)
    assert extracted.page_starts == [0]
    assert extracted.notes == [Note("recognised_pages", 1, ("1",))]


def test_pages_of_a_tiff_file_are_pages(tmp_path: Path) -> None:
    pages = [scans.page(scans.ENGLISH).convert("1"), scans.page([]), scans.page(scans.GERMAN)]
    content = scans.encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:], compression="tiff_lzw")
    extracted = read(tmp_path, content, "fax.tiff")
    assert rows(extracted.text) == [*scans.ENGLISH, *scans.GERMAN]
    assert extracted.page_starts == [0, extracted.text.index("Die"), extracted.text.index("Die")]


def test_text_on_what_can_be_seen_through_is_read(tmp_path: Path) -> None:
    shown = scans.page(scans.ENGLISH)
    clear = Image.new("RGBA", shown.size, (0, 0, 0, 0))  # black, were it not clear
    clear.paste(shown, mask=shown.convert("L").point(lambda value: 255 - value))
    assert rows(read(tmp_path, scans.encoded(clear, "PNG"), "clear.png").text) == list(scans.ENGLISH)


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_photo_is_read_as_its_camera_was_held(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[274], exif[306] = orientation, "2019:05:31 10:00:00"
    upright = {3: 180, 6: 90, 8: 270}
    picture = scans.page(scans.ENGLISH).rotate(upright[orientation], expand=True)
    extracted = read(tmp_path, scans.encoded(picture, "JPEG", exif=exif.tobytes()), "photo.jpg")
    assert said(extracted, 1) == list(scans.ENGLISH)
    assert extracted.dated == "2019-05-31"


def test_picture_with_too_many_pixels_is_refused_by_the_limit(tmp_path: Path) -> None:
    content = scans.encoded(Image.new("1", (20_000, 10_000)), "PNG")
    with pytest.raises(ParsingError, match=f"200 megapixels, the limit is {pictures.MEGAPIXELS_LIMIT}"):
        read(tmp_path, content, "bomb.png")


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n" + b"\0" * 50, b"II*\0\x08\0\0\0\0\0"])
def test_broken_picture_says_so(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ParsingError, match="can't be read as a picture"):
        read(tmp_path, content, "broken.png")


def test_picture_that_breaks_off_stays_unread(tmp_path: Path) -> None:
    content = scans.encoded(scans.page(scans.ENGLISH), "PNG")
    with pytest.raises(NeedsOcr):
        read(tmp_path, content[: len(content) // 2], "half.png")


def test_heic_says_what_to_install(tmp_path: Path) -> None:
    content = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 100
    with pytest.raises(ParsingError, match="pillow-heif"):
        read(tmp_path, content, "photo.heic")


def test_text_named_as_a_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParsingError, match=r"named \.png, but its content is text"):
        read(tmp_path, b"Only text.", "a.png")
