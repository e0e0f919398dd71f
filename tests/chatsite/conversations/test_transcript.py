"""An answer as HTML: Markdown made safe, markers made links."""

from __future__ import annotations

import pytest

from chatsite.answering.sight import CitationView
from chatsite.conversations.markdown import answer_html

CITATION = CitationView(1, "Tea", 3, 'Wait "four" <minutes>.', "/documents/7/?start=1&end=9#quote")


def test_marker_becomes_a_link_to_its_place() -> None:
    html = answer_html("Wait four minutes [1].", [CITATION])
    assert 'href="/documents/7/?start=1&amp;end=9#quote"' in html
    assert 'title="Wait &quot;four&quot; &lt;minutes&gt;."' in html
    assert ">1</a>." in html


def test_marker_in_code_stays_text() -> None:
    assert "<code>a[1]</code>" in answer_html("`a[1]`", [CITATION])


def test_marker_without_a_record_stays_text() -> None:
    assert "<a" not in answer_html("Wait [1] [2]", [CitationView(2, "Tea", None, "Wait", "/documents/7/")])


def test_gone_source_is_no_link() -> None:
    html = answer_html("Wait [1]", [CitationView(1, "A document that is no longer available", None, "", "", gone=True)])
    assert "<a" not in html
    assert "no longer available" in html


@pytest.mark.parametrize(
    "hostile",
    [
        "<img src=x onerror=alert(1)>",
        "<svg onload=alert(1)>",
        "[click](javascript:alert(1))",
        "[click](data:text/html;base64,PHNjcmlwdD4=)",
        "![picture](https://evil.example/x.png)",
        "![picture][r]\n\n[r]: https://evil.example/x.png",
        "<script>alert(1)</script>",
        '[click](https://evil.example "onmouseover=alert(1)")',
        "<a href=javascript:alert(1)>x</a>",
    ],
)
def test_case_26_27_hostile_markdown_is_inert(hostile: str) -> None:
    html = answer_html(hostile, [])
    for forbidden in ("<img", "<svg", "<script", 'href="javascript', 'href="data', "onmouseover=alert(1)>"):
        assert forbidden not in html


def test_table_and_code_are_kept() -> None:
    html = answer_html("| a | b |\n|---|---|\n| 1 | 2 |\n\n```py\nx = 1\n```", [])
    assert "<td>1</td>" in html
    assert "<pre><code>x = 1\n</code></pre>" in html


@pytest.mark.parametrize(
    ("text", "bold"),
    [
        ("**注意：**请", "注意："),
        ("他说**（甲）**乙", "（甲）"),
        ("これは**「重要」**です。", "「重要」"),
        ("**한국어(Korean)**은", "한국어(Korean)"),
        ("請看**「說明」**", "「說明」"),
    ],
)
def test_bold_ends_beside_chinese_japanese_and_korean(text: str, bold: str) -> None:
    assert f"<strong>{bold}</strong>" in answer_html(text, [])


@pytest.mark.parametrize("text", ["a **(b)**c", "2 ** 3 ** 4", "**a **b", "👍**(b)**c"])
def test_stars_beside_other_text_are_what_commonmark_says(text: str) -> None:
    assert "<strong>" not in answer_html(text, [])


def test_line_breaks_in_a_cell_are_read_and_no_other_html() -> None:
    html = answer_html("| a<br>b |\n|---|\n| c<BR />d `<br>` <b>e</b> |\n\nf<br>g", [])
    assert "<th>a<br>\nb</th>" in html
    assert "<td>c<br>\nd <code>&lt;br&gt;</code> &lt;b&gt;e&lt;/b&gt;</td>" in html
    assert "<p>f&lt;br&gt;g</p>" in html


def test_struck_text_is_struck() -> None:
    assert answer_html("~~no~~ yes", []) == "<p><s>no</s> yes</p>\n"
