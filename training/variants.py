"""Pairs made from given ones: claims, other people's names, and the part of a long passage that doesn't answer."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from training.pairs import Pair

_LEAST = 240  # characters of a part that is worth a pair
_NAME = re.compile(r"(?<=[\w,] )[A-Z][a-z]+(?: [A-Z][a-z]+)*")  # not the first word
_ASKED_FOR = re.compile(  # questions that become a claim when their first word is exchanged for the answer
    r"(?:who|what|which \w+) (?=(?!is\b|are\b|was\b|were\b|do\b|does\b|did\b|can\b|could\b|will\b|would\b|has\b|have\b)"
    r"[a-z]+(?:ed|es|s)\b)",
    re.IGNORECASE,
)
_ASKED_OF = re.compile(r"what (?P<verb>is|are|was|were) (?P<of>(?:the|a|an) .+)", re.IGNORECASE)


def claims(pairs: Sequence[Pair], chance: random.Random) -> Iterator[Pair]:
    """Yield questions said as claims, of the passage that decides them and of another one with the same title."""
    beside: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        if pair.title:
            beside[pair.title].append(pair)
    for pair in pairs:
        if (claim := _claim(pair)) is None:
            continue
        yield replace(pair, question=claim)
        others = [other for other in beside.get(pair.title, ()) if _answer(pair) not in other.passage]
        if others:
            yield replace(chance.choice(others), question=claim, answers=False, span=None)


def _answer(pair: Pair) -> str:
    return pair.passage[slice(*pair.span)] if pair.span else ""


def _claim(pair: Pair) -> str | None:
    question, answer = pair.question.rstrip("? "), _answer(pair)
    if not pair.answers or not answer or len(answer.split()) > 8:
        return None
    if found := _ASKED_FOR.match(question):
        return f"{answer} {question[found.end() :]}."
    if found := _ASKED_OF.fullmatch(question):
        return f"{found['of'][0].upper()}{found['of'][1:]} {found['verb']} {answer}."
    return None


def exchanged_names(pairs: Sequence[Pair], chance: random.Random) -> Iterator[Pair]:
    """Yield questions about a name that the passage doesn't have, put in the place of one that it has."""
    names = sorted({name for pair in pairs for name in _NAME.findall(pair.question)})
    for pair in pairs:
        held = [name for name in _NAME.findall(pair.question) if name in pair.passage]
        if pair.answers and held:
            name, other = chance.choice(held), chance.choice(names)
            if other not in pair.passage:
                yield replace(pair, question=pair.question.replace(name, other), answers=False, span=None)


def parts_without(pairs: Sequence[Pair]) -> Iterator[Pair]:
    """Yield the longer part of a passage that stands before or behind the sentence that answers."""
    for pair in pairs:
        if not (pair.answers and pair.span):
            continue
        before = pair.passage[: pair.passage.rfind(". ", 0, pair.span[0]) + 1]
        ends = pair.passage.find(". ", pair.span[1])
        behind = pair.passage[ends + 2 :] if ends >= 0 else ""
        part = max(before, behind, key=len)
        if len(part) >= _LEAST and _answer(pair).lower() not in part.lower():
            yield replace(pair, passage=part, answers=False, span=None)
