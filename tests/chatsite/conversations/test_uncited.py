"""Which sentences of an answer are marked, because no citation supports them."""

from __future__ import annotations

import re

import pytest
from django.utils.translation import override

from chatsite.answering.sight import CitationView
from chatsite.conversations.markdown import answer_html

TITLE = "No passage is cited for this."


def html_of(text: str) -> str:
    citations = [CitationView(int(n), "Tea", None, "Wait.", "/documents/7/") for n in re.findall(r"\[(\d)\]", text)]
    return answer_html(text, citations, marks_uncited=True)


def marked(text: str) -> list[str]:
    """What of `text` is marked, without its elements, those of one sentence each on their own."""
    found = re.findall(rf'<span class="uncited" title="{TITLE}">(.*?)</span>', html_of(text), re.DOTALL)
    return [re.sub(r"<[^>]+>", "", part) for part in found]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("The pump is oiled in May [1].", []),
        ("The pump is oiled in May. [1]", []),
        ("The pump is oiled in May.[1]", []),
        ("The pump is oiled in May [1]. It is blue and heavy.", ["It is blue and heavy."]),
        ("The pump is oiled in May. [1] It is blue and heavy.", ["It is blue and heavy."]),
        ("The pump is oiled in May.[1][2] It is blue and heavy.", ["It is blue and heavy."]),
        ("It is blue and heavy. The pump is oiled in May [1].", []),  # a later marker covers what is before it
        ("[1] The pump is oiled in May.", []),
        ("One is the first of them [1]. Two is no part of it. Three is cited again [2]. Four is not cited, too.",
         ["Four is not cited, too."]),
        ("The pump is cited here [1].\n\nIt is blue and heavy. It weighs a ton or two.",
         ["It is blue and heavy. It weighs a ton or two."]),
        ("The pump is cited here [1].\n\nThese are all of its parts:\n\n- the lid [1]\n- the red lamp\n- the motor [2]",
         ["the red lamp"]),
        ("# Of the pump and its parts\n\nIt is cited here [1].", []),
        ("It is cited here [1].\n\nWould you like to know more about it?", []),
        ("Of course!\n\nIt is cited here [1].\n\nThank you.", []),
        ("- The lid is blue.\n\n  It is heavy [1].\n- The lamp is red.\n\n  It is hot.",
         ["The lamp is red.", "It is hot."]),
        ("- The lid is one part of it [1]\n  - and the lamp\n- and the motor [2]", ["and the lamp"]),
        ("| part | colour |\n|---|---|\n| lid | blue [1] |\n| lamp | red |\n| x | |", ["lamp", "red"]),
        ("> The lid is blue and heavy [1]. The lamp is red and hot.", ["The lamp is red and hot."]),
        ("Cited here [1].\n\n```\nthe lid is blue and heavy\n```\n\n$$a = b + c + d + e$$", []),
        ("泵在五月上油[1]。它是蓝色的，而且很重。好的。", ["它是蓝色的，而且很重。"]),
        ("Die Pumpe wird am 3. Mai geölt [1]. Sie ist z. B. im Winter schwer.", ["Sie ist z. B. im Winter schwer."]),
        ("`[1]` cites nothing of the pump. It is blue.", ["[1] cites nothing of the pump. It is blue."]),
    ],
)  # fmt: skip
def test_sentence_behind_the_last_marker_of_its_block_is_marked(text: str, wanted: list[str]) -> None:
    assert marked(text) == wanted


def test_elements_inside_a_sentence_are_whole_and_each_part_says_why() -> None:
    why = f'<span class="uncited" title="{TITLE}">'
    html = html_of("Oiled in May [1]. It is **blue &amp; new**, see `a. B` and <b>\nmore. OK?")
    assert html.partition("</a>. ")[2] == (
        f"{why}It is </span><strong>{why}blue &amp; new</span></strong>{why}, see <code>a. B</code> and &lt;b&gt;\n"
        "more.</span> OK?</p>\n"
    )


def test_marks_change_nothing_else() -> None:
    text = "One [1]. It is **blue** and [site](https://e.org) `x`.\n\n- a b c\n\n| a | b |\n|---|---|\n| c | *d* |\n"
    citations = [CitationView(1, "Tea", None, "Wait.", "/documents/7/")]
    plain = answer_html(text, citations)
    assert "uncited" not in plain
    without = re.sub(r'<span class="uncited" title="[^"]*">(.*?)</span>', r"\1", html_of(text), flags=re.DOTALL)
    assert without == plain


def test_why_is_said_in_the_readers_language() -> None:
    with override("de"):
        assert 'title="Dafür ist keine Textstelle zitiert."' in html_of("Cited [1].\n\nIt is blue and heavy.")


@pytest.mark.parametrize(
    "text", ["a. B " * 20_000, "[1] " * 25_000, "**a** " * 15_000, "- a b\n" * 15_000, "| a b " * 15_000]
)
def test_case_129_long_text_is_marked_in_linear_time(text: str) -> None:
    """Of 100,000 characters: each is in one element at most, and all are still there."""
    html = html_of(f"Cited [1].\n\n{text}")
    assert html.count("<span") == html.count("</span>")
    assert len(re.sub(r"<[^>]+>|\s", "", html)) >= len(re.sub(r"[\s*\-\[\]|]", "", text))
