"""One question put in another way: with small talk around it, with typing errors, with another name in it.

Pure functions of a text and of chance, in linear time.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, pairwise

from retrieval.evaluation.measures import UNSPACED_WORD, word_count
from retrieval.evaluation.small_talk import AROUND, PRONOUNS
from retrieval.text.language import likely_language
from retrieval.text.stopwords import stop_words
from retrieval.text.words import MARKS, is_unspaced, words

_USUAL = "en"
_TRIES = 50  # until a made-up name stands in no document
_LONG_ENOUGH = 4  # letters; shorter words are hardly ever misspelt

_SCRIPTS = {"hi": re.compile(r"[\u0900-\u097f]"), "th": re.compile(r"[\u0e00-\u0e7f]")}
_LETTERS = re.compile(rf"[^\W\d_][^\W\d_]*(?:[{MARKS}]+[^\W\d_]*)*")
_LETTER = re.compile(rf".[{MARKS}]*", re.DOTALL)
_ACCENTED = ("LATIN", "GREEK", "CYRILLIC")  # elsewhere marks are vowels
_NAME = re.compile(r"\w(?:[\w'’.,/&-]*\w)?")
_POSSESSIVE = ("'s", "’s")
_OPENS = re.compile(r"(?:\A|[.?!:…])[\s\"“”„«»¿¡(]*\Z")
_ARTICLE = re.compile(
    r"\b(?:the|an?|der|die|das|dem|den|des|ein|eine|einen|einem|einer|le|la|les|un|une|el|los|las)\s\Z"
)
_YEARS = range(1000, 2030)


def spoken(text: str) -> str:
    """Return which of the languages that small talk is known in the text is in; English for any other."""
    for language, script in _SCRIPTS.items():
        if script.search(text):
            return language
    likely = likely_language(words(text))
    return likely if likely in AROUND else _USUAL


# ---- around a question -----------------------------------------------------------------------------------------------
def surround(text: str, chance: random.Random, *, words: int, place: str) -> str:
    """Return the question with so many `words` of small talk around it; it stands at `place`: first, middle or last."""
    small_talk = _small_talk(spoken(text), chance, words=words)
    before = {"first": 0, "middle": len(small_talk) // 2, "last": len(small_talk)}[place]
    return " ".join([*small_talk[:before], text, *small_talk[before:]])


def _small_talk(language: str, chance: random.Random, *, words: int) -> list[str]:
    """Return sentences that have about so many words together, in an order of their own."""
    said: list[str] = []
    left = words
    while True:
        for sentence in chance.sample(AROUND[language], len(AROUND[language])):
            if word_count(sentence) / 2 > left:
                return said
            said.append(sentence)
            left -= word_count(sentence)


# ---- spelling --------------------------------------------------------------------------------------------------------
def misspell(text: str, chance: random.Random, *, share: float) -> str:
    """Return the question with one error in that `share` of its words of four letters and more, in one at least."""
    spans = list(_words_to_misspell(text))
    chosen = sorted(chance.sample(spans, round(share * len(spans)) or min(len(spans), 1)))
    edges = [0, *chain.from_iterable(chosen), len(text)]
    parts = [text[start:end] for start, end in pairwise(edges)]
    return "".join(_mistyped(part, chance) if number % 2 else part for number, part in enumerate(parts))


def _words_to_misspell(text: str) -> Iterator[tuple[int, int]]:
    for match in _LETTERS.finditer(text):
        whole = len(match[0]) if not is_unspaced(match[0]) else UNSPACED_WORD
        for start in range(match.start(), match.end(), whole):
            end = min(start + whole, match.end())
            if end - start >= _LONG_ENOUGH:
                yield start, end


def _mistyped(word: str, chance: random.Random) -> str:
    """Return the word with two letters exchanged, or one left out, typed twice, or typed in place of another."""
    letters, typed = _LETTER.findall(word), word
    while typed == word:
        at, other = chance.randrange(len(letters)), chance.choice(letters)
        typed = "".join(
            chance.choice(
                [
                    [*letters[:at], *letters[at + 1 : at + 2], letters[at], *letters[at + 2 :]],
                    [*letters[:at], *letters[at + 1 :]],
                    [*letters[: at + 1], *letters[at:]],
                    [*letters[:at], other, *letters[at + 1 :]],
                ]
            )
        )
    return typed


def without_accents(text: str, _: random.Random) -> str:
    """Return the question without accents on its letters, as it is typed on another country's keyboard."""
    plain = "".join(_unaccented(letter) for letter in unicodedata.normalize("NFC", text))
    return text if plain == unicodedata.normalize("NFC", text) else plain


