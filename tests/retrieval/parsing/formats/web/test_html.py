"""A page reads as a browser shows it: numbers, spans, formulas, pictures; what nobody sees is left out and noted."""

from __future__ import annotations

import pytest

from retrieval.text.headings import Heading
from tests.retrieval.parsing.formats.reading import noted, read


def text(body: str, head: str = "") -> str:
    return read("a.html", f"<html><head>{head}</head><body>{body}</body></html>").text


# ---- lists -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("<ol><li>a<li>b<li value=7>c<li>d</ol>", "1. a\n2. b\n7. c\n8. d"),
        ("<ol start=4><li>a<li>b</ol>", "4. a\n5. b"),
        ("<ol reversed><li>a<li>b<li>c</ol>", "3. a\n2. b\n1. c"),
        ("<ol reversed start=10><li>a<li>b</ol>", "10. a\n9. b"),
        ("<ol type=a start=26><li>a<li>b</ol>", "z. a\naa. b"),
        ("<ol type=I start=3><li>a<li>b</ol>", "III. a\nIV. b"),
        ('<ol style="list-style-type: upper-roman"><li>a</ol>', "I. a"),
        ("<ol start=-1><li>a<li>b<li>c</ol>", "-1. a\n0. b\n1. c"),
        ("<ol start=x><li value=y>a</ol>", "1. a"),
        ("<ol><li>a<ol type=a><li>x<li>y</ol><li>b</ol>", "1. a\na. x\nb. y\n2. b"),
        ("<ol><li><p>a</p><p>more</p><li>b</ol>", "1. a\n\nmore\n2. b"),
        ("<ol><li>a<ul><li>x</ul><li>b</ol>", "1. a\n- x\n2. b"),
        ("<ol><li><ol><li>x</ol></ol>", "1. 1. x"),
        ("<ul><li>a<li>b</ul>", "- a\n- b"),
    ],
)
def test_list_items_have_the_marks_that_a_browser_shows(body: str, shown: str) -> None:
    assert text(body) == shown


# ---- tables ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "shown"),
    [
        ("<tr><td rowspan=2>A<td>1<tr><td>2", "| A | 1 |\n| A | 2 |"),
        ("<tr><td>1<td rowspan=3>A<tr><td>2<tr><td>3", "| 1 | A |\n| 2 | A |\n| 3 | A |"),
        ("<tr><th colspan=2>2024<th>x<tr><td>1<td>2<td>3", "| 2024 | 2024 | x |\n| 1 | 2 | 3 |"),
        ("<tr><td rowspan=2 colspan=2>A<td>1<tr><td>2", "| A | A | 1 |\n| A | A | 2 |"),
        ("<tr><td rowspan=0>A<td>1<tr><td>2<tr><td>3", "| A | 1 |\n| A | 2 |\n| A | 3 |"),
        ("<tr><td colspan=3>Alone<tr><td>1<td>2<td>3", "| Alone |\n| 1 | 2 | 3 |"),
        ("<thead><tr><th rowspan=9>H<th>a</thead><tbody><tr><td>1<td>2</tbody>", "| H | a |\n| 1 | 2 |"),
        ("<tfoot><tr><td>Sum<td>3</tfoot><tbody><tr><td>a<td>1<tr><td>b<td>2", "| a | 1 |\n| b | 2 |\n| Sum | 3 |"),
        ("<tr><td rowspan=x colspan=-1>A<td>1", "| A | 1 |"),
        ("<tr><td>a<td><td>b", "| a |  | b |"),
        ("<tr><td>a<ul><li>x<li>y</ul><td>b", "| a - x - y | b |"),
    ],
)
def test_cells_stand_in_each_row_and_column_that_they_span(rows: str, shown: str) -> None:
    assert text(f"<table>{rows}</table>") == shown


def test_spans_of_a_hostile_table_repeat_no_end_of_text() -> None:
    rows = "".join(f"<tr><td rowspan=65534 colspan=1000>{'x' * 100}" for _row in range(500))
    assert len(text(f"<table>{rows}</table>")) < 3_000_000


