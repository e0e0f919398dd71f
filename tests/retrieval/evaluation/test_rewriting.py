"""Questions put in another way, in the languages that small talk is known in."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from retrieval.evaluation.rewriting import (
    exchange_name,
    exchange_number,
    misspell,
    point_at,
    spoken,
    surround,
    without_accents,
)
from retrieval.evaluation.small_talk import AROUND, ELSEWHERE, PRONOUNS
from retrieval.text.asked import asked_in

QUESTIONS = {
    "en": "How often is the pump in the cellar oiled?",
    "de": "Wie oft wird die Pumpe im Keller geölt?",
    "fr": "Quand est-ce que la pompe de la cave est huilée ?",
    "es": "¿Con qué frecuencia se engrasa la bomba del sótano?",
    "hi": "तहख़ाने के पंप में तेल कितनी बार डाला जाता है?",
    "th": "ปั๊มน้ำในห้องใต้ดินต้องหยอดน้ำมันบ่อยเท่าใด",
}


def chance(seed: int = 0) -> random.Random:
    return random.Random(seed)


def nothing(_: str) -> bool:
    return False


def differing_words(one: str, other: str) -> int:
    return sum(a != b for a, b in zip(one.split(), other.split(), strict=True))


def test_small_talk_is_known_in_the_same_languages() -> None:
    assert AROUND.keys() == ELSEWHERE.keys() == PRONOUNS.keys() == QUESTIONS.keys()


@pytest.mark.parametrize("language", QUESTIONS)
def test_language_of_questions_and_of_all_small_talk_is_told(language: str) -> None:
    assert spoken(QUESTIONS[language]) == language
    assert spoken(" ".join(AROUND[language])) == language
    assert spoken(" ".join(ELSEWHERE[language])) == language


def test_language_without_small_talk_gets_english() -> None:
    assert spoken("ポンプはいつ給油しますか") == "en"
    assert spoken("") == "en"


@pytest.mark.parametrize("language", QUESTIONS)
@pytest.mark.parametrize("number", [31, 253])
def test_question_stands_whole_among_about_so_many_words(language: str, number: int) -> None:
    question = QUESTIONS[language]
    first, middle, last = (
        surround(question, chance(), words=number, place=place) for place in ("first", "middle", "last")
    )
    assert first.startswith(f"{question} ")
    assert last.endswith(f" {question}")
    before, _, behind = middle.partition(question)
    assert before
    assert behind
    assert sorted(f"{before} {behind}".split()) == sorted(last.removesuffix(question).split())
    if language != "th":  # which spaces no words
        assert abs(len(before.split()) + len(behind.split()) - number) <= 10


def test_small_talk_asks_nothing_in_english() -> None:
    question = QUESTIONS["en"]
    assert asked_in(surround(question, chance(), words=31, place="last")) == [question]


@pytest.mark.parametrize(("share", "misspelt"), [(0.2, 1), (0.4, 2), (1.0, 5)])
def test_that_share_of_the_longer_words_is_misspelt(share: float, misspelt: int) -> None:
    question = "Of the pump, often oiled, what makes it squeak?"  # pump often oiled what makes squeak, of to on it
    for seed in range(50):
        changed = misspell(question, chance(seed), share=share)
        assert differing_words(question, changed) in {misspelt, misspelt + 1}
        assert [changed.split()[i] for i in (0, 1, 7)] == ["Of", "the", "it"]


@pytest.mark.parametrize("language", QUESTIONS)
def test_some_word_of_each_language_is_misspelt(language: str) -> None:
    assert misspell(QUESTIONS[language], chance(), share=0.2) != QUESTIONS[language]


def test_question_without_a_longer_word_stays() -> None:
    assert misspell("Is it on?", chance(), share=0.4) == "Is it on?"
    assert misspell("", chance(), share=0.4) == ""


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Wie heißt die Tür von Señor Łukasz?", "Wie heißt die Tur von Senor Łukasz?"),
        ("Который ёж?", "Которыи еж?"),
        ("πότε λαδώνεται", "ποτε λαδωνεται"),
        (QUESTIONS["hi"], QUESTIONS["hi"]),
        (QUESTIONS["th"], QUESTIONS["th"]),
        ("plain", "plain"),
    ],
)
def test_accents_go_and_vowel_signs_stay(text: str, plain: str) -> None:
    assert without_accents(text, chance()) == plain


# ---- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "before", "behind"),
    [
        ("When did President Biden speak?", "When did ", " speak?"),
        ("What is Biden's age?", "What is ", "'s age?"),
        ("who leads NATO now?", "who leads ", " now?"),
        ("Wann kam Thomas Davis ins Stadion?", "Wann kam ", " ins Stadion?"),
    ],
)
def test_one_name_is_exchanged(text: str, before: str, behind: str) -> None:
    changed = exchange_name(text, chance(), holds=nothing)
    assert changed.startswith(before)
    assert changed.endswith(behind)
    name, made = (one.removeprefix(before).removesuffix(behind) for one in (text, changed))
    assert made != name
    assert len(made.split()) == len(name.split())
    assert made.isupper() == name.isupper()


@pytest.mark.parametrize(
    "text", ["How is it oiled?", "What is I?", "Wann wird die Pumpe im Keller geölt?", QUESTIONS["hi"], ""]
)
def test_question_without_a_name_has_none_to_exchange(text: str) -> None:
    assert exchange_name(text, chance(), holds=nothing) == ""


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("What does error E-1234 mean?", "E-dddd"),
        ("Who won in 2015?", "dddd"),
        ("Are 1,000 sheep enough?", "d,ddd"),
        ("What is p53 for?", "pdd"),
        ("२०१५ में कौन जीता?", "dddd"),
    ],
)
def test_number_is_exchanged_in_its_form(text: str, form: str) -> None:
    [word] = [word for word in text.split() if any(map(str.isdigit, word))]
    changed = exchange_number(text, chance(), holds=lambda made: made == word.strip("?"))
    before, _, behind = text.partition(word.strip("?"))
    made = changed.removeprefix(before).removesuffix(behind)
    assert "".join("d" if sign.isdecimal() else sign for sign in made) == form
    assert made not in text


def test_number_of_one_digit_says_too_little_to_be_exchanged() -> None:
    assert exchange_number("Which 3 pumps are there?", chance(), holds=nothing) == ""
    assert exchange_number("Which pumps are there?", chance(), holds=nothing) == ""


@pytest.mark.parametrize("exchange", [exchange_name, exchange_number])
def test_name_that_a_document_holds_is_not_made_up(exchange: Callable[..., str]) -> None:
    tried: list[str] = []

    def holds(made: str) -> bool:
        tried.append(made)
        return len(tried) < 10

    changed = exchange("When was Heron T1000 sold?", chance(), holds=holds)
    assert tried[-1] in changed
    assert exchange("When was Heron T1000 sold?", chance(), holds=lambda made: True) == ""


@pytest.mark.parametrize(
    ("first", "second", "following"),
    [
        ("Where is Normandy?", "When was Normandy settled?", "When was it settled?"),
        ("Who founded the Royal Society?", "Where is the Royal Society's seat?", "Where is its seat?"),
        ("Wer baute die Pumpe?", "Wann wurde die Pumpe gebaut?", "Wann wurde es gebaut?"),
        ("Where is Normandy?", "When was Brittany settled?", ""),
        ("पैंथर्स ने कितने अंक दिए?", "कब पैंथर्स जीता?", "कब वह जीता?"),
    ],
)
def test_shared_name_becomes_a_pronoun(first: str, second: str, following: str) -> None:
    assert point_at(second, named_in=first) == following


@pytest.mark.parametrize("unit", ["Ab ", "a,.-'", "é", "ก", "ab1 "])
def test_long_texts_take_linear_time(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    assert len(misspell(text, chance(), share=0.4)) > 100_000
    assert len(without_accents(text, chance())) == len(text)
    for changed in (
        exchange_name(text, chance(), holds=nothing),
        exchange_number(text, chance(), holds=nothing),
        point_at(text, named_in="Where is Ab?"),
    ):
        assert changed == "" or len(changed) > 100_000
