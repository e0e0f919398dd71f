"""Letters of fonts that the file doesn't hold, placed one by one."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from retrieval.parsing.formats.extracted import Extracted
from tests.retrieval.parsing.formats.pdf.beside.raw import kinds, read


def placed(tmp_path: Path, *signs: tuple[str, float, float], font: str, latin: str = "", before: str = "") -> Extracted:
    pdfmetrics.registerFont(UnicodeCIDFont(font))
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    if latin:
        canvas.drawString(72, 760, latin)
    canvas._code.append(before)
    canvas.setFont(font, 12)
    for sign, x, y in signs:
        canvas.drawString(x, y, sign)
    canvas.save()
    return read(tmp_path, buffer.getvalue())


def along(text: str, *, step: float) -> list[tuple[str, float, float]]:
    return [(sign, 72 + step * place, 700) for place, sign in enumerate(text)]


@pytest.mark.parametrize("step", [12, 14, 16])
@pytest.mark.parametrize(
    ("font", "text"), [("STSong-Light", "关于红军作战的原则和方法"), ("HeiseiMin-W3", "宿泊料金は一泊二十ユーロ")]
)
def test_letters_of_a_font_that_is_not_there_are_read(tmp_path: Path, font: str, text: str, step: float) -> None:
    extracted = placed(tmp_path, *along(text, step=step), font=font)
    assert (extracted.text.strip(), extracted.notes) == (text, [])


def test_latin_beside_them_costs_none_of_them(tmp_path: Path) -> None:
    extracted = placed(tmp_path, *along("住宿费用为二十欧元", step=16), font="STSong-Light", latin="The fee is 20.")
    assert extracted.text.split("\n")[:2] == ["The fee is 20.", "住宿费用为二十欧元"]


def test_columns_down_the_page_are_read_from_right_to_left(tmp_path: Path) -> None:
    columns = ["关于红军作战的原则", "住宿费用为二十欧元"]
    signs = [(sign, 500.0 - 24 * x, 700.0 - 14 * y) for x, line in enumerate(columns) for y, sign in enumerate(line)]
    assert placed(tmp_path, *signs, font="STSong-Light").text.split() == columns


def test_hidden_ones_stay_hidden(tmp_path: Path) -> None:
    signs = along("住宿费用", step=16)
    extracted = placed(tmp_path, *signs, font="STSong-Light", latin="The fee is 20.", before="3 Tr")
    assert (extracted.text.strip(), kinds(extracted.notes)) == ("The fee is 20.", {"hidden_text": 4})
