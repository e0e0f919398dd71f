"""Where sentences end, and where only an abbreviation, an ordinal or a name does."""

from __future__ import annotations

import pytest

from retrieval.text.blocks import BlockKind, blocks
from retrieval.text.sentences import sentence_spans
from tests.retrieval.text.work import calls

LINES = """\
Use approx. 5 bar for the pump.| Then stop.
Acme Inc. Paris sells pumps.| Acme Inc. opened.| It left Acme Inc.| The pump stayed.
See p. 12 for more.| See pp. 3 and Fig. 3, Figs. S1 and Eq. 4, Vol. II of it.| Done.
Prof. Miller and Dr. Dr. h. c. Müller spoke.| Mr. and Mrs. Smith left.
It is from c. 1500, ca. 1510, v. 2.1, art. 5, No. 5 and Nos. 6 and 7.| Done.
Is it open?| No.| It is shut.
State of the art.| The pump is new.
Rome vs. Carthage, Roe v. Wade, cf. Plato.| Smith et al. found it.| Smith et al. (2020) lost it.
The U.S. market grew.| It fell in the U.S.| The rest fell too.| He has a Ph.D. in physics.
J. R. R. Tolkien wrote it, A. Smith read it.| This is Plan B.| The rest is lost.
I mean e.g. this and i.e. That one.| Apples, pears etc.| Then plums.
It opens at 5 p.m.| Oil it before.| It takes 5 min.| Wait for max. 5 bar and min. 3 bar.
It is 3.5 mm wide, in version 2.0 of config.py.
See https://example.com/a.b?c=d. for it.| Ask http://example.org.| Done.
Yahoo! is big.| Really?!| Yes!| Then go.
He waited… and left.| He waited…| Then he left.| Well...| No.
“Stop!” she said.| He said "Go."| Then he left.| (It was late.)| He slept.
It holds.[3]| The next one too.[1][2]| **Bold.**| `make run` starts it.
Version 3.| It works.| The war ended in 1945.| Paris was free.
Das gilt bzw. Nr. 5, S. 12 ff. und vgl. Abb. 3.| Danach nicht.
Er kam am 3. Mai und ging am 3. 5. 2024.| Im 19. Jahrhundert, in der 2. Auflage und unter dem 4. Präsidenten.| Ende.
Das ist z. B. Wasser, d. h. nass, z.B. Öl, u. a. Fett und i. d. R. Luft.| Der Verein e. V. Bonn wuchs.
Von 100 v. Chr. bis 50 n. Chr. dauerte es.
Er zahlte 5 Mio. Euro.| Siehe § 5 Abs. 2 Satz 3 BGB.| Sie wohnt Hauptstr. 5 in Bonn.
M. Dupont est là, p. ex. Paris.| ¿Qué?| ¡Sí!| Bien.
Хлеб (см. рис. 5) ест А. С. Пушкин.| Он сыт.
你好。|再见！|「他说。」|好吗？|好
यह एक वाक्य है।| डॉ. राम आए।| वे गए।
สวัสดีครับ วันนี้อากาศดี
مرحبا بك.| كيف حالك؟| جيد.
안녕하세요.| 반갑습니다."""


@pytest.mark.parametrize("line", LINES.splitlines())
def test_sentences_end_where_a_reader_ends_them(line: str) -> None:
    text = line.replace("|", "")
    assert [text[start:end] for start, end in sentence_spans(text)] == [one.strip() for one in line.split("|")]


def test_spans_of_hard_wrapped_lines_keep_their_offsets() -> None:
    text = "  One sentence\nover two lines. Another\nam\n3. Mai.\n\nA third"
    assert [text[start:end] for start, end in sentence_spans(text)] == [
        "One sentence\nover two lines.",
        "Another\nam\n3. Mai.",
        "A third",
    ]


MARKDOWN = """\
# Use. The pump

Steps:
1. Open it. Close
   it again.
2. Wait.

- a valve
* a pump
> Said. Done.

| Part. | Price |
| --- | --- |
```python
a = 1. B
stop
```
After it."""


def test_blocks_are_what_markdown_makes_of_lines() -> None:
    found = [(block.kind, MARKDOWN[block.body : block.end]) for block in blocks(MARKDOWN)]
    assert found == [
        (BlockKind.HEADING, "Use. The pump"),
        (BlockKind.PARAGRAPH, "Steps:"),
        (BlockKind.ITEM, "Open it. Close\n   it again."),
        (BlockKind.ITEM, "Wait."),
        (BlockKind.ITEM, "a valve"),
        (BlockKind.ITEM, "a pump"),
        (BlockKind.QUOTE, "Said. Done."),
        (BlockKind.ROW, "Part. | Price |"),
        (BlockKind.ROW, "--- | --- |"),
        (BlockKind.FENCE, "```python"),
        (BlockKind.CODE, "a = 1. B"),
        (BlockKind.CODE, "stop"),
        (BlockKind.FENCE, "```"),
        (BlockKind.PARAGRAPH, "After it."),
    ]


def test_headings_rows_and_code_are_one_sentence_each_and_items_are_not() -> None:
    found = [MARKDOWN[start:end] for start, end in sentence_spans(MARKDOWN)]
    assert found == [
        "# Use. The pump",
        "Steps:",
        "1. Open it.",
        "Close\n   it again.",
        "2. Wait.",
        "- a valve",
        "* a pump",
        "> Said.",
        "Done.",
        "| Part. | Price |",
        "| --- | --- |",
        "```python",
        "a = 1. B",
        "stop",
        "```",
        "After it.",
    ]


@pytest.mark.parametrize("text", ["", " \n\t\n ", "\n\n"])
def test_blank_text_has_no_sentences(text: str) -> None:
    assert sentence_spans(text) == []


@pytest.mark.parametrize(
    "pattern",
    [
        *("|", " ", "[1]", "\u0301", "a.", ". ", "? ", "e.g. ", "1. ", "3. ", "\n", "```\n", "- a\n", "a. B. ", "…"),
        *(" …", "# a\n", "a", "。", "z. B. ", "'", "). ", "> ", "* ", "No. ", "a\n", "`", "| a "),
    ],
)
def test_hostile_text_takes_work_in_proportion_to_its_length(pattern: str) -> None:
    once, twice = (calls(sentence_spans, pattern * (length // len(pattern))) for length in (10_000, 20_000))
    assert twice <= 2.2 * once + 100
    spans = sentence_spans(pattern * (200_000 // len(pattern)))
    assert all(start < end for start, end in spans)
