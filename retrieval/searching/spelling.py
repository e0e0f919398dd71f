"""What a word that no document says was meant to be: the commonest word of the index that is spelt nearly so.

Which words a reader's collections hold, and in how many chunks, is asked in SQL, so that no word of another collection
is ever suggested. Only the list that near words are looked for in is kept in memory, for all collections together.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from django.db import connection

from retrieval.embedding.embedder import WordKnower
from retrieval.models import CollectionWord
from retrieval.searching.compounds import COMPOUNDING, halves
from retrieval.text.asked import ASKING
from retrieval.text.language import likely_language
from retrieval.text.spellings import unaccented
from retrieval.text.stems import stem
from retrieval.text.stopwords import asking_words, stop_words
from retrieval.text.words import MARKS, VOCABULARY_LONGEST, fold, is_unspaced, words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SHORT, _SHORTEST = 3, 4  # letters of a word that is looked at: with a model that knows short ones, and without
_LONG = 8  # letters of a word that may have two edits
_MOST = 8  # words of one question
_NAMED = 6  # letters of a name; a shorter one is read only as a word that is written with a capital as well,
_SURE = 7  # letters of a word that is hardly another one by chance
_CAPITALS = 1 / 3  # in so many of its chunks at least
_NEAREST = 200  # words that are asked for in SQL
_READ_AGAIN = 100  # rows before the newest known, for two transactions may end in another order than they began
_LETTERS = re.compile(rf"(?<![\w{MARKS}@#/\\])[^\W\d_](?:[^\W\d_]|[{MARKS}])+(?![\w{MARKS}@/\\]|[.:]\w|\()")
_QUOTED = re.compile(r"[\"“„«][^\"“”„«»]*[\"”“»]")


@dataclass(frozen=True)
class Correction:
    """A word as it is written in a question, and the word of the documents that it is read as."""

    written: str
    read_as: str


@dataclass(frozen=True)
class Spelled:
    """A question as it is searched for: which words were read as others, and which stand in no document, nor any word
    that is spelt nearly so."""

    question: str
    corrections: tuple[Correction, ...] = ()
    unknown: tuple[str, ...] = ()


def spelled(
    question: str, *, collection_ids: Sequence[int], languages: Sequence[str], knower: object = None
) -> Spelled:
    """Read the words of `question` that no document of these collections holds, which are in `languages` (ISO 639-1),
    as those that were meant. Names with digits, what stands in quotes, and words that the embedder knows as words
    (`knower`, where it is a WordKnower) are left as they are written."""
    places = _words_of(question, shortest=_SHORT if isinstance(knower, WordKnower) else _SHORTEST)
    unknown = _unknown({fold(place[0]) for place in places}, collection_ids, languages)
    if unknown and isinstance(knower, WordKnower):
        unknown -= knower.known_words(sorted(unknown))
    if not unknown or _is_foreign(question, languages):
        return Spelled(question)
    named = {
        fold(place[0])
        for place in places
        if place[0].isupper() or (place[0][0].isupper() and question[: place.start()].strip())
    }
    meant = _meant(sorted(unknown)[:_MOST], collection_ids, languages, named=named, sure=isinstance(knower, WordKnower))
    for one, other in pairwise(places):
        if question[one.end() : other.start()] == " " and one[0][0].isupper() and other[0][0].isupper():
            _part_of_name(fold(one[0]), fold(other[0]), unknown, meant)
    parts, end = list[str](), 0
    corrections, left = dict[str, Correction](), dict[str, None]()
    for place in places:
        word = fold(place[0])
        if word in meant and meant[word] != word:
            corrections[place[0]] = Correction(place[0], meant[word])
            parts += [question[end : place.start()], meant[word]]
            end = place.end()
        elif word in unknown and meant.get(word) != word and (len(word) >= _SHORTEST or place[0].isupper()):
            left[place[0]] = None
    return Spelled("".join([*parts, question[end:]]), tuple(corrections.values()), tuple(left))


def _words_of(question: str, *, shortest: int) -> list[re.Match[str]]:
    """Return the words that may be spelt wrong or stand nowhere: none in quotes, none that is small or part of a
    name."""
    quoted = [match.span() for match in _QUOTED.finditer(question)]
    return [
        match
        for match in _LETTERS.finditer(question)
        if shortest <= len(match[0]) <= VOCABULARY_LONGEST
        and (match[0][2:].islower() or match[0].isupper())
        and fold(match[0]) not in ASKING
        and not is_unspaced(match[0])
        and not any(start <= match.start() < end for start, end in quoted)
    ]


def _unknown(asked: Set[str], collection_ids: Sequence[int], languages: Sequence[str]) -> set[str]:
    """Return those of these words that no document of the collections holds, in no form that shows their stem, nor, in
    a language that writes words together, the parts of."""
    unknown = asked - _chunks(asked, collection_ids).keys()
    stems = {word: _stems(word, languages) for word in unknown}
    parted = {word: [*halves(word)] if COMPOUNDING.intersection(languages) else [] for word in unknown}
    seconds = {last: {last, *_stems(last, languages)} for parts in parted.values() for _, last in parts}
    firsts = {first for parts in parted.values() for names, _ in parts for first in names}
    held = _chunks({form for forms in (*stems.values(), *seconds.values(), firsts) for form in forms}, collection_ids)
    known = held.keys()
    return {
        word
        for word, forms in stems.items()
        if known.isdisjoint(forms) and not any(known & names and known & seconds[last] for names, last in parted[word])
    }


def _stems(word: str, languages: Sequence[str]) -> set[str]:
    return {stem(word, language=language) for language in languages}


def _chunks(asked: Set[str], collection_ids: Sequence[int]) -> dict[str, tuple[int, int]]:
    """Return in how many chunks of the collections each of these words stands, and in how many with a capital; only of
    the words that any holds."""
    if not asked or not collection_ids:
        return {}
    words, collections = (", ".join(["%s"] * len(values)) for values in (asked, collection_ids))
    where = f"collection_id IN ({collections}) AND word IN ({words}) GROUP BY word"
    with connection.cursor() as cursor:  # the ORM takes ten times as long to write this as it takes to run
        cursor.execute(
            f"SELECT word, SUM(chunks), SUM(capitals) FROM {CollectionWord._meta.db_table} WHERE {where}",  # noqa: S608  # nosec
            [*collection_ids, *sorted(asked)],
        )
        return {word: (chunks, capitals) for word, chunks, capitals in cursor.fetchall()}


def _is_foreign(question: str, languages: Sequence[str]) -> bool:
    """Return whether the question's small words are those of a language that no document is in: then its other words
    are hardly spelt wrong."""
    language = likely_language(words(question))
    return bool(languages and language) and language not in languages


def _meant(
    unknown: Sequence[str],
    collection_ids: Sequence[int],
    languages: Sequence[str],
    *,
    named: Set[str],
    sure: bool,
) -> dict[str, str]:
    """Return the commonest word that is one edit away from each of these, else for longer words two; the word itself
    where it is one in another form. Those that are `named`, written with a capital, are read as names alone. Where
    nobody is `sure` that they are no words, a short one isn't read as one with another letter: wifi is no wiki."""
    _lexicon.refresh()
    near = {word: _lexicon.near(word) for word in unknown}
    counts = _chunks({other for others in near.values() for other in others}, collection_ids)
    small = frozenset().union(*(stop_words(language) | asking_words(language) for language in languages))
    counts |= {other: (1, 0) for others in near.values() for other in others if other in small and other not in counts}
    names = {word for word, (chunks, capitals) in counts.items() if capitals >= _CAPITALS * chunks}
    meant = {}
    for word, others in near.items():
        held = [other for other in others if other in counts]
        if (with_umlauts := _with_umlauts(word)) in held:
            meant[word] = with_umlauts
            continue
        if any(_is_form(word, other, languages) for other in held):
            meant[word] = word
            continue
        if word in named:
            held = [other for other in held if _begins_alike(word, other) and (len(word) >= _NAMED or other in names)]
        if not sure and len(word) < _SURE:
            held = [other for other in held if not _differs_in_a_letter(word, other)]
        least = min((others[other] for other in held), default=0)
        nearest = [other for other in held if others[other] == least]
        if nearest:
            meant[word] = max(nearest, key=lambda other: (counts[other], other))
    return meant