# ---- formulas --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mathml", "tex"),
    [
        ("<mi>E</mi><mo>=</mo><mi>m</mi><msup><mi>c</mi><mn>2</mn></msup>", "$E=mc^2$"),
        ("<mfrac><mrow><mi>a</mi><mo>+</mo><mn>1</mn></mrow><mi>b</mi></mfrac>", r"$\frac{a+1}{b}$"),
        ("<msqrt><mi>x</mi><mo>−</mo><mn>1</mn></msqrt>", r"$\sqrt{x-1}$"),
        ("<mroot><mi>x</mi><mn>3</mn></mroot>", r"$\sqrt[3]{x}$"),
        ("<msubsup><mi>x</mi><mi>i</mi><mn>12</mn></msubsup>", "$x_i^{12}$"),
        ("<mi>α</mi><mi>b</mi><mo>≤</mo><mn>5</mn>", r"$\alpha b\le 5$"),
        ("<mi>sin</mi><mi>x</mi>", r"$\sin x$"),
        ("<mover><mi>x</mi><mo>¯</mo></mover>", r"$\bar{x}$"),
        ("<munderover><mo>∑</mo><mi>i</mi><mi>n</mi></munderover><mi>i</mi>", r"$\sum_i^ni$"),
        ("<mtext>if </mtext><mi>x</mi>", r"$\text{if}x$"),
        ("<mfrac><mi>a</mi></mfrac>", "$a$"),
        (
            '<semantics><mi>q</mi><annotation encoding="application/x-tex">{\\displaystyle q}</annotation></semantics>',
            "$q$",
        ),
    ],
)
def test_mathml_is_tex(mathml: str, tex: str) -> None:
    assert text(f"<p>It is <math>{mathml}</math> here.</p>") == f"It is {tex} here."


@pytest.mark.parametrize(
    "drawn",
    [
        '<span class="katex"><span class="katex-mathml"><math><semantics><mi>q</mi>'
        '<annotation encoding="application/x-tex">q=5</annotation></semantics></math></span>'
        '<span class="katex-html" aria-hidden="true"><b>q=5</b></span></span>',
        '<span class="MathJax_Preview">q=5</span><span class="MathJax">q=5</span><script type="math/tex">q=5</script>',
        '<mjx-container><mjx-math aria-hidden="true"></mjx-math><mjx-assistive-mml style="clip:rect(1px,1px,1px,1px)">'
        "<math><mi>q</mi><mo>=</mo><mn>5</mn></math></mjx-assistive-mml></mjx-container>",
        '<span><span style="display:none"><math><mi>q</mi><mo>=</mo><mn>5</mn></math></span>'
        '<img class="mwe-math-fallback-image-inline" aria-hidden="true" alt="q=5"></span>',
        '<img class="mwe-math-fallback-image-inline" alt="{\\displaystyle q=5}">',
        '<span><span style="display:none"><math alttext="{\\displaystyle q=5}"><mi>q</mi><mo>=</mo><mn>5</mn></math>'
        '</span><img src="y.svg" alt="{\\displaystyle q=5}"></span>',
    ],
)
def test_drawn_formula_is_said_once(drawn: str) -> None:
    assert text(f"<p>The load is {drawn} kN.</p>").replace("5$kN", "5$ kN") == "The load is $q=5$ kN."


def test_picture_beside_a_formula_that_says_other_things_is_said() -> None:
    assert text('<p><math><mi>q</mi></math> <img alt="A beam"></p>') == "$q$ [picture: A beam]"


def katex(inside: str) -> str:
    return text(f'<p><span class="katex"><span class="katex-html" aria-hidden="true">{inside}</span></span></p>')


def stacked(*lines: str, lowered: bool = False) -> str:
    column = "".join(f'<span style="top:-3em"><span class="pstrut"></span>{line}</span>' for line in lines)
    column = f'<span class="vlist-r"><span class="vlist">{column}</span><span class="vlist-s">\u200b</span></span>'
    return f'<span class="vlist-t{" vlist-t2" if lowered else ""}">{column}</span>'


