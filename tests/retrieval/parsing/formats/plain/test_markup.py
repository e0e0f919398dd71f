"""Markdown, reStructuredText, AsciiDoc and LaTeX: headings where readers see them, comments left out and noted."""

from __future__ import annotations

import time

import pytest

from tests.retrieval.parsing.formats.reading import noted, outline, read


@pytest.mark.parametrize(
    "block",
    [
        "````md\n# no\n```\n# no\n```\n# no\n````",
        "~~~~\n# no\n~~~\n# no\n~~~~~",
        "```\n# no\n~~~\n# no\n```",
        "``` python\n# no\n```",
        "   ```\n# no\n   ```",
        "    # no",
        "\t# no",
        "- item\n\n  ```\n  # no\n  ```",
        "<pre>\n# no\n</pre>",
        "<!--\n# no\n-->",
        "> # no",
        "#no",
        "####### no",
    ],
)
def test_what_only_looks_like_a_heading_is_none(block: str) -> None:
    extracted = read("a.md", f"# Guide\n\n{block}\n\n## Real\n\nText here.\n")
    assert outline(extracted) == [(1, "Guide"), (2, "Real")]
    assert all(extracted.text[heading.start :].startswith("#") for heading in extracted.headings)


def test_fence_that_never_ends_reaches_to_the_end() -> None:
    assert outline(read("a.md", "# Guide\n\n```\n# no\n")) == [(1, "Guide")]


def test_markdown_comments_are_left_out_and_noted_but_not_in_code() -> None:
    text = "# A\n\nOne <!-- gone --> two.\n\n<!-- gone\n\n## gone\n-->\n\n"
    text += "```\n<!-- kept -->\n```\n\n`<!-- kept -->`\n\n## B\n"
    extracted = read("a.md", text)
    assert "gone" not in extracted.text
    assert extracted.text.count("kept") == 2
    assert [extracted.text[heading.start :].split()[1] for heading in extracted.headings] == ["A", "B"]
    assert noted(extracted) == {"hidden_text": 2}


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("---\ntitle: 'Front matter'\n---\n# Heading\n", "Front matter"),
        ('+++\ntitle = "Toml"\n+++\n# Heading\n', "Toml"),
        ("## Below\n\n# Top\n", "Top"),
        ("Set\n===\n", "Set"),
        ("No heading.\n", ""),
    ],
)
def test_markdown_has_a_title(text: str, title: str) -> None:
    assert read("a.md", text).title == title


def test_restructured_text_has_levels_in_the_order_of_their_signs() -> None:
    text = "=====\nGuide\n=====\n\n.. gone\n   gone\n\n.. note:: kept\n\n"
    text += "Setup\n-----\n\nText\n\nMore\n~~~~\n\n::\n\n   x\n   ---\n"
    extracted = read("a.rst", text)
    assert outline(extracted) == [(1, "Guide"), (2, "Setup"), (3, "More")]
    assert [extracted.text[heading.start :].split()[0] for heading in extracted.headings] == ["Guide", "Setup", "More"]
    assert extracted.title == "Guide"
    assert "gone" not in extracted.text
    assert ".. note:: kept" in extracted.text
    assert noted(extracted) == {"hidden_text": 1}


def test_asciidoc_has_headings_outside_code_and_no_comments() -> None:
    text = "= Guide\n:toc:\n\n// gone\n== Setup\n\n----\n== no\n// kept\n----\n\n"
    text += "////\ngone\n////\n\nOld style\n---------\n\ntext\n"
    extracted = read("a.adoc", text)
    assert outline(extracted) == [(1, "Guide"), (2, "Setup"), (2, "Old style")]
    assert "gone" not in extracted.text
    assert "// kept" in extracted.text
    assert extracted.title == "Guide"


TEX = r"""% gone
\documentclass{article}
\title{On \emph{Boilers}}
\author{Ada}
\date{2024-05-31}
\begin{document}
\maketitle
\section{First \& best}\label{sec:a}
The fee is 5\,\% of \textbf{20~euros}, caf\'e, \"uber, na\"{\i}ve --- ``yes'' $E=mc^2$.\footnote{A note.} % gone
\begin{enumerate}
\item Close.
\item Drain.
\end{enumerate}
\subsection*{Table}
\begin{tabular}{lr}\hline
Part & Price \\ \hline
valve & 12 \\
\end{tabular}
\begin{equation}\label{e} x = 1 \end{equation}
\begin{verbatim}
% kept \section{no}
\end{verbatim}
\input{chapter}
\end{document}
"""


def test_tex_is_read_as_it_is_printed() -> None:
    extracted = read("a.tex", TEX)
    assert extracted.text == (
        "On Boilers\nAda\n2024-05-31\n\nFirst & best\n\n"
        "The fee is 5 % of 20 euros, café, über, naïve — “yes” $E=mc^2$. (A note.)\n\n1. Close.\n2. Drain.\n\n"
        "Table\n\n| Part | Price |\n| valve | 12 |\n\n$$x = 1$$\n\n% kept \\section{no}"
    )
    assert outline(extracted) == [(1, "On Boilers"), (2, "First & best"), (3, "Table")]
    assert (extracted.title, extracted.dated) == ("On Boilers", "2024-05-31")
    assert noted(extracted) == {"hidden_text": 1, "parts": 1}


@pytest.mark.parametrize("tex", ["\\section{", "\\begin{tabular}{", "$", "\\[ x", "{{{", "}}}", "\\item", "\\'", "\\"])
def test_broken_tex_keeps_its_text(tex: str) -> None:
    assert "The fee is 5 euros." in read("a.tex", f"The fee is 5 euros. {tex}").text


@pytest.mark.parametrize(
    "pattern", ["\\section{", "\\footnote{", "\\[", "$", "\\begin{equation}", "{", "\\begin{tabular}"]
)
def test_hostile_tex_takes_linear_time(pattern: str) -> None:
    started = time.process_time()
    read("a.tex", "Text. " + pattern * (100_000 // len(pattern)))
    assert time.process_time() - started < 10
