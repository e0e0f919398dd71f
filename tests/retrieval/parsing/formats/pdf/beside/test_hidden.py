import time
from pathlib import Path

import pytest

from tests.retrieval.parsing.formats.pdf.beside.raw import kinds, line, raw_pdf, read, stream

FEE = line("The fee is 5 euros.")
PICTURE = stream(
    bytes([120]) * 100,
    entries="/Type /XObject /Subtype /Image /Width 10 /Height 10 /ColorSpace /DeviceGray /BitsPerComponent 8",
)
WITH_PICTURE = (
    "/Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> /XObject << /I 200 0 R /X 201 0 R >>"
)
STATES = "/Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> /ExtGState << /T << /ca 0 >> >>"


@pytest.mark.parametrize(
    "hidden",
    [
        line("The fee is 999 euros.", y=700, before="3 Tr"),
        line("The fee is 999 euros.", y=700, before="1 1 1 rg"),
        line("The fee is 999 euros.", y=700, before="1 g"),
        line("The fee is 999 euros.", y=700, before="0 0 0 0 k"),
        line("The fee is 999 euros.", y=700, before="0.99 g"),
        line("The fee is 999 euros.", y=700, before="1 Tr 1 G"),
        line("The fee is 999 euros.", y=700, before="7 Tr"),
        "1 0 0 rg 40 690 300 30 re f\n" + line("The fee is 999 euros.", y=700),
        "0.8 g 40 690 300 30 re f\n" + line("The fee is 999 euros.", y=700),
        "0.8 g 40 690 300 30 re f\n" + line("The fee is 999 euros.", y=700, before="0.79 g"),
        line("The fee is 999 euros.", y=700, size=0.5),
        line("The fee is 999 euros.", y=7000, x=500, before="0.1 0 0 0.1 0 0 cm", size=4),
        line("The fee is 999 euros.", y=-200),
        line("The fee is 999 euros.", x=900),
        line("The fee is 999 euros.", y=700, before="0 0 20 20 re W n"),
        line("The fee is 999 euros.", y=700, before="/T gs"),
        line("The fee is 999 euros.", y=700) + "0 g 40 690 300 30 re f\n",
        line("The fee is 999 euros.", y=700) + "1 g 40 690 300 30 re f\n",
        "0 0 1 rg 40 690 300 30 re f\n" + line("The fee is 999 euros.", y=700) + "0 0 1 rg 40 690 300 30 re f\n",
    ],
)
def test_text_that_no_reader_sees_is_left_out_and_noted(tmp_path: Path, hidden: str) -> None:
    extracted = read(tmp_path, raw_pdf(FEE + hidden, resources=STATES))
    assert (extracted.text.strip(), kinds(extracted.notes)) == ("The fee is 5 euros.", {"hidden_text": 1})


@pytest.mark.parametrize(
    "shown",
    [
        "0 0 0.4 rg 40 690 300 30 re f\n" + line("Members pay 4.", y=700, before="1 g"),
        "0.5 g 40 690 300 30 re f\n" + line("Members pay 4.", y=700, before="1 g"),
        line("Members pay 4.", y=700, before="0.6 g"),
        "0.5 g 40 690 300 30 re f 0.9 g 40 690 300 30 re f 0 g\n" + line("Members pay 4.", y=700, before="0.5 g"),
        "1 0 0 rg 40 690 300 30 re f 0 g\n" + line("Members pay 4.", y=700, before="0 0 1 rg"),
        line("Members pay 4.", y=700, size=4),
        line("Members pay 4.", y=700, before="1 g 0 G 2 Tr"),
        line("Members pay 4.", y=700, before="40 690 300 30 re W n"),
        "q 12 0 0 12 0 0 cm BT /F1 1 Tf 4 58 Td (Members pay 4.) Tj ET Q\n",
        line("Members pay 4.", y=700) + "0 0 m 500 700 l 500 0 l S\n",
        "q 0.9 g 0 0 595 842 re f Q\n" + line("Members pay 4.", y=700, before="0 g"),
    ],
)
def test_text_that_is_seen_stays(tmp_path: Path, shown: str) -> None:
    extracted = read(tmp_path, raw_pdf(shown + FEE, resources=STATES))
    assert ("Members pay 4." in extracted.text, extracted.notes) == (True, [])


