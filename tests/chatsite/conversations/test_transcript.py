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
