from __future__ import annotations

import pytest

from chatsite.answering.question_parts import asks_for_list, parts_of


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