def test_formula_of_katex_without_mathml_is_tex() -> None:
    assert katex('<span class="base"><span class="mord">q</span></span><span class="base">=5</span>') == "$q=5$"
    assert katex(f'x<span class="msupsub">{stacked("<span>2</span>")}</span>') == "$x^2$"
    assert katex(f'x<span class="msupsub">{stacked("<i>i</i>", lowered=True)}</span>') == "$x_i$"
    assert katex(f'x<span class="msupsub">{stacked("<i>i</i>", "<i>12</i>", lowered=True)}</span>') == "$x_i^{12}$"
    line = '<span class="frac-line"></span>'
    assert (
        katex(f'<span class="mfrac">{stacked("<i>b</i>", line, "<i>a</i>", lowered=True)}</span>') == r"$\frac{a}{b}$"
    )


X_SQUARED = """<mjx-math><mjx-msup><mjx-mi><mjx-c class="mjx-c1D465 TEX-I"></mjx-c></mjx-mi>
<mjx-script><mjx-mn size="s"><mjx-c class="mjx-c32"></mjx-c></mjx-mn></mjx-script></mjx-msup></mjx-math>"""
FRACTION = """<mjx-math><mjx-mfrac><mjx-frac><mjx-num><mjx-nstrut></mjx-nstrut><mjx-mn><mjx-c class="mjx-c31"></mjx-c>
<mjx-c class="mjx-c30"></mjx-c></mjx-mn></mjx-num><mjx-dbox><mjx-dtable><mjx-line></mjx-line><mjx-row><mjx-den>
<mjx-dstrut></mjx-dstrut><mjx-mi><mjx-c class="mjx-c1D45B"></mjx-c></mjx-mi></mjx-den></mjx-row></mjx-dtable></mjx-dbox>
</mjx-frac></mjx-mfrac></mjx-math>"""
DRAWN_IN_SVG = """<svg aria-hidden="true"><g data-mml-node="math"><g data-mml-node="msubsup"><g data-mml-node="mi">
<use data-c="1D465"></use></g><g data-mml-node="mi"><path data-c="1D456"></path></g><g data-mml-node="mn">
<path data-c="31"></path><path data-c="32"></path></g></g></g></svg>"""


@pytest.mark.parametrize(
    ("inside", "shown"),
    [
        (X_SQUARED, "$x^2$"),
        (FRACTION, r"$\frac{10}{n}$"),
        (DRAWN_IN_SVG, "$x_i^{12}$"),
        ('<mjx-math data-latex="a \\le 5"><mjx-mi data-latex="a"></mjx-mi></mjx-math>', r"$a \le 5$"),
        ('<mjx-math aria-label="x squared"></mjx-math>', "[formula: x squared]"),
        ("<svg><g><path d='M1 1'></path></g></svg>", ""),
    ],
)
def test_formula_of_mathjax_without_mathml_is_read_or_noted(inside: str, shown: str) -> None:
    extracted = read("a.html", f"<p>Value <mjx-container>{inside}</mjx-container> here.</p>")
    assert extracted.text == f"Value {shown} here.".replace("  ", " ")
    assert noted(extracted) == ({} if shown else {"parts": 1})


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("10<sup>4</sup> m<sup>2</sup>", "10^4 m^2"),
        ("10<sup>-3</sup>, 10<sup>−3</sup>", "10^-3, 10^-3"),
        ("H<sub>2</sub>O, x<sub>i</sub>", "H_2O, x_i"),
        ("2<sup>n</sup>", "2^n"),
        ("10<sup>2n</sup>, 10<sup>n+1</sup>, a<sub>n+1</sub>, 2<sup>1/2</sup>", "10^{2n}, 10^{n+1}, a_{n+1}, 2^{1/2}"),
        ("word<sup>a</sup>", "word^a"),
        ('20<span style="vertical-align:super;font-size:70%">4</span> m', "20^4 m"),
        ('20<span style="vertical-align: sub"><b>4</b></span><i>5</i>', "20_45"),
        ('20<span style="vertical-align:super">4<sub>2</sub></span>', "20^{4_2}"),
        ("word<sup>1, 2</sup>", "word^{1, 2}"),
        ("1<sup>st</sup> M<sup>me</sup>", "1st Mme"),
        ('word<sup><a href="#n">12</a></sup>', "word[12]"),
        ("word<sup>[3]</sup>", "word[3]"),
        ("<ruby>漢<rp>(</rp><rt>かん</rt>字<rt>じ</rt></ruby>", "漢字(かんじ)"),
    ],
)
def test_raised_and_lowered_text_keeps_apart(html: str, shown: str) -> None:
    assert text(f"<p>{html}</p>") == shown


