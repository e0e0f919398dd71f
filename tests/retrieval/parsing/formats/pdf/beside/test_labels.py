import time
from pathlib import Path

import pytest

from tests.retrieval.parsing.formats.pdf.beside.raw import line, raw_pdf, read


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ("", []),
        ("0 << /S /D >>", []),
        ("0 << /S /r >> 2 << /S /D >>", ["i", "ii", "1", "2"]),
        ("0 << /S /R >>", ["I", "II", "III", "IV"]),
        ("0 << /S /D /P (A-) >>", ["A-1", "A-2", "A-3", "A-4"]),
        ("0 << /S /D /St 9 >>", ["9", "10", "11", "12"]),
        ("0 << /P (Cover) >> 1 << /S /a >>", ["Cover", "a", "b", "c"]),
        ("0 << >> 2 << /S /D >>", ["1", "2", "1", "2"]),
    ],
)
def test_page_labels(tmp_path: Path, labels: str, found: list[str]) -> None:
    catalog = f"/PageLabels << /Nums [{labels}] >>" if labels else ""
    extracted = read(tmp_path, raw_pdf(*(line(f"Page of {name}.") for name in "abcd"), catalog=catalog))
    assert extracted.page_labels == found


@pytest.mark.parametrize(
    ("title", "found"),
    [
        ("(Harbour rules 2024)", "Harbour rules 2024"),
        ("<FEFF00D6006600660065006E>", "Öffen"),
        ("(Microsoft Word - rules.doc)", ""),
        ("(untitled)", ""),
        ("(rules.indd)", ""),
        ("()", ""),
    ],
)
def test_title_of_the_metadata(tmp_path: Path, title: str, found: str) -> None:
    assert read(tmp_path, raw_pdf(line("Rules."), info=f"/Title {title}")).title == found


def test_labels_without_end_are_none(tmp_path: Path) -> None:
    pages = [line(f"Page {number}.") for number in range(300)]
    begun = time.process_time()
    extracted = read(
        tmp_path, raw_pdf(*pages, catalog=f"/PageLabels << /Nums [0 << /S /D /P ({'x' * 1_000_000}) >>] >>")
    )
    assert time.process_time() - begun < 4
    assert (extracted.page_labels, len(extracted.page_starts)) == ([], 300)


def test_long_label_is_none_beside_others(tmp_path: Path) -> None:
    labels = f"/PageLabels << /Nums [0 << /P ({'x' * 33}) >> 1 << /S /r >>] >>"
    assert read(tmp_path, raw_pdf(*map(line, "abc"), catalog=labels)).page_labels == ["1", "i", "ii"]
