"""What of a question is searched for."""

from chatsite.asking.question import searches


def test_first_question_is_searched_as_it_is() -> None:
    assert searches(["How do I install it?"]) == (("How do I install it?",), "")


def test_question_is_searched_alone_and_knows_what_it_may_follow() -> None:
    assert searches(["How is version 1 installed?", "and in version 2?"]) == (
        ("and in version 2?",),
        "How is version 1 installed?",
    )


def test_follow_up_of_a_follow_up_reaches_back_to_the_subject() -> None:
    questions = ["How is version 1 installed?", "and version 2?", "and version 3?"]
    assert searches(questions) == (("and version 3?",), "How is version 1 installed? and version 2?")


def test_subject_changes_with_a_question_that_stands_alone() -> None:
    questions = ["How is version 1 installed?", "Which collections can readers search?", "and visitors?"]
    assert searches(questions) == (("and visitors?",), "Which collections can readers search?")


def test_message_is_searched_for_what_it_asks_and_a_follow_up_for_what_the_one_before_asked() -> None:
    hello = "Hello everybody, I hope you are all well today. How is version 1 installed? Many thanks in advance!"
    assert searches([hello]) == (("How is version 1 installed?",), "")
    assert searches([hello, "and in version 2?"]) == (("and in version 2?",), "How is version 1 installed?")
    both = "How is version 1 of the site installed? And which collections can readers search?"
    assert len(searches([both])[0]) == 2