def _differs_in_a_letter(word: str, other: str) -> bool:
    return len(word) == len(other) and sorted(word) != sorted(other)


def _part_of_name(one: str, other: str, unknown: Set[str], meant: dict[str, str]) -> None:
    """Take what was `meant` by a short word back where its neighbour, with a capital as well, stands nowhere: both are
    a name."""
    for short, beside in ((one, other), (other, one)):
        if len(short) < _NAMED and beside in unknown and beside not in meant:
            meant.pop(short, None)


def _begins_alike(word: str, other: str) -> bool:
    """Return whether both begin with the same letter: there names are rarely misspelt."""
    return unaccented(word[0]) == unaccented(other[0])


def _is_form(word: str, other: str, languages: Sequence[str]) -> bool:
    return any(stem(word, language=language) == stem(other, language=language) for language in languages)


class _Lexicon:
    """The words that people ask with, then every word of every collection, in the order in which they came; what has
    left since stays until the next start."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        import numpy as np

        self._newest: tuple[int, str] = (0, "")
        self._words: dict[str, None] = {}
        self._listed: list[str] = []
        self._signs = np.empty(0, np.uint64)
        self._lengths = np.empty(0, np.int16)
        self._add(dict.fromkeys(sorted(ASKING)))

    def refresh(self) -> None:
        """Read the words that have come since the last time; all of them, where the newest known is another by now."""
        with self._lock:
            rows = self._rows(self._newest[0] - _READ_AGAIN)
            if self._newest[0] and self._newest not in rows:
                self._forget()
                rows = self._rows(0)
            if fresh := dict.fromkeys(word for _, word in rows if word not in self._words):
                self._add(fresh)
            self._newest = max(rows, default=(0, ""))

    def _rows(self, after: int) -> list[tuple[int, str]]:
        return list(CollectionWord.objects.filter(pk__gt=after).order_by("pk").values_list("pk", "word"))

    def _add(self, fresh: Mapping[str, None]) -> None:
        import numpy as np

        self._words |= fresh
        self._listed += fresh
        plain = [*map(unaccented, fresh)]
        self._signs = np.append(self._signs, np.fromiter(map(_signs, plain), np.uint64, len(plain)))
        self._lengths = np.append(self._lengths, np.fromiter(map(len, plain), np.int16, len(plain)))

    def near(self, word: str) -> Mapping[str, int]:
        """Return the words one edit away from `word`, and of a long one those two edits away, with how many edits. An
        accent is no edit.

        What a word's signs and its length rule out is left out first: an edit changes two of its signs at most.
        """
        import numpy as np

        with self._lock:
            listed, signs, lengths = self._listed, self._signs, self._lengths
        edits = 2 if len(word) >= _LONG else 1
        as_typed = unaccented if word.isascii() else str  # who types accents means them
        plain = as_typed(word)
        different = np.bitwise_count(signs ^ np.uint64(_signs(plain)))
        [places] = np.nonzero((np.abs(lengths - len(plain)) <= edits) & (different <= 2 * edits))
        others = [listed[place] for place in places.tolist()]
        found = zip(others, _edits(plain, [*map(as_typed, others)]).tolist(), strict=True)
        nearest = sorted((count, other) for other, count in found if count <= edits and other != word)
        return {other: count for count, other in nearest[:_NEAREST]}


def _with_umlauts(word: str) -> str:
    """Return the folded word with the umlauts that it is typed without."""
    for typed, umlaut in (("ae", "ä"), ("oe", "ö"), ("ue", "ü")):
        word = word.replace(typed, umlaut)
    return word


def _signs(word: str) -> int:
    """Return which letters a word has, as bits."""
    signs = 0
    for letter in word:
        signs |= 1 << ord(letter) % 64
    return signs


def _edits(word: str, others: Sequence[str]) -> NDArray[np.int16]:
    """Return how many edits part `word` from each of the others; letters swapped with their neighbours are one
    (optimal string alignment)."""
    import numpy as np

    lengths = np.fromiter(map(len, others), np.intp, len(others))
    if not others:
        return lengths.astype(np.int16)
    width = int(lengths.max())
    letters = np.array(others, f"<U{width}").view(np.uint32).reshape(len(others), width).T
    own = [ord(letter) for letter in word]
    rows = [np.repeat(np.arange(width + 1, dtype=np.int16)[:, None], len(others), axis=1)]
    for at, letter in enumerate(own):
        row, above = np.empty_like(rows[0]), rows[-1]
        row[0] = at + 1
        for column in range(width):
            replaced = above[column] + (letters[column] != letter)
            row[column + 1] = np.minimum(np.minimum(above[column + 1], row[column]) + 1, replaced)
            if at and column:
                swapped = (letters[column] == own[at - 1]) & (letters[column - 1] == letter)
                row[column + 1] = np.where(
                    swapped, np.minimum(row[column + 1], rows[-2][column - 1] + 1), row[column + 1]
                )
        rows.append(row)
    return rows[-1][lengths, np.arange(len(others))]


_lexicon = _Lexicon()


def _forget_after_fork() -> None:
    """Begin anew in a forked child: a thread that it doesn't have may have held the lock."""
    global _lexicon
    _lexicon = _Lexicon()


os.register_at_fork(after_in_child=_forget_after_fork)
