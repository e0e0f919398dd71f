"""Words and terms: cut where a word ends in its script, the same however it is written."""

from __future__ import annotations

import unicodedata

import pytest

from retrieval.text.language import likely_language
from retrieval.text.stems import stem
from retrieval.text.stopwords import stop_words
from retrieval.text.terms import content_terms, terms
from retrieval.text.words import fold, letter_runs, plain_letters, with_parts, words
from tests.retrieval.text.work import calls


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("विद्यार्थी पढ़ता है", ["विद्यार्थी", "पढ़ता", "है"]),
        ("Kühlung der Straße", ["kühlung", "der", "strasse"]),
        ("ภาษาไทย ที่นี่", ["ภาษาไทย", "ที่นี่"]),
        ("كِتَابٌ كتـاب", ["كتاب", "كتاب"]),
        ("한국어는 쉽다", ["한국어는", "쉽다"]),
        ("שָׁלוֹם עולם", ["שלום", "עולם"]),
        ("தமிழ் மொழி", ["தமிழ்", "மொழி"]),
        ("می‌خواهم", ["میخواهم"]),
        ("Ti\u1ebfng Vi\u1ec7t", ["tiếng", "việt"]),
        ("x\u0323\u0307y", ["x\u0323\u0307y"]),
        ("ﬁlter co\xadoperate Ａ", ["filter", "cooperate", "a"]),
        ("QDRANT_URL isn't 3.5, page2", ["qdrant", "url", "isn", "t", "3", "5", "page", "2"]),
        ("L’eau d'ici", ["l", "eau", "d", "ici"]),
        ("… — ! \u0301", []),
    ],
)
def test_words_are_whole_in_every_script(text: str, found: list[str]) -> None:
    assert words(text) == [unicodedata.normalize("NFKC", word) for word in found]


@pytest.mark.parametrize("text", ["Kühlung", "Ångström", "विद्यार्थी पढ़ता", "한국어", "Tiếng Việt", "ÉCOLE"])
def test_composed_and_decomposed_text_is_the_same(text: str) -> None:
    composed, decomposed = unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)
    assert fold(composed) == fold(decomposed)
    assert words(composed) == words(decomposed)
    assert content_terms(composed) == content_terms(decomposed)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Kühlung", {"kuhlung"}),
        ("Wie werden die Pumpen geölt?", {"pump", "geolt"}),
        ("Where are the pumps oiled?", {"pump", "oil"}),
        ("Erkläre die Kühlungen der Pumpe", {"kuhlung", "pump"}),
        ("विद्यार्थी", {"विद्यार्थी"}),
        ("and QDRANT_URL?", {"qdrant_url", "qdrant", "url"}),
        ("openFile at 3.5", {"openfil", "open", "file", "3.5", "3", "5"}),
        ("ポンプの給油", {"ポン", "ンプ", "プの", "の給", "給油"}),
        ("한국어는", {"한국", "국어", "어는"}),
        ("What is it?", set()),
    ],
)
def test_content_terms_are_stems_of_what_says_something(text: str, found: set[str]) -> None:
    assert content_terms(text) == found


def test_terms_of_two_texts_match_in_the_language_that_is_given() -> None:
    assert terms("Kühlung", language="de") == terms("Kühlungen", language="de") == {"kuhlung"}
    assert terms("pumps", language="xx") == {"pumps"}


@pytest.mark.parametrize(
    ("word", "language", "expected"),
    [
        ("relational", "en", "relat"),
        ("kühlungen", "de", "kuhlung"),
        ("насосами", "ru", "насос"),
        ("विद्यार्थियों", "hi", "विद्यार्थ"),
        ("pumper", "nb", "pump"),
        ("pumps", "", "pumps"),
        ("3.5", "en", "3.5"),
        ("a" * 1_000, "en", "a" * 1_000),
    ],
)
def test_stem_is_that_of_its_language(word: str, language: str, expected: str) -> None:
    assert stem(word, language=language) == expected


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How is the pump oiled?", "en"),
        ("Wie wird die Pumpe geölt?", "de"),
        ("Comment la pompe est-elle huilée ?", "fr"),
        ("Как часто смазывают насос и что это?", "ru"),
        ("पंप को कब तेल दिया जाता है", "hi"),
        ("كيف يتم تشغيل المضخة", "ar"),
        ("QDRANT_URL x", ""),
        ("", ""),
    ],
)
def test_small_words_tell_the_language(text: str, language: str) -> None:
    assert likely_language(words(text)) == language


@pytest.mark.parametrize(
    ("word", "language", "little"),
    [("how", "en", True), ("wait", "en", False), ("wie", "de", True), ("how", "fr", False), ("og", "nb", True)],
)
def test_stop_words_are_those_of_a_language(word: str, language: str, *, little: bool) -> None:
    assert (word in stop_words(language)) is little
    assert stop_words("") == frozenset()


def test_camel_case_names_are_also_their_words() -> None:
    assert with_parts("call getUserName twice") == "call getUserName twice\nget User Name"
    assert with_parts("HTTPServer and QDRANT_URL") == "HTTPServer and QDRANT_URL\nHTTP Server"
    assert with_parts("Plain words, NASA and Wörter") == "Plain words, NASA and Wörter"


def test_letters_are_taken_in_runs_where_words_are_not_what_matches() -> None:
    assert letter_runs("ปั๊มน้ำ") == ["ปั๊ม", "ั๊มน", "๊มน้", "มน้ำ"]
    assert letter_runs("ปี") == ["ปี"]
    assert letter_runs("給油") == ["給油"]
    assert letter_runs("油") == ["油"]
    assert letter_runs("한국어") == ["한국", "국어"]
    assert letter_runs("한국") == letter_runs("pump") == letter_runs("насос") == []


@pytest.mark.parametrize(
    "pattern", ["|", " ", "[1]", "\u0301", "a", "a\u0301", "aB", "1.", "a-", "_", "'", "้", "a_", "ก", "한", "'s "]
)
def test_hostile_text_takes_work_in_proportion_to_its_length(pattern: str) -> None:
    for function in (words, content_terms, with_parts):
        once, twice = (calls(function, pattern * (length // len(pattern))) for length in (10_000, 20_000))
        assert twice <= 2.2 * once + 100
        assert function(pattern * (200_000 // len(pattern))) is not None


def test_ligatures_and_full_width_letters_are_plain_where_they_rank() -> None:
    assert plain_letters("ﬁne ＡＢＣ１２ ｶﾞ ² ½ …") == "fine ABC12 ガ ² ½ …"
