import pytest

from retrieval.text.wordlikeness import plain_letters, wordlikeness


@pytest.mark.parametrize(
    ("word", "letters"), [("Gäste", "gaste"), ("don't", "dont"), ("Ünsere", "unsere"), ("舟", ""), ("ﬁsh", "fish")]
)
def test_plain_letters(word: str, letters: str) -> None:
    assert plain_letters(word) == letters


@pytest.mark.parametrize(
    "words",
    [
        "every boat pays twelve euros in summer",
        "jedes boot zahlt im sommer zwolf euro",
        "kazda lodz placi dwanascie euro latem",
        "jokainen vene maksaa kaksitoista euroa",
        "setiap kapal membayar dua belas euro",
    ],
)
def test_words_are_told_from_exchanged_letters(words: str) -> None:
    exchanged = ["".join(chr((ord(letter) - 97 + 3) % 26 + 97) for letter in word) for word in words.split()]
    assert wordlikeness(words.split()) > -5.3 > wordlikeness(exchanged)


def test_nothing_is_neither() -> None:
    assert wordlikeness(["a", ""]) == 0
