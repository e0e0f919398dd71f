"""Markdown documents are shown as pages, in which every character knows its place in the source."""

from __future__ import annotations

import html
import re
import time
import uuid
from collections.abc import Callable, Iterator

import pytest
from django.test import Client

from chatsite.documents.markdown_page import markdown_page
from chatsite.documents.text import Marks
from retrieval.models import Chunk, Collection, Document
from retrieval.sources.uploads import add_text
from retrieval.texts import document_text

Put = Callable[..., Document]
TEXT = """# Title & *more* #

A **bold *both* word** and `co de` here,
second line with &amp; and \\* and <b>raw</b> [link](https://x.org "t t") end.\x20\x20
hard break ![alt text](images/a.png) <https://a.org/b> [in](#x) [js](javascript:alert(1))

> quote one
> two *three*
> - item in quote
>   goes on

1. one
   second line of one
2. two

   ```python
   def f():
       return 1
   ```

- a
\t- tab
    - deeper *x*

| A | B |
|:--|--:|
| a \\| b | `x \\| y` **c** |
| a | a |
| | - |

> | q | r |
> |---|---|
> | q | r |

Setext *title*
==============

    code block
      more

~~gone~~ un*matched **here a_b_c ~ [x][nope] `open 日本 \U0001f600 end

[ref]: https://ref.org
The [text of it][ref].
"""


def runs(page: str) -> Iterator[tuple[str, int, int]]:
    """Yield each run's text, and from where to where in the source it says that it stands."""
    for match in re.finditer(
        r'<span class="said" data-start="(\d+)"(?: data-end="(\d+)")?[^>]*>(.*?)</span>', page, re.S
    ):
        text = html.unescape(re.sub("<[^>]+>", "", match[3]))
        yield text, int(match[1]), int(match[2] or int(match[1]) + len(text))


def test_all_that_is_said_stands_where_it_says() -> None:
    page = markdown_page(TEXT, offset=0, marks=Marks())
    said = list(runs(page))
    written = {TEXT[start:end]: text for text, start, end in said if TEXT[start:end] != text}
    assert written == {
        "&amp;": "&",
        "\\*": "*",
        "![alt text](images/a.png)": "alt text",
        "a \\| b": "a | b",
        "x \\| y": "x | y",
    }
    starts = [start for _, start, _ in said]
    assert starts == sorted(starts)
    for words in (
        "second line of one",
        "goes on",
        "return 1",
        "deeper ",
        "code block",
        " 日本 \U0001f600 end",
        "text of it",
    ):
        assert any(words in text for text, _, _ in said), words


def test_markdown_is_rendered_and_raw_html_stays_text() -> None:
    page = markdown_page(TEXT, offset=0, marks=Marks())
    for tag in ("<h2>", "<strong>", "<em>", "<blockquote>", "<ol>", "<ul>", "<table>", "<th>", "<pre><code>", "<s>"):
        assert tag in page
    assert "&lt;b&gt;raw&lt;/b&gt;" in page
    assert "<b>" not in page
    assert "<img" not in page
    assert re.findall(r'href="([^"]*)"', page) == ["https://x.org", "https://a.org/b", "https://ref.org"]


@pytest.mark.parametrize(
    "words", ["bold *both* word", "both", "co de", "quote one\n> two *three", "a | ", "return 1", "&amp; and"]
)
def test_marked_words_are_marked_exactly(words: str) -> None:
    start = TEXT.index(words)
    page = markdown_page("x\n\n" + TEXT, offset=97, marks=Marks(start + 100, start + 100 + len(words)))
    marked = [(html.unescape(mark), at) for mark, at in re.findall(r"<mark[^>]*>(.*?)</mark>()", page, re.S)]
    plain = html.unescape(re.sub(r"[*>|`]", "", words)).split()
    assert " ".join(mark for mark, _ in marked).split() == plain
    assert page.count('id="quote" data-quote') == 1


def test_what_is_found_is_marked_beside_the_quote() -> None:
    page = markdown_page("A pump. **A pump.** A pump.", offset=0, marks=Marks(2, 6, [(2, 6), (12, 16), (22, 26)]))
    assert re.findall(r"<mark([^>]*)>pump</mark>", page) == [
        ' id="quote" data-quote="" tabindex="-1"', ' class="found"', ' class="found"',
    ]  # fmt: skip