def test_text_that_a_class_raises_keeps_apart() -> None:
    head = "<style>.up{vertical-align:super} .down{vertical-align:sub}</style>"
    assert text("<p>20<span class=up>4</span> and x<i class=down>i</i></p>", head) == "20^4 and x_i"


# ---- pictures and fields ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ('<img alt="A red valve">', "[picture: A red valve]"),
        ('<img alt=""><img alt="DSC_0012.JPG">x', "x"),
        ('<img alt="😀">', "😀"),
        (
            "<svg><title>Flow</title><desc>of water</desc><g><text>Tank</text></g></svg>",
            "[picture: Flow; of water; Tank]",
        ),
        ('<svg role="img" aria-label="Flow"></svg>', "[picture: Flow]"),
        ('<svg aria-hidden="true"><title>icon</title></svg>x', "x"),
        ('<ul><li><input type="checkbox" checked> Done<li><input type="checkbox"> Open</ul>', "- ☑ Done\n- ☐ Open"),
        ('Name <input value="Ada"><input type="hidden" value="x"><input type="submit" value="Go">', "Name Ada"),
        ("<select><option>North<option selected>South</select>", "South"),
        ("<q>Yes</q>", "“Yes”"),
    ],
)
def test_pictures_and_fields_say_what_they_show(html: str, shown: str) -> None:
    assert text(html) == shown


# ---- what nobody sees ------------------------------------------------------------------------------------------------

HIDDEN = [
    ("<p class=x>NO</p>", ".x{display:none}"),
    ("<p class='a x'>NO</p>", "p.x, .y { display : NONE !important }"),
    ("<p id=x>NO</p>", "/* c */ #x{visibility:hidden}"),
    ("<div class=o><p>NO</p></div>", ".o p{opacity:0}"),
    ("<div class=o><p>NO</p></div>", ".o > p{opacity:.0}"),
    ("<p class=x>NO</p>", "@media screen{.x{display:none}}"),
    ("<aside>NO</aside>", "aside{display:none}"),
    ("<p hidden>NO</p>", ""),
    ("<p class=x>NO</p>", ".x{position:absolute;left:-9999px}"),
    ("<p class=x>NO</p>", ".x{position:fixed;top:-100vh}"),
    ("<p class=x>NO</p>", ".x{text-indent:-999em}"),
    ("<p class=x>NO</p>", ".x{position:absolute;clip:rect(0 0 0 0)}"),
    ("<p class=x>NO</p>", ".x{clip-path:inset(50%)}"),
    ("<p class=x>NO</p>", ".x{height:0;overflow:hidden}"),
    ("<p class=x>NO</p>", ".x{transform:scale(0)}"),
    ("<p class=x>NO</p>", ".x{font-size:0}"),
    ("<p class=x>NO</p>", ".x{font-size:1px}"),
    ("<p class=x>NO</p>", ".x{color:transparent}"),
    ("<p class=x>NO</p>", ".x{color:#fff}"),
    ("<p class=x>NO</p>", ".x{color:rgb(254, 254, 254)}"),
    ("<p class=x>NO</p>", ".x{color:white;background-color:#ffffff}"),
    ("<div style='background:navy'><p style='color:navy'>NO</p></div>", ""),
    ("<p style='color:#fff'>NO</p>", ""),
    ("<font color=white>NO</font>", ""),
    ("<table bgcolor=black><tr><td><font color='#000'>NO</font></table>", ""),
    ("<noscript>NO</noscript>", ""),
    ("<p style='OPACITY: 0'>NO</p>", ""),
    ("<p style='color:rgba(0,0,0,0)'>NO</p>", ""),
    ("<p style='color:rgb(0 0 0 / 0%)'>NO</p>", ""),
    ("<p style='color:#ffffff00'>NO</p>", ""),
    ("<p style='color:#0000'>NO</p>", ""),
    ("<p data-x=h>NO</p>", "[data-x=h]{display:none}"),
    ("<p data-x=h>NO</p>", "p[data-x='h']{display:none}"),
    ("<p data-x>NO</p>", "[data-x]{display:none}"),
    ("<div class=d><i></i><p>NO</p></div>", ".d p:nth-child(2){display:none}"),
    ("<div class=d><i></i><p>NO</p></div>", ".d :last-child{display:none}"),
    ("<div style='content-visibility:hidden'><p>NO</p></div>", ""),
    ("<div style='visibility:hidden'>NO<img alt='NO'><b style='visibility:visible'></b></div>", ""),
]


