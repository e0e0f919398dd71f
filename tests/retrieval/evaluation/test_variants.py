"""Variants of a set's questions: which there are, what still answers them, and that each run makes the same."""

from __future__ import annotations

import random
from dataclasses import replace

from retrieval.evaluation.located import Located
from retrieval.evaluation.variants import AS_ASKED, FAMILIES, Background, evenly, variants_of

WHEN = Located("When was the Heron sold in May 1950?", {"1": 1}, (), gold="May")
WHO = Located("Who built the Heron in 1940 and why?", {"1": 1}, (), gold="Ann")
BOILER = Located("Where does Señor Boiler live?", {}, (("2", 5, 9),), gold="Rome")
NOWHERE = Located("Which color has the Heron?", {}, ())
QUESTIONS = [WHEN, WHO, BOILER, NOWHERE]
NOTHING = Background(lambda text: False)


def made(
    *families: str, questions: list[Located] = QUESTIONS, most: int = 10, background: Background = NOTHING
) -> dict[str, list[Located]]:
    return dict(variants_of(questions, families, most=most, background=background))


def test_every_variant_is_made_of_questions_that_have_it() -> None:
    variants = made(*FAMILIES)
    assert list(variants) == [
        AS_ASKED,
        *(f"long-{words}-{place}" for words in (31, 253) for place in ("first", "middle", "last")),
        "typos-20",
        "typos-40",
        "no-accents",
        "absent-name",
        "absent-number",
        "answer-removed",
        "off-topic",
        "follow-up",
        "new-subject",
    ]
    assert list(made()) == [AS_ASKED]
    assert list(made("absent", questions=[NOWHERE])) == [AS_ASKED]


def test_rewritten_questions_keep_their_answers() -> None:
    variants = made("long", "typos", "accents")
    assert variants.pop("no-accents") == [replace(BOILER, text="Where does Senor Boiler live?")]
    for name, asked in variants.items():
        assert [replace(one, text="") for one in asked] == [replace(one, text="") for one in QUESTIONS], name


def test_absent_names_have_no_answer_and_unanswerable_questions_none_to_exchange() -> None:
    variants = made("absent")
    assert len(variants["absent-name"]) == 3
    assert len(variants["absent-number"]) == 2
    for asked in variants["absent-name"] + variants["absent-number"]:
        assert not asked.answerable
        assert asked.text not in {one.text for one in QUESTIONS}
    assert list(made("absent", background=Background(lambda text: True))) == [AS_ASKED]


def test_removed_answers_are_marked() -> None:
    [first, *_] = removed = made("removed")["answer-removed"]
    assert [one.text for one in removed] == [WHEN.text, WHO.text, BOILER.text]
    assert (first.removed, first.answerable, first.relevant) == (True, False, {"1": 1})


def test_off_topic_is_another_set_or_everyday_things_in_the_language_asked() -> None:
    assert [one.text for one in made("off-topic", background=replace(NOTHING, elsewhere=["Who?"]))["off-topic"]] == [
        "Who?"
    ]
    german = [Located("Wann wird die Pumpe geölt?", {"1": 1}, ())]
    everyday = made("off-topic", questions=german, most=3)["off-topic"]
    assert [one.answerable for one in everyday] == [False] * 3
    assert everyday[0].text == "Wie lange muss ein Ei kochen, bis das Eigelb fest ist?"


def test_follow_up_points_back_and_a_new_subject_is_of_another_document() -> None:
    variants = made("follow-ups")
    follow_up = replace(WHO, text="Who built it in 1940 and why?", earlier=(WHEN.text,))
    assert variants["follow-up"] == [follow_up]
    assert variants["new-subject"] == [replace(BOILER, earlier=(WHEN.text, follow_up.text))]


def test_two_documents_are_needed_for_a_new_subject() -> None:
    assert list(made("follow-ups", questions=[WHEN, WHO])) == [AS_ASKED, "follow-up"]


def test_each_run_makes_the_same_whatever_else_is_asked() -> None:
    random.seed(1)
    one = made(*FAMILIES)
    random.seed(2)
    assert made(*FAMILIES) == one
    assert made("typos", questions=[BOILER])["typos-20"][0] in one["typos-20"]


def test_number_of_questions_is_kept_to() -> None:
    many = [replace(WHEN, text=f"When was pump T{number} sold?") for number in range(100)]
    asked = made("typos", "absent", questions=many, most=8)
    assert {name: len(questions) for name, questions in asked.items()} == dict.fromkeys(
        [AS_ASKED, "typos-20", "typos-40", "absent-name", "absent-number"], 8
    )
    assert [many.index(one) for one in asked[AS_ASKED]] == [*range(0, 96, 12)]


def test_fewer_questions_with_a_name_are_filled_up_from_the_others() -> None:
    plain = [Located(f"is the pump oiled {'very ' * number}?", {"1": 1}, ()) for number in range(50)]
    assert len(made("absent", questions=[*plain, WHEN, WHO], most=5)["absent-number"]) == 2


def test_rows_are_chosen_evenly() -> None:
    assert evenly(range(10), 5) == [0, 2, 4, 6, 8]
    assert evenly(range(10), 4) == [0, 2, 4, 6]
    assert evenly(range(3), 10) == [0, 1, 2]
    assert evenly([], 10) == []