def test_place_without_words_is_where_the_reader_begins() -> None:
    page = markdown_page("# One\n\nText.\n\n## Two\n\nMore.", offset=0, marks=Marks(14, 14))
    assert re.search(r'<h3><span class="said" data-start="17" id="place" data-place="" tabindex="-1">Two<', page)


@pytest.mark.parametrize("unit", ["|", "> ", "[", "![", "*a_ ", "`a``", "<", "&", "- a\n\t", "a|\n", "[a](", "_", "\\"])
def test_case_129_hostile_markdown_stays_linear(unit: str) -> None:
    began = time.process_time()
    markdown_page((unit * 60_000)[:60_000], offset=0, marks=Marks())
    assert time.process_time() - began < 10


def test_document_opens_as_a_page_with_its_source_beside_it(client: Client, public: Collection, put: Put) -> None:
    document = put(public, "a.md", TEXT)
    text = document_text(document)
    start = text.index("bold")
    page = client.get(f"/documents/{document.pk}/?start={start}&end={start + 4}").content.decode()
    assert '<mark id="quote" data-quote="" tabindex="-1">bold</mark>' in page
    source = re.search(r'<template data-source data-from="(\d+)">(.*?)</template>', page, re.S)
    assert source
    assert (int(source[1]), html.unescape(source[2])) == (0, text)
    assert "style=" not in page
    written = client.get(f"/documents/{document.pk}/?view=source").content.decode()
    assert 'class="said"' not in written
    assert "**bold *both* word**" in written


def test_window_of_a_long_document_stands_at_its_place(client: Client, public: Collection) -> None:
    text = "".join(f"## Part {n}\n\nIt tells of *number {n}*.\n\n" for n in range(5_000))
    document = Document.objects.create(
        collection=public, title="A", filename="a.md", characters=len(text), generation=1, live_generation=1
    )
    Chunk.objects.bulk_create(
        Chunk(
            id=uuid.uuid4(),
            document=document,
            generation=1,
            position=position,
            start=start,
            end=min(start + 1_000, len(text)),
            text=text[start : start + 1_000],
        )
        for position, start in enumerate(range(0, len(text), 1_000))
    )
    start = text.index("number 4000*")
    page = client.get(f"/documents/{document.pk}/?start={start}&end={start + 11}").content.decode()
    assert 'data-quote="" tabindex="-1">number 4000</mark>' in page
    assert len(page) < 1_000_000
    assert all(text[start:end] == said for said, start, end in runs(page))


TABLE = (
    "# T\n\n| Part | Price |\n|:-----|------:|\n" + "".join(f"| valve {n} | {n}.50 |\n" for n in range(9)) + "\nEnd."
)
CODE = "# T\n\n```sh\n# no heading\n" + "".join(f"run *{n}*\n" for n in range(9)) + "```\n\nThe *end*."


@pytest.mark.parametrize(
    ("text", "cut", "shown"),
    [
        (TABLE, "| valve 5", "<th>Part</th>"),
        (TABLE, "| valve 5", "<p><span"),
        (CODE, "run *5*", "<pre><code><span"),
        (CODE, "run *5*", "<em>"),
    ],
)
def test_part_that_begins_in_a_table_or_in_code_is_shown_as_that(text: str, cut: str, shown: str) -> None:
    start = text.index(cut)
    page = str(markdown_page(text[start:], offset=start, marks=Marks(), before=text[:start]))
    assert shown in page
    assert page.count("<em>") == (text is CODE)
    assert all(text[begin:end] == said for said, begin, end in runs(page))


@pytest.mark.parametrize("before", [TABLE, CODE, "a | b\n", "```\na\n```\n", "| a |\n|---|\n\n", "~~~\n```\n~~~\n"])
def test_part_behind_a_table_or_code_begins_anew(before: str) -> None:
    page = str(markdown_page("A | *b*", offset=len(before), marks=Marks(), before=before))
    assert re.sub("<[^>]+>", "", page).strip() == "A | b"
    assert "<em>" in page


def test_pasted_text_keeps_its_lines(client: Client, public: Collection, put: Put) -> None:
    upload = add_text(public, title="Pasted", text="one\ntwo", owner=None)
    put(public, "b.md", "three\nfour")
    assert upload.document
    page = client.get(f"/documents/{upload.document.pk}/").content.decode()
    assert re.search(r">one</span><br>\s*<span", page)
    assert "<br>" not in client.get(f"/documents/{upload.document.pk + 1}/").content.decode()
