"""What of a question is searched for."""

import pytest

from chatsite.asking.question import search_query


def test_first_question_is_searched_as_it_is() -> None:
    assert search_query(["How do I install it?"]) == "How do I install it?"


@pytest.mark.parametrize("question", ["and in version 2?", "What about PostgreSQL?", "Does it need a key?", "Why?"])
def test_follow_up_is_searched_with_what_it_follows(question: str) -> None:
    assert search_query(["How is version 1 installed?", question]) == f"How is version 1 installed? {question}"


def test_follow_up_of_a_follow_up_reaches_back_to_the_subject() -> None:
    questions = ["How is version 1 installed?", "and version 2?", "and version 3?"]
    assert search_query(questions) == " ".join(questions)


def test_question_that_stands_alone_is_searched_alone() -> None:
    earlier = "How is version 1 installed?"
    assert search_query([earlier, "Which collections can readers search?"]) == "Which collections can readers search?"
