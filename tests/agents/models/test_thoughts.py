"""What of a streamed text a model thought, and what it said."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from agents import TextDelta, TextWithdrawn, ThinkingDelta
from agents.models.thoughts import Said, ThoughtSplitter


def split(parts: Iterable[str], *, closes_only: bool = False, cut: bool = False) -> list[Said]:
    splitter = ThoughtSplitter(closes_only=closes_only)
    said = [event for part in parts for event in splitter.feed(part)]
    return [*said, *splitter.end(cut=cut)]


def told(said: list[Said]) -> tuple[str, str]:
    """The thoughts, and the answer that is left in the end."""
    thoughts = answer = ""
    for event in said:
        match event:
            case ThinkingDelta(text):
                thoughts += text
            case TextDelta(text):
                answer += text
            case TextWithdrawn(text):
                assert answer.endswith(text)
                answer = answer.removesuffix(text)
    return thoughts, answer


TAGGED = [
    ("<think>So.</think>\n\nYes.", "So.", "Yes."),
    ("\n<think>\nSo.\n</think>Yes.", "\nSo.\n", "Yes."),
    ("<thinking>So.</thinking> Yes.", "So.", "Yes."),
    ("[THINK]So.[/THINK]Yes.", "So.", "Yes."),
    ("◁think▷So.◁/think▷Yes.", "So.", "Yes."),
    ("<think></think>Yes.", "", "Yes."),
    ("<think>a</think>\n<think>b</think>\nYes.", "ab", "Yes."),
    ("<think>if a < b: </thin</think>Yes <b>.", "if a < b: </thin", "Yes <b>."),
    ("So.\n</think>\nYes.", "So.\n", "Yes."),  # the template had written the opening tag
    ("So.</think>\n\nYes.", "So.", "Yes."),
    ("So.\n</think>", "So.\n", ""),
    ('It ends with "</think>" then.', "", 'It ends with "</think>" then.'),
    ("It ends with </think>\nthen.", "", "It ends with </think>\nthen."),
    ("The tag is\n</think> in all.", "", "The tag is\n</think> in all."),
    ("The tag is </think>", "", "The tag is </think>"),
    ("A '</think>' first.\n</think>\n\nYes.", "A '</think>' first.\n", "Yes."),
    ("So.\n\nAnd so.\n</think>\n\nYes.", "So.\n\nAnd so.\n", "Yes."),
    ("<think>So it goes on", "So it goes on", ""),  # never closed: all was thought
    ("Yes.", "", "Yes."),
    ("  Yes < no.", "", "  Yes < no."),
    ("<b>Yes.</b>", "", "<b>Yes.</b>"),
    ("Write <think>a</think> then b.", "a", "Write then b."),
    ("Sure. <think>Hm.</think> More.", "Hm.", "Sure. More."),
    ("Sure.<think>Hm.</think> More.", "Hm.", "Sure. More."),
    ("Sure.\n\n<think>\nHm.\n</think>\n\nMore.", "\nHm.\n", "Sure.\n\nMore."),
    ("Sure.<think>Hm.</think>\n\nMore.", "Hm.", "Sure.\n\nMore."),
    ("<think>a</think>Yes. <think>b</think>No.", "ab", "Yes. No."),
    ("Sure. [THINK]Hm.[/THINK]More. <thinking>b</thinking>", "Hm.b", "Sure. More. "),
    ("<THINK>So.</Think>Yes.", "So.", "Yes."),
    ('<think type="x">So.</think >Yes.', "So.", "Yes."),
    ("Sure. <think  effort='low' >So.</think>Yes.", "So.", "Sure. Yes."),
    ("<think>a <think>b</think> c</think>Yes.", "a <think>b</think> c", "Yes."),
    ("<think>a <think>b <THINK>c</think></think> d</think>Yes.", "a <think>b <THINK>c</think></think> d", "Yes."),
    ("<think>Use `<think>` and `</think>`.</think>Yes.", "Use `<think>` and `</think>`.", "Yes."),
    ("<think>A <think> more.</think>Yes.", "A <think> more.</think>Yes.", "Yes."),  # in thoughts, closed once
    ("Sure. <think>So it goes on", "So it goes on", "Sure. "),
    ("Sure.\n<think>So it goes on", "So it goes on", "Sure.\n"),
    ("The <think> tag opens it.", " tag opens it.", "The <think> tag opens it."),  # a word of a sentence, never closed
    ("A `<think>` and ``a ` <think>b</think>`` stay.", "", "A `<think>` and ``a ` <think>b</think>`` stay."),
    ("See:\n```xml\n<think>a</think>\n```\nEnd.", "", "See:\n```xml\n<think>a</think>\n```\nEnd."),
    (
        "1. See:\n   ~~~\n   <think>a</think>\n   ```\n   ~~~\n<think>b</think>End.",
        "b",
        "1. See:\n   ~~~\n   <think>a</think>\n   ```\n   ~~~\nEnd.",
    ),
    ("```\nx\n```\n<think>b</think>`y`, <think>c</think>z.", "bc", "```\nx\n```\n`y`, z."),
    ("A tick ` alone.\n<think>b</think>End.", "b", "A tick ` alone.\nEnd."),
    ("a <thinker> <think of it> <thought, > <think", "", "a <thinker> <think of it> <thought, > <think"),
    ("Close it with `</think>` then.", "", "Close it with `</think>` then."),
    ("```\nx</think>\n```\nYes.", "", "```\nx</think>\n```\nYes."),
    ("<think>a</think>Yes, `</think>` ends it, </think> too.", "a", "Yes, `</think>` ends it, </think> too."),
]


@pytest.mark.parametrize(("text", "thoughts", "answer"), TAGGED)
@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_case_104_thoughts_are_told_from_the_answer_however_they_are_cut(
    text: str, thoughts: str, answer: str, size: int
) -> None:
    assert told(split(text[at : at + size] for at in range(0, len(text), size))) == (thoughts, answer)


def test_answer_is_passed_on_as_it_comes() -> None:
    assert split(["Whales ", "are ", "large."]) == [TextDelta("Whales "), TextDelta("are "), TextDelta("large.")]


def test_only_what_may_begin_a_tag_is_held_back() -> None:
    parts = ["Sure, a <", " b. <t", "ea", "> x <think", "ing a", "=b", ">So", " it", ".</", "thinking>", "Yes", "."]
    assert split(parts) == [
        TextDelta("Sure, a "),
        TextDelta("< b. "),
        TextDelta("<tea"),
        TextDelta("> x "),
        ThinkingDelta("So"),
        ThinkingDelta(" it"),
        ThinkingDelta("."),
        TextDelta("Yes"),
        TextDelta("."),
    ]


def test_tag_named_in_a_sentence_of_an_answer_that_was_cut_opens_thoughts() -> None:
    assert told(split(["The <think> tag"], cut=True)) == (" tag", "The ")


def test_thoughts_are_passed_on_as_they_come() -> None:
    assert split(["<think>So", " it", " is", "</think>Yes."])[:3] == [
        ThinkingDelta("So"),
        ThinkingDelta(" it"),
        ThinkingDelta(" is"),
    ]


def test_what_was_shown_of_thoughts_that_nothing_opened_is_withdrawn() -> None:
    said = split(["So it ", "is.</th", "ink>\n", "\nYes."])
    assert said == [
        TextDelta("So it "),
        TextDelta("is."),
        TextWithdrawn("So it is."),
        ThinkingDelta("So it is."),
        TextDelta("Yes."),
    ]


def test_model_known_to_close_only_has_nothing_withdrawn() -> None:
    said = split(["So it ", "is.</th", "ink>Yes."], closes_only=True)
    assert said == [ThinkingDelta("So it "), ThinkingDelta("is."), TextDelta("Yes.")]


def test_model_known_to_close_only_may_answer_without_thinking() -> None:
    assert told(split(["Just ", "yes."], closes_only=True)) == ("Just yes.", "Just yes.")
    assert told(split(["Just ", "thou"], closes_only=True, cut=True)) == ("Just thou", "")


@pytest.mark.parametrize("size", [4, 400_000])
@pytest.mark.parametrize(
    "unit", [" ", "\n", "<think></think>", "</think>", "x</think>\n", "<thin", "<think>", "a <think>b</think>", "``"]
)
def test_long_text_is_split_in_one_pass(unit: str, size: int) -> None:
    text = unit * (400_000 // len(unit))
    thoughts, answer = told(split(text[at : at + size] for at in range(0, len(text), size)))
    assert len(thoughts) + len(answer) <= len(text)