def test_text_under_which_a_picture_lies_is_text_recognition_and_stays(tmp_path: Path) -> None:
    page = "q 595 0 0 842 0 0 cm /I Do Q\n" + line(
        "A scanned letter of twelve pages, of which this is one.", before="3 Tr"
    )
    extracted = read(tmp_path, raw_pdf(page, resources=WITH_PICTURE, objects={200: PICTURE}))
    assert (extracted.text.strip(), extracted.notes) == ("A scanned letter of twelve pages, of which this is one.", [])


def test_text_over_which_a_picture_lies_is_text_recognition_and_stays(tmp_path: Path) -> None:
    page = line("A scanned letter of twelve pages, of which this is one.") + "q 595 0 0 842 0 0 cm /I Do Q\n"
    extracted = read(tmp_path, raw_pdf(page, resources=WITH_PICTURE, objects={200: PICTURE}))
    assert (extracted.text.strip(), extracted.notes) == ("A scanned letter of twelve pages, of which this is one.", [])


def test_hidden_text_beside_a_picture_goes(tmp_path: Path) -> None:
    page = FEE + "q 50 0 0 50 0 0 cm /I Do Q\n" + line("The fee is 999 euros.", y=700, before="3 Tr")
    extracted = read(tmp_path, raw_pdf(page, resources=WITH_PICTURE, objects={200: PICTURE}))
    assert extracted.text.strip() == "The fee is 5 euros."


@pytest.mark.parametrize("before", ["3 Tr", "1 g"])
def test_hidden_text_in_a_form_goes(tmp_path: Path, before: str) -> None:
    form = stream(
        line("Within.", y=20) + line("The fee is 999 euros.", y=0, before=before),
        entries=f"/Type /XObject /Subtype /Form /BBox [0 -10 400 60] /Resources << {STATES} >>",
    )
    page = FEE + "q 1 0 0 1 0 600 cm /X Do Q\n"
    extracted = read(tmp_path, raw_pdf(page, resources=WITH_PICTURE, objects={200: PICTURE, 201: form}))
    assert extracted.text.split() == "The fee is 5 euros. Within.".split()


def test_text_outside_the_crop_box_goes(tmp_path: Path) -> None:
    content = raw_pdf(FEE + line("Proof 3 of 9", y=20), page="/CropBox [0 100 595 842]")
    extracted = read(tmp_path, content)
    assert (extracted.text.strip(), kinds(extracted.notes)) == ("The fee is 5 euros.", {"hidden_text": 1})


def test_layer_that_is_off_goes(tmp_path: Path) -> None:
    page = FEE + "/OC /L BDC\n" + line("The fee is 999 euros.", y=700) + "EMC\n"
    resources = f"{STATES} /Properties << /L 200 0 R >>"
    layer = "<< /Type /OCG /Name (Draft) >>"
    off = "/OCProperties << /OCGs [200 0 R] /D << /OFF [200 0 R] >> >>"
    on = off.replace("/OFF", "/ON")
    texts = [
        read(tmp_path, raw_pdf(page, resources=resources, objects={200: layer}, catalog=catalog)).text
        for catalog in (off, on)
    ]
    assert ["999" in text for text in texts] == [False, True]


def test_rotated_page_with_white_letters_on_a_dark_bar_keeps_them(tmp_path: Path) -> None:
    page = "0 g 40 690 300 30 re f\n" + line("Members pay 4.", y=700, before="1 g") + line("Gone", y=500, before="1 g")
    extracted = read(tmp_path, raw_pdf(page, page="/Rotate 90"))
    assert extracted.text.strip() == "Members pay 4."


def test_letters_without_end_that_nobody_sees_take_no_long_time(tmp_path: Path) -> None:
    places = ((10 + 7 * number % 560, 20 + 13 * number % 700) for number in range(60_000))
    white = "".join(f"1 0 0 1 {x} {y} Tm (a) Tj\n" for x, y in places)
    begun = time.process_time()
    extracted = read(tmp_path, raw_pdf(FEE + f"BT /F1 10 Tf 1 g\n{white}ET\n"))
    assert time.process_time() - begun < 20
    assert extracted.text.strip() == "The fee is 5 euros."
    assert kinds(extracted.notes)["hidden_text"] > 50_000
