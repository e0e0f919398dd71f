from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from retrieval.parsing.formats.office.equations import as_latex
from tests.retrieval.parsing.formats.word.documents import SPACES, p, text


def r(words: str, properties: str = "") -> str:
    return f"<m:r>{f'<m:rPr>{properties}</m:rPr>' if properties else ''}<m:t>{words}</m:t></m:r>"


def part(name: str, *inside: str) -> str:
    return f"<m:{name}>{''.join(one if one.startswith('<') else r(one) for one in inside)}</m:{name}>"


def fraction(above: str, below: str, kind: str = "bar") -> str:
    return f'<m:f><m:fPr><m:type m:val="{kind}"/></m:fPr>{part("num", above)}{part("den", below)}</m:f>'


def delimited(opening: str, closing: str, *inside: str) -> str:
    properties = f'<m:dPr><m:begChr m:val="{opening}"/><m:endChr m:val="{closing}"/></m:dPr>'
    return f"<m:d>{properties}{''.join(part('e', one) for one in inside)}</m:d>"


def n_ary(sign: str, below: str, above: str, inside: str) -> str:
    properties = f'<m:naryPr><m:chr m:val="{sign}"/></m:naryPr>'
    return f"<m:nary>{properties}{part('sub', below)}{part('sup', above)}{part('e', inside)}</m:nary>"


def accent(sign: str, inside: str) -> str:
    return f'<m:acc><m:accPr><m:chr m:val="{sign}"/></m:accPr>{part("e", inside)}</m:acc>'


def power(base: str, exponent: str) -> str:
    return part("sSup", part("e", base), part("sup", exponent))


MATRIX = "<m:m>{}</m:m>".format("".join(f"<m:mr>{part('e', a)}{part('e', b)}</m:mr>" for a, b in ("ab", "cd")))


@pytest.mark.parametrize(
    ("equation", "latex"),
    [
        (r("D=") + fraction("C·V", "F"), r"D=\frac{C·V}{F}"),
        (fraction("a+b", "c", "lin"), "{a+b}/c"),
        (fraction("n", "k", "noBar"), r"\binom{n}{k}"),
        (power("x", "2"), "x^2"),
        (power("x", "n+1"), "x^{n+1}"),
        (power(delimited("(", ")", "a+b"), "2"), "(a+b)^2"),
        (part("sSub", part("e", "H"), part("sub", "2")) + r("O"), "H_2O"),
        (part("sSubSup", part("e", "x"), part("sub", "i"), part("sup", "2")), "x_i^2"),
        (part("sPre", part("sub", "6"), part("sup", "14"), part("e", "C")), "{}_6^{14}C"),
        (
            "<m:rad><m:radPr><m:degHide m:val='1'/></m:radPr><m:deg/><m:e><m:r><m:t>2</m:t></m:r></m:e></m:rad>",
            r"\sqrt{2}",
        ),
        (part("rad", part("deg", "3"), part("e", "x")), r"\sqrt[3]{x}"),
        (n_ary("∑", "i=1", "n", "i"), r"\sum_{i=1}^n i"),
        (n_ary("⨁", "", "", "i"), "⨁ i"),
        (part("nary", part("sub", "0"), part("sup", "1"), part("e", "xdx")), r"\int_0^1 xdx"),
        (delimited("[", ")", "a", "b"), "[a|b)"),
        (delimited("{", "", MATRIX), r"\left\{\begin{matrix}a & b \\ c & d\end{matrix}\right."),
        (delimited("(", ")", fraction("1", "2")), r"\left(\frac{1}{2}\right)"),
        (MATRIX, r"\begin{matrix}a & b \\ c & d\end{matrix}"),
        (part("func", part("fName", "sin"), part("e", "x")), r"\sin x"),
        (
            part("func", part("fName", part("limLow", part("e", "lim"), part("lim", "x→0"))), part("e", "f")),
            r"\lim_{x→0} f",
        ),
        (part("limUpp", part("e", "x"), part("lim", "def")), r"\overset{def}{x}"),
        (accent("\u0303", "x"), r"\tilde{x}"),
        (part("acc", part("e", "x")), r"\hat{x}"),
        (accent("\u20d7", "v"), r"\vec{v}"),
        (part("bar", "<m:barPr><m:pos m:val='top'/></m:barPr>", part("e", "x")), r"\overline{x}"),
        (part("groupChr", part("e", "x")), r"\underbrace{x}"),
        (part("eqArr", part("e", "a&amp;=1"), part("e", "b&amp;=2")), r"\begin{aligned}a=1 \\ b=2\end{aligned}"),
        (part("borderBox", part("e", "x")), r"\boxed{x}"),
        (part("phant", part("e", "x")), "x"),
        (part("phant", "<m:phantPr><m:show m:val='0'/></m:phantPr>", part("e", "x")), ""),
        (r("m kg", "<m:nor/>") + r(" 5", "<m:nor/>"), r"\text{m kg} 5"),
        (r("𝑥𝟐"), "x2"),
        (r("5 % {a}"), r"5 \% \{a\}"),
        (f"<w:ins>{r('a')}</w:ins><w:del>{r('b')}</w:del>", "a"),
        ("<m:unknown>" + r("a") + "</m:unknown>", "a"),
        ("", ""),
    ],
)
def test_equation_becomes_latex(equation: str, latex: str) -> None:
    assert as_latex(etree.fromstring(f"<m:oMath {SPACES}>{equation}</m:oMath>")) == latex


def test_equation_in_a_sentence_and_on_its_own_line(tmp_path: Path) -> None:
    body = p("Stop when ", f"<m:oMath>{r('x≥40')}</m:oMath>", " is reached.")
    body += f"<w:p><m:oMathPara><m:oMath>{r('a=1')}</m:oMath><m:oMath>{r('b=2')}</m:oMath></m:oMathPara></w:p>"
    body += f"<m:oMathPara><m:oMath>{r('c=3')}</m:oMath></m:oMathPara>" + p("Text.")
    assert text(tmp_path, body) == "Stop when $x≥40$ is reached.\n\n$$a=1$$\n$$b=2$$\n\n$$c=3$$\n\nText."


def test_displayed_equation_within_a_paragraph_has_its_line(tmp_path: Path) -> None:
    inside = f"<m:oMathPara><m:oMath>{r('a=1')}</m:oMath></m:oMathPara>"
    assert text(tmp_path, p("so that", inside, "holds.")) == "so that\n$$a=1$$\nholds."
