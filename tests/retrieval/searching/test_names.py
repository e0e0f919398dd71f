"""Names that tell things apart, in whatever spelling."""

from __future__ import annotations

import pytest

from retrieval.searching.names import codes_among, lacking, missing_names, names_in, nearest_name
from retrieval.text.words import fold
from tests.retrieval.text.work import calls

TEXTS = [
    "Error E-1234 means low pressure. Version 3.5.2 came on 2024-03-05.",
    "See clause 12.4 and get_user() in conf.py. The price is 1,000 EUR, as in 2019.",
]


def missing(question: str) -> list[str]:
    return [name.written for name in missing_names(question, TEXTS)]


@pytest.mark.parametrize(
    "question",
    [
        "What do I do about error E1234?",
        "What does E 1234 mean?",
        "What does e-1234 mean?",
        "What is new in version 3.5.2?",
        "What happened on 5 March 2024?",
        "What happened on March 5, 2024?",
        "What happened on 5. März 2024?",
        "What does clause 12.4 say?",
        "What does get_user() return?",
        "What stands in conf.py?",
        "What costs 1000 EUR?",
        "Who said “low pressure”?",
        "What was it in 2019?",
    ],
)
def test_name_is_found_in_any_spelling(question: str) -> None:
    assert missing(question) == []


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("What do I do about error E1279?", "error E1279"),
        ("What do I do about error E123?", "error E123"),
        ("What is new in version 3.6?", "version 3.6"),
        ("What is new in 3.5.20?", "3.5.20"),
        ("What happened on 6 March 2024?", "6 March 2024"),
        ("What does clause 13.1 say?", "clause 13.1"),
        ("What does get_users() return?", "get_users()"),
        ("What stands in settings.py?", "settings.py"),
        ("Who said “high pressure”?", "high pressure"),
        ("What was it in 1999?", "1999"),
    ],
)
def test_name_that_stands_nowhere_is_missing(question: str, name: str) -> None:
    assert missing(question) == [name]


@pytest.mark.parametrize(
    "question",
    ["How long is the 19th century?", "How far are 20km?", "What is COVID-19?", "Is the U.S. a state?", "Who did it?"],
)
def test_ordinary_words_and_measures_are_no_names(question: str) -> None:
    assert names_in(question) == []


@pytest.mark.parametrize("question", ["What does E-1234 mean?", "What does E 1234 mean?", "and e1234 in 2019?"])
def test_text_that_holds_a_code_lacks_none(question: str) -> None:
    codes = codes_among(names_in(question))
    assert len(codes) == 1
    assert [lacking(codes, fold(text)) for text in TEXTS] == [0, 1]


def test_word_at_the_hyphen_of_a_code_is_no_part_of_it() -> None:
    assert [name.written for name in names_in("Is it E77-dependent, or anti-interleukin-2?")] == ["E77-dependent"]
    assert missing("Is it E1234-dependent?") == []


def test_capitalised_word_that_no_document_holds_is_a_name_inside_a_sentence() -> None:
    def named(question: str, *unknown: str, language: str = "en") -> list[str]:
        return [name.written for name in missing_names(question, TEXTS, unknown=unknown, language=language)]

    assert named("What does the Zephyrion valve do?", "Zephyrion") == ["Zephyrion"]
    assert named("What does the Zephyrion Mark do?", "Zephyrion", "Mark") == ["Zephyrion Mark"]
    assert named("Zephyrion valves do what?", "Zephyrion") == []  # any word begins a sentence with a capital
    assert named("What Does The Zephyrion Valve Do?", "Zephyrion") == []  # nor in a title
    assert named("Was macht das Ventil?", "Ventil", language="de") == []  # nor a German noun
    assert named("What did President Weber promise?", "Weber") == []  # the President's speech needn't name him


@pytest.mark.parametrize(
    ("question", "unknown", "missing"),
    [
        ("Wann wurde Binelat Rudok Bischof?", "Binelat Rudok", ["Binelat Rudok"]),
        ("Welchen Rang gewann Binelat Rudok im Alter von 8 Jahren?", "Binelat Rudok Rang", ["Binelat Rudok"]),
        ("Was kostet ein Liter Benzin?", "Liter Benzin", []),  # one measures the other
        ("Wer regiert in den Vereinigten Staaten?", "Vereinigten Staaten", []),
        ("Konkrete Zahlen gibt es welche?", "Konkrete Zahlen", []),
        ("Was sagt Kanzler Rudok?", "Rudok", []),
    ],
)
def test_two_german_nouns_next_to_each_other_are_a_name(question: str, unknown: str, missing: list[str]) -> None:
    found = missing_names(question, TEXTS, unknown=unknown.split(), language="de")
    assert [name.written for name in found] == missing


def test_nearest_name_is_offered_as_it_is_written() -> None:
    [name] = names_in("What do I do about error E1243?")
    assert nearest_name(name, TEXTS) == "E-1234"
    for question in ("What stands in zoo.toml?", "What is section 12.4?"):
        [other] = names_in(question)
        assert nearest_name(other, TEXTS) == ""


@pytest.mark.parametrize("unit", ["E-", "1.", "a_", "§ 1 ", "“", "1 March ", "x1-"])
def test_case_129_long_questions_take_linear_time(unit: str) -> None:
    assert calls(names_in, unit * 4_000) < 5 * calls(names_in, unit * 1_000)


@pytest.mark.parametrize(
    "question",
    [
        "part" + " " * 200_000,
        "1-" + "aaa-" * 50_000 + "x",
        "§" * 200_000,
        "1" * 200_000,
        "a_" * 100_000,
        "1.000" * 40_000,
    ],
)
def test_nothing_so_long_is_a_name(question: str) -> None:
    assert missing_names(question, ["What part 1 of the a_b says."]) == []