def _unaccented(letter: str) -> str:
    if letter.isascii() or not unicodedata.name(letter, "").startswith(_ACCENTED):
        return letter
    return "".join(part for part in unicodedata.normalize("NFD", letter) if not unicodedata.combining(part))


# ---- names -----------------------------------------------------------------------------------------------------------
def exchange_name(text: str, chance: random.Random, *, holds: Callable[[str], bool]) -> str:
    """Return the question with one that no document `holds` in the place of one of its names; empty when it has none.

    A name begins with a capital inside a sentence; in German, where every noun does, it has two such words or more.
    """
    names = [(start, end) for start, end in _names(text) if spoken(text) != "de" or " " in text[start:end]]
    if not names:
        return ""
    start, end = chance.choice(names)
    made = _made_up(lambda: " ".join(_invented(word, chance) for word in text[start:end].split()), holds)
    return text[:start] + made + text[end:] if made else ""


def exchange_number(text: str, chance: random.Random, *, holds: Callable[[str], bool]) -> str:
    """Return the question with one that no document `holds` in the place of a number or a code; empty when it has none
    that can be exchanged so."""
    numbers = [match.span() for match in _NAME.finditer(text) if _tells_apart(match[0])]
    for start, end in chance.sample(numbers, len(numbers)):
        if made := _made_up(partial(_other_number, text[start:end], chance), holds):
            return text[:start] + made + text[end:]
    return ""


def point_at(text: str, *, named_in: str) -> str:
    """Return the question with a pronoun in the place of what it names and `named_in` does as well; empty when they
    share no name. Where letters have no capitals, any word that says something is a name."""
    before, language = f" {named_in.casefold()} ", spoken(text)
    candidates = _telling_words(text, language) if language in _SCRIPTS else _names(text)
    shared = [(start, end) for start, end in candidates if text[start:end].casefold() in before]
    if not shared:
        return ""
    start, end = max(shared, key=lambda span: (span[1] - span[0], -span[0]))
    pronoun = PRONOUNS[language]
    if text[end:].startswith(_POSSESSIVE):
        pronoun, end = "its", end + 2
    return _ARTICLE.sub("", text[:start]) + pronoun + text[end:]


def _names(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the names stand: words with a capital inside a sentence, those next to each other as one."""
    begun: tuple[int, int] | None = None
    for match in _NAME.finditer(text):
        start, end = match.start(), match.end() - 2 * match[0].endswith(_POSSESSIVE)
        if not text[start].isupper() or end - start < 2 or _OPENS.search(text[max(start - 4, 0) : start]):
            continue
        if begun and text[begun[1] : start] == " ":
            begun = begun[0], end
            continue
        if begun:
            yield begun
        begun = start, end
    if begun:
        yield begun


def _telling_words(text: str, language: str) -> Iterator[tuple[int, int]]:
    small = stop_words(language)
    for match in re.finditer(rf"\w[\w{MARKS}]+", text):
        said = match[0]
        if len(said) >= _LONG_ENOUGH and said not in small and not said.isdecimal() and not is_unspaced(said):
            yield match.span()


def _made_up(make: Callable[[], str], holds: Callable[[str], bool]) -> str:
    """Return the first of what is made up that no document holds; empty when all that were tried stand in one."""
    return next((made for made in (make() for _ in range(_TRIES)) if not holds(made)), "")


def _invented(word: str, chance: random.Random) -> str:
    """Return a word that can be pronounced and means nothing, in capitals where `word` is."""
    syllables = (chance.choice("bdfgklmnprstvz") + chance.choice("aeiou") for _ in range(chance.choice([2, 3])))
    made = "".join(syllables) + chance.choice("lmnrstk")
    return made.upper() if word.isupper() else made.capitalize()


def _tells_apart(word: str) -> bool:
    """Return whether it is a code, or a number of two digits or more."""
    digits = sum(map(str.isdecimal, word))
    return digits > 1 or (digits == 1 and not word[0].isdecimal())


def _other_number(number: str, chance: random.Random) -> str:
    """Return a number or a code of the same form: a year for a year, else other digits in the same places."""
    if number.isdecimal() and number.isascii() and int(number) in _YEARS and len(number) == 4:
        return str(chance.choice(_YEARS))
    return "".join(_other_digit(sign, chance) if sign.isdecimal() else sign for sign in number)


def _other_digit(digit: str, chance: random.Random) -> str:
    """Return another digit than 0, of the same script."""
    return chr(ord(digit) - int(digit) + chance.randrange(1, 10))
