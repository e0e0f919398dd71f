"""Formulas in answers: what is one, what it becomes, and that nothing else comes of it."""

from __future__ import annotations

import re

import pytest

from chatsite.answering.sight import CitationView
from chatsite.conversations.formulas import formula_html
from chatsite.conversations.markdown import answer_html

CITATION = CitationView(1, "Tea", 3, "Wait.", "/documents/7/?start=1&end=9#quote")


def written(html: str) -> list[str]:
    return re.findall(r'data-tex="([^"]*)"', html)


@pytest.mark.parametrize(
    ("text", "mathml"),
    [
        ("$a_1 * b_2 * c$", "<msub><mi>a</mi><mn>1</mn></msub><mo>*</mo><msub><mi>b</mi><mn>2</mn></msub><mo>*</mo>"),
        (r"\(x_i \cdot y\)", "<msub><mi>x</mi><mi>i</mi></msub><mo>·</mo>"),
        (
            r"$$\frac{1}{2}$$",
            '<math display="block"><mrow><mfrac><mrow><mn>1</mn></mrow><mrow><mn>2</mn></mrow></mfrac>',
        ),
        (r"\[ y^2 \]", '<math display="block"><mrow><msup><mi>y</mi><mn>2</mn></msup>'),
        (r"\[\begin{aligned}a &= b \\ c &= d\end{aligned}\]", "</mtr><mtr>"),
        (r"$a < b$", "<mo>&lt;</mo>"),
        (r"the $n$th", "<mi>n</mi>"),
        (r"**$x$**", "<strong><span"),
    ],
)
def test_formula_is_shown_as_mathml_and_its_source_kept(text: str, mathml: str) -> None:
    html = answer_html(text, [])
    assert mathml in html
    assert "<em>" not in html
    assert written(html)[0].replace("&amp;", "&").replace("&lt;", "<") in text


def test_lines_of_a_formula_are_no_list_and_no_heading() -> None:
    html = answer_html("So:\n$$\na\n- b\n+ c\n===\n$$\nand\n\n> \\[\n> x\n> - y\n> \\]\n", [])
    assert not re.search("<(ul|li|h[1-6])", html)
    assert html.count("<math") == 2


def test_marker_behind_a_formula_is_a_link_and_one_inside_is_none() -> None:
    html = answer_html(r"$$a[1] = \sqrt[3]{x}$$ [1]", [CITATION])
    assert html.count("<a ") == 1
    assert "<mroot><mrow><mi>x</mi></mrow><mn>3</mn></mroot>" in html


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5 and $10, or $5-$10, US$ 3, $1,000 or 10$ and 20$.",
        "A $5 bill and a 10$ bill.",
        "From $100k to $200k (up from $50k).",
        "$HOME/$USER and $PATH",
        "$$ is left open, and so is $ this",
        r"\$5 and \$6",
        r"\(see below\) and \[1\]",
        "`$x_1$` and `\\(y\\)`",
    ],
)
def test_prices_and_code_are_no_formulas(text: str) -> None:
    assert "math" not in answer_html(text, [])


@pytest.mark.parametrize(
    "source",
    [
        r"\text{<img src=x onerror=alert(1)>}",
        r"\text{</math><script>alert(1)</script>}",
        r"\href{javascript:alert(1)}{x}",
        r"\style{position:fixed;inset:0}{x}",
        r"\class{citation}{x}",
        r"\color{red}\hspace{1000em}x\hspace{-90em}",
        r"\text{<mtext><table><mglyph><style><!--</style><img title='--><img src=1 onerror=alert(1)>'>}",
        '"onmouseover="alert(1)',
        r"\def\x{\x\x}\x",
    ],
)
def test_case_26_hostile_formula_is_inert(source: str) -> None:
    html = answer_html(f"$${source}$$", [])
    tags = re.findall(r"<(/?\w+)([^>]*)>", html)
    names = {name.strip("/") for name, _ in tags}
    assert not names & {"img", "script", "style", "table", "a", "mglyph"}
    attributes = "".join(re.sub(r'data-tex="[^"]*"', "", attributes) for _, attributes in tags)
    for forbidden in ("on", "href", "style=", 'class="citation', 'em"'):
        assert forbidden not in attributes.replace("columnalign", "")
    assert "math" in names | {"math" if 'class="math' in html else ""}


@pytest.mark.parametrize("source", [r"\nosuch{x}", r"\left( x", "{", "a & b", "^" * 1500, "{" * 200 + "x" + "}" * 200])
def test_what_is_no_mathml_is_shown_as_it_was_written(source: str) -> None:
    html = formula_html(source, written=f"${source}$", display=False)
    assert "<math" not in html
    assert ">" + source.replace("&", "&amp;") + "</span>" in html
    assert 'source"' in html


def test_long_formula_can_be_scrolled_by_keyboard() -> None:
    assert 'class="math wide" data-tex="x" tabindex="0"' in formula_html("x + " * 10 + "x", written="x", display=False)
    assert "tabindex" not in formula_html("x", written="x", display=False)
