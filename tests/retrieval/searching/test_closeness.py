"""How close texts are to a question, with the model of the site."""

from __future__ import annotations

from pathlib import Path

from retrieval.searching.closeness import closeness
from tests.configured import configured

TEXTS = ("The pump must be oiled once a week.", "Dogs bark at night.", "The ﬁlter is cleaned in March.")
QUESTION = "How often does the machine need lubrication?"


def test_text_that_answers_is_closest() -> None:
    cosines = closeness(QUESTION, TEXTS, language="en")
    assert [cosine > 0.2 for cosine in cosines] == [True, False, False]


def test_model_that_does_not_know_the_language_says_nothing() -> None:
    assert closeness("Wie oft wird die Pumpe geölt?", TEXTS, language="de") == []
    assert closeness(QUESTION, [], language="en") == []


def test_address_is_not_asked_a_second_time(tmp_path: Path) -> None:
    with configured(tmp_path, embedding_base_url="http://127.0.0.1:9/v1"):
        assert closeness(QUESTION, TEXTS, language="en") == []