@pytest.mark.parametrize(("html", "css"), HIDDEN)
def test_what_nobody_sees_is_left_out_and_noted(html: str, css: str) -> None:
    extracted = read("a.html", f"<style>{css}</style><p>Seen.</p>{html}<p>Last.</p>")
    assert extracted.text == "Seen.\n\nLast."
    assert noted(extracted) == {"hidden_text": 1}


SHOWN = [
    ("<p class=x>YES</p>", ".x{display:none} .x{display:block}"),
    ("<p class='x on'>YES</p>", ".x.on{display:block} .x{display:none}"),
    ("<p class=x style='display:block'>YES</p>", ".x{display:none}"),
    ("<p class=x>YES</p>", "@media print{.x{display:none}}"),
    ("<p class=x>YES</p>", "@media (max-width:600px){.x{display:none}}"),
    ("<p class=x>YES</p>", ".x:hover, .y{display:none}"),
    ("<p class=x>YES</p>", "@keyframes a{from{opacity:0}to{opacity:1}} x{}"),
    ("<p class=x>YES</p>", ".x{opacity:0;animation:show 1s forwards}"),
    ("<p class=x>YES</p>", ".x{color:#fff;background:#000}"),
    ("<div style='background:#000'><p style='color:#fff'>YES</p></div>", ""),
    ("<div style='background:url(x.png)'><p style='color:#fff'>YES</p></div>", ""),
    ("<p class=x>YES</p>", ".x{opacity:0.5;left:-9999px;height:0}"),
    ("<p class=x>YES</p>", "/* .x{display:none} */"),
    ("<p class=x>YES</p>", '.y::before{content:"} .x{display:none} {"}'),
    ("<p aria-hidden=true>YES</p>", ""),
    ("<p class=x>YES</p>", ".x{display:none"),
    ("<div style='visibility:hidden'>NO <b style='visibility:visible'>YES</b></div>", ""),
    ("<div class=x><p class=y>YES</p></div>", ".x{visibility:hidden} .y{visibility:visible}"),
    ("<div style='background-image:url(x.png)'><p style='color:#fff'>YES</p></div>", ""),
    ("<p style='color:white;background-image:linear-gradient(#000,#111)'>YES</p>", ""),
    ("<p style='color:transparent;-webkit-background-clip:text;background:red'>YES</p>", ""),
    ("<p style='color:rgba(0,0,0,0.5)'>YES</p>", ""),
    ("<p style='color:#000'>YES</p>", ""),
    ("<p style='color:rgb(0, 0, 0)'>YES</p>", ""),
    ("<p style='color:hsl(0,0%,0%)'>YES</p>", ""),
    ("<p style='color:rgb(0 0 0)'>YES</p>", ""),
    ("<p data-x=y>YES</p>", "[data-x=h]{display:none}"),
    ("<ul class=l><li>YES<li>x</ul>", ".l li:nth-child(2){display:none}"),
    ("<p class=x>YES</p>", ".x:first-line{display:none}"),
    ("<p>The fee is <span aria-hidden=true>YES</span></p>", ""),
    ("<p>The fee is <b aria-hidden=true>YES</b></p>", ""),
    ("<p><span aria-hidden=true>YES</span><span class=sr-only style='clip:rect(0,0,0,0)'>Yes</span></p>", ""),
    ("<p><span aria-hidden=true>YES</span><math><mi>x</mi></math></p>", ""),
]


