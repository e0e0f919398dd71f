"""What a message asks, whatever is said around it."""

from __future__ import annotations

import pytest

from retrieval.text.asked import asked_in, goes_on
from tests.retrieval.text.work import calls

STORY = (
    "My colleague told me about this site while we had lunch in the canteen last Tuesday. Before that I kept my notes "
    "in a blue folder which my brother gave me, but it became heavier every month. The weather was not so nice, so we "
    "stayed inside and played cards until midnight."
)


@pytest.mark.parametrize(
    ("message", "asked"),
    [
        ("How do I reset the pump?", ["How do I reset the pump?"]),
        ("opening hours museum", ["opening hours museum"]),
        ("Hi there, how long is the warranty?", ["how long is the warranty?"]),
        ("Hallo, wie viele Tage Urlaub habe ich?", ["wie viele Tage Urlaub habe ich?"]),
        ("How are you all? I hope you are well! How do I reset the pump?", ["How do I reset the pump?"]),
        ("What is it, and why?", ["What is it, and why?"]),
        ("They are so nice to me. How long is the warranty? Thanks!", ["How long is the warranty?"]),
        ("I have the E200. What is the weight?", ["I have the E200. What is the weight?"]),
        (
            "Hello everyone, I hope you are all doing well. I was just wondering, if someone has a moment, how do I "
            "reset the pump? Thank you so much in advance!",
            ["how do I reset the pump?"],
        ),
        (f"{STORY} How do I reset the pump?", ["How do I reset the pump?"]),
        (f"How do I reset the pump? {STORY}", ["How do I reset the pump?"]),
        (f"{STORY} Please explain how to reset the pump. Kind regards", ["Please explain how to reset the pump."]),
        (
            "Guten Tag, ich hoffe, es geht Ihnen gut. Ich wüsste gerne, wie lange die Garantie für die Pumpe gilt. "
            "Vielen Dank im Voraus!",
            ["Ich wüsste gerne, wie lange die Garantie für die Pumpe gilt."],
        ),
        (
            "When I press the red button, what happens to the valve while the motor is running in winter at night?",
            ["When I press the red button, what happens to the valve while the motor is running in winter at night?"],
        ),
    ],
)
def test_question_is_found_in_what_is_said_around_it(message: str, asked: list[str]) -> None:
    assert asked_in(message) == asked


def test_several_questions_are_several_searches() -> None:
    message = f"{STORY} What does the warranty of the boiler cover? And how often is the filter changed? Thanks!"
    assert asked_in(message) == ["What does the warranty of the boiler cover?", "And how often is the filter changed?"]


@pytest.mark.parametrize(
    ("message", "asked"),
    [
        (
            "How long do I keep invoices, how do I cancel a subscription, and what does support cost?",
            ["How long do I keep invoices", "how do I cancel a subscription", "what does support cost?"],
        ),
        (
            "Wie lange gilt die Garantie, wie kündige ich den Vertrag und was kostet der Versand?",
            ["Wie lange gilt die Garantie", "wie kündige ich den Vertrag", "was kostet der Versand?"],
        ),
        ("Which plan is cheapest, and how do I switch plans?", ["Which plan is cheapest", "how do I switch plans?"]),
        ("What is the team which won the cup, and who coached it?", None),  # "it" is the team
        ("Who wrote the music for the film and what was new about the themes?", None),
        ("What happens to the valve, which the motor drives, when the pump stops?", None),
    ],
)
def test_clauses_that_each_ask_are_several_searches(message: str, asked: list[str] | None) -> None:
    assert asked_in(message) == (asked or [message])


def test_where_question_marks_stand_other_sentences_tell() -> None:
    told = "Hier regnet es seit Montag, deshalb sind wir zu Hause geblieben, und alle haben Karten gespielt."
    assert asked_in(f"{told} Wie lange gilt die Garantie?") == ["Wie lange gilt die Garantie?"]
    asked = ["Explain how the pump is reset.", "How long is the warranty?"]
    assert asked_in(f"{told} {' '.join(asked)}") == asked


def test_question_that_points_back_takes_the_sentence_before_along() -> None:
    message = "Hi team, I bought the boiler E200 last winter and it has been leaking. How do I reset it?"
    assert asked_in(message) == ["I bought the boiler E200 last winter and it has been leaking. How do I reset it?"]


def test_message_that_asks_nothing_is_searched_for_without_its_greetings() -> None:
    message = "Hello everybody, good morning! The pump of the boiler E200 makes a noise at night. Thank you very much!"
    assert asked_in(message) == ["The pump of the boiler E200 makes a noise at night."]
    assert asked_in("Thank you very much!") == ["Thank you very much!"]
    assert asked_in("") == [""]


@pytest.mark.parametrize("unit", ["? ", "how, ", "Why? ", "I would like to know ", "a" * 50 + " ", "how" * 3])
def test_case_129_long_messages_take_linear_time(unit: str) -> None:
    assert calls(asked_in, unit * 8_000) < 5 * calls(asked_in, unit * 2_000)


def test_question_marks_without_end_are_read_once() -> None:
    told = "The pump of the boiler makes a noise at night. "
    marks = "?" * 200_000
    assert asked_in(f"{told}What{marks}x")
    assert asked_in(f"{told}What is it{marks}") == [f"{told}What is it{marks}"]


@pytest.mark.parametrize(
    "question",
    ["Where did Mgr. Smith live when the town burnt down?", "Wann wurde Papst Johannes Paul II. Bischof von Krakau?"],
)
def test_question_goes_on_behind_an_abbreviation(question: str) -> None:
    assert asked_in(question) == [question]


@pytest.mark.parametrize("question", ["and in version 2?", "What about PostgreSQL?", "Does it need a key?", "Why?"])
def test_follow_up_goes_on(question: str) -> None:
    assert goes_on(question)


@pytest.mark.parametrize("question", ["Which collections can readers search?", "Wo liegt der Schlüssel des Hauses?"])
def test_question_that_stands_alone_does_not_go_on(question: str) -> None:
    assert not goes_on(question)
