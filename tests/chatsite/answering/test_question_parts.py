from __future__ import annotations

import pytest

from chatsite.answering.question_parts import asks_for_list, asks_for_number, has_number, parts_of


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("How do I back up, restore, and what of uploads?", ["How do I back up", "restore", "what of uploads?"]),
        ("Which oil does the pump need and how often?", ["Which oil does the pump need", "how often?"]),
        ("Welches Öl braucht die Pumpe und wer liefert es?", ["Welches Öl braucht die Pumpe", "wer liefert es?"]),
        ("What is it, and why?", ["What is it, and why?"]),
        ("Which port does it listen on?", ["Which port does it listen on?"]),
    ],
)
def test_question_is_parted_where_each_part_says_something(question: str, parts: list[str]) -> None:
    language = "de" if question.startswith("Welches") else "en"
    assert parts_of(question, language=language) == parts


@pytest.mark.parametrize(
    ("question", "is_list"),
    [
        ("How do I install it?", True),
        ("Which authentication methods are there?", True),
        ("What steps does it take?", True),
        ("Wie kann ich das Öl wechseln?", True),
        ("When was it built?", False),
        ("What is the default port?", False),
        ("Wer hat es gebaut?", False),
    ],
)
def test_list_is_asked_for(question: str, is_list: bool) -> None:
    assert asks_for_list(question) is is_list


@pytest.mark.parametrize(
    ("question", "number"),
    [("When did it begin?", True), ("Wie lange gilt sie?", True), ("Who began it?", False), ("Wie geht das?", False)],
)
def test_date_or_an_amount_is_asked_for(question: str, *, number: bool) -> None:
    assert asks_for_number(question) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [("It began in 1990.", True), ("Twelve came.", True), ("It began early. [3]", False), ("Someone came.", False)],
)
def test_source_has_no_number_of_its_own(text: str, *, number: bool) -> None:
    assert has_number(text) == number
