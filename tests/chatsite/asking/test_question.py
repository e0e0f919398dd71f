"""What of a question is searched for."""

import pytest

from chatsite.asking.question import searches


def test_first_question_is_searched_as_it_is() -> None:
    assert searches(["How do I install it?"]) == ("How do I install it?",)


@pytest.mark.parametrize("question", ["and in version 2?", "What about PostgreSQL?", "Does it need a key?", "Why?"])
def test_follow_up_is_searched_with_what_it_follows(question: str) -> None:
    assert searches(["How is version 1 installed?", question]) == (f"How is version 1 installed? {question}",)


def test_follow_up_of_a_follow_up_reaches_back_to_the_subject() -> None:
    questions = ["How is version 1 installed?", "and version 2?", "and version 3?"]
    assert searches(questions) == (" ".join(questions),)


def test_question_that_stands_alone_is_searched_alone() -> None:
    earlier = "How is version 1 installed?"
    assert searches([earlier, "Which collections can readers search?"]) == ("Which collections can readers search?",)


def test_message_is_searched_for_what_it_asks_and_a_follow_up_for_what_the_one_before_asked() -> None:
    hello = "Hello everybody, I hope you are all well today. How is version 1 installed? Many thanks in advance!"
    assert searches([hello]) == ("How is version 1 installed?",)
    assert searches([hello, "and in version 2?"]) == ("How is version 1 installed? and in version 2?",)
    both = "How is version 1 of the site installed? And which collections can readers search?"
    assert len(searches([both])) == 2