@pytest.mark.parametrize(("html", "css"), SHOWN)
def test_what_is_seen_stays(html: str, css: str) -> None:
    assert "YES" in read("a.html", f"<style>{css}</style><p>Seen.</p>{html}").text


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("Go <span aria-hidden=true>→</span><i aria-hidden=true class=material-icons>home</i> on", "Go on"),
        ("<span aria-hidden=true>5 €</span><span class=sr-only>5 €</span> a day", "5 € a day"),
        ("<span class='price sr-only'>5 €</span><span aria-hidden=true>5 €</span> a day", "5 € a day"),
        ("<nobr aria-hidden=true>𝑥=5</nobr><span><math><mi>x</mi><mo>=</mo><mn>5</mn></math></span>", "$x=5$"),
    ],
)
def test_what_is_drawn_and_read_aloud_is_said_once(html: str, shown: str) -> None:
    assert text(f"<p>{html}</p>") == shown


def test_white_text_stays_where_its_ground_is_painted_by_another_file() -> None:
    assert "YES" in text("<p style='color:#fff'>YES</p>", '<link rel="stylesheet" href="x.css">')


def test_page_that_a_script_shows_is_read() -> None:
    assert text("<p>YES</p>", "<style>body{opacity:0}</style>") == "YES"


def test_declared_encoding_is_read_as_browsers_read_it() -> None:
    page = '<meta charset="iso-8859-1"><p>‘Gold’ 30 €'
    assert read("a.html", page.encode("cp1252")).text == "‘Gold’ 30 €"
    page = '<?xml version="1.0" encoding="windows-1250"?><html><body><p>Opłata złotych</p></body></html>'
    assert read("a.xhtml", page.encode("cp1250")).text == "Opłata złotych"


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ("<title>Boilers – Site</title><meta property='og:title' content='Boilers'>", "Boilers – Site"),
        ("<meta property='og:title' content='Boilers'>", "Boilers"),
        ("", ""),
    ],
)
def test_page_has_a_title(head: str, title: str) -> None:
    extracted = read("a.html", f"<head>{head}</head><p>Text.</p>")
    assert extracted.title == title
    assert extracted.headings == ([Heading(0, 1, title)] if title else [])


def test_rows_of_a_long_table_name_their_columns() -> None:
    rows = "".join(f"<tr><td>valve {number}<td>{number}.50</tr>" for number in range(13))
    text = read("a.html", f"<p>Before<table><tr><th>Part<th>Price</tr>{rows}</table><p>Behind").text
    lines = "\n".join(f"| Part: valve {number} | Price: {number}.50 |" for number in range(13))
    assert text == f"Before\n\n{lines}\n\nBehind"


def test_rows_of_a_short_table_stand_below_their_columns() -> None:
    text = read("a.html", "<table><tr><th>Part<th>Price<tr><td>valve<td>2</table>").text
    assert text == "| Part | Price |\n| valve | 2 |"


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("The fee is <del>5</del><ins>7</ins> euros.", "The fee is 5 7 euros."),
        ("The fee is <ins>7</ins><del>5</del> euros.", "The fee is 7 5 euros."),
        ("un<del>b</del>broken <ins>a</ins><ins>b</ins>", "unbbroken ab"),
        ("<input value=one><input value=two><textarea>three</textarea>", "one two three"),
        ("e<sup>−x²</sup> and 10<sup>-3</sup>", "e^{−x²} and 10^-3"),
    ],
)
def test_what_a_browser_sets_apart_is_apart(html: str, shown: str) -> None:
    assert read("a.html", html).text == shown
