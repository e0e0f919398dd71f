"""LaTeX: what the page shows stands in the text."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from tests.retrieval.parsing.formats.reading import read


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"caf\'e noir, la libert\'e du", "café noir, la liberté du"),
        (r"caf\'{e} noir, \'{ e }t\'e, na\"\i f, na\"{\i}f", "café noir, été, naïf, naïf"),
        (r"na\"\i{}f, \c{c}a, \v s", "naïf, ça, š"),
        (r"See \url{http://a/b%20c} for more.", "See http://a/b%20c for more."),
        (r"See \href{http://a/b%20c}{the page} for more.", "See the page (http://a/b%20c) for more."),
        (r"Type \verb|50%| and \verb*+a{b+ now.", "Type 50% and a{b now."),
        (r"It weighs \SI{5}{\kilo\gram} at \qty{3}{\metre\per\second}.", "It weighs 5 kg at 3 m/s."),
        (r"\SI{5}{kg} and \si{\furlong}, \num{12}", "5 kg and furlong, 12"),
        (r"Add \frac{1}{2} cup, \nicefrac{3}{4} spoon.", "Add 1/2 cup, 3/4 spoon."),
        (r"\parbox{5cm}{Boxed} \colorbox{yellow}{Marked} \fcolorbox{red}{blue}{Framed}", "Boxed Marked Framed"),
        ("\\begin{minipage}[t]{5cm}\nSmall\n\\end{minipage}", "Small"),
    ],
)
def test_text_is_what_the_page_shows(tex: str, text: str) -> None:
    assert read("a.tex", tex).text.strip() == text


def test_macros_of_the_files_own_are_written_out() -> None:
    tex = "\\newcommand{\\firm}{ACME \\textbf{\\town}}\n\\newcommand\\town{Ulm}\n\\renewcommand*{\\loop}{\\loop x}\n"
    tex += "\\begin{document}\n\\firm{} sells, \\firm, too.\n\\end{document}\n"
    assert read("a.tex", tex).text == "ACME Ulm sells, ACME Ulm, too."


def test_macros_that_multiply_end() -> None:
    names = "abcdefgh"
    macros = "".join(f"\\newcommand{{\\x{one}}}{{" + f"\\x{other} " * 80 + "}\n" for one, other in pairwise(names))
    body = "Text. " + "\\xa " * 500
    assert read("a.tex", f"{macros}\\begin{{document}}\n{body}\\end{{document}}").text.startswith("Text.")


@pytest.mark.parametrize("opening", [r"\begin{verbatim}", r"\[ ", r"\begin{comment}"])
def test_what_never_ends_takes_no_long_time(opening: str) -> None:
    begun = time.process_time()
    read("a.tex", f"{opening}x\n" * 50_000)
    assert time.process_time() - begun < 8
